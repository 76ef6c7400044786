"""Waiving or writing off what is open of a premium: always two people."""

from uuid import UUID

from flask import Response, url_for
from wtforms import RadioField, TextAreaField

from insurance.billing import queries as billing
from insurance.billing.models import LineStatus
from insurance.billing.permissions import PremiumsMay
from insurance.blueprints.policies import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.policies import queries, services
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import Form, Required, TextField
from insurance.web.html import go, page, refuse

WAIVE, WRITE_OFF = "WAIVE", "WRITE_OFF"


class GiveUpForm(Form):
    """Which way, and why."""

    way = RadioField(
        "How",
        choices=[
            (WAIVE, "Waive: the insurer bears this premium, as a goodwill or for its own mistake"),
            (WRITE_OFF, "Write off: it is owed, and will not be collected"),
        ],
        default=WAIVE,
    )
    reason = TextField("Reason", [Required()], longest=500, widget=TextAreaField.widget)


@bp.route("/<uuid:policy_id>/premiums/<uuid:line_id>/give-up", methods=["GET", "POST"])
@requires(PremiumsMay.WAIVE)
def give_up(policy_id: UUID, line_id: UUID) -> Response:
    """Say what would be given up, then ask a second person."""
    line = queries.get_policy_line(db.session(), policy_id)
    premium = billing.get_premium_line(db.session(), policy_id, line_id)
    form = GiveUpForm()
    if form.validate_on_submit():
        ask = services.waive_premium if form.way.data == WAIVE else services.write_off_premium
        try:
            asked = ask(
                policy_id,
                line_id,
                reason=form.reason.data or "",
                on=business_day(),
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(
                url_for("approvals.show", approval_id=asked.approval_id),
                "A second person has been asked. Nothing has changed yet.",
            )
    return page(
        "policies/give_up.html",
        part="give_up_form",
        status=form.status,
        form=form,
        policy=line.policy,
        premium=premium,
        can=premium.posted_at is not None
        and premium.status in (LineStatus.PENDING, LineStatus.OVERDUE),
    )
