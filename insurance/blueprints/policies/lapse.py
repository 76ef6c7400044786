"""Lapsing a policy by hand: from when, with what owed, and what stands in the way."""

from uuid import UUID

from flask import Response, url_for
from wtforms import TextAreaField

from insurance.blueprints.policies import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.policies import queries, services
from insurance.policies.lifecycle_rules import allowed_moves
from insurance.policies.models import PolicyStatus
from insurance.policies.permissions import PoliciesMay
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import Form, Required, TextField
from insurance.web.html import go, page, refuse


class LapseForm(Form):
    """Why."""

    reason = TextField("Reason", [Required()], longest=500, widget=TextAreaField.widget)


@bp.route("/<uuid:policy_id>/lapse", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def lapse(policy_id: UUID) -> Response:
    """Say from when cover ends, then lapse."""
    line = queries.get_policy_line(db.session(), policy_id)
    on = business_day()
    forecast = services.forecast_of(db.session(), policy_id, on)
    form = LapseForm()
    if form.validate_on_submit():
        try:
            done = services.lapse_policy(
                policy_id, reason=form.reason.data or "", on=on, now=clock.now()
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(
                url_for(".show", policy_id=policy_id),
                f"{line.policy.policy_number} lapsed as from {done.effective_date:%Y/%m/%d}.",
            )
    return page(
        "policies/lapse.html",
        part="lapse_form",
        status=form.status,
        form=form,
        policy=line.policy,
        forecast=forecast,
        can=PolicyStatus.LAPSED in allowed_moves(line.policy.status) and forecast.is_candidate,
    )
