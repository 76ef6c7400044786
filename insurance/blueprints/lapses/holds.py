"""Why and when one policy will lapse, and the holds that keep it from lapsing."""

from uuid import UUID

from flask import Response, url_for
from wtforms import TextAreaField

from insurance.blueprints.lapses import bp
from insurance.blueprints.lapses.index import BLOCKS
from insurance.blueprints.lapses.standing import standing_of
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError, NotFoundError
from insurance.lapses import queries, services
from insurance.lapses.permissions import LapsesMay
from insurance.lapses.rules import LAPSABLE
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import DayField, Form, Required, TextField
from insurance.web.html import go, page, refuse


class HoldForm(Form):
    """Why, and until when."""

    reason = TextField("Reason", [Required()], longest=500, widget=TextAreaField.widget)
    expires_on = DayField("Day on which the hold ends", [Required()])


class ReleaseForm(Form):
    """A press on the button."""


@bp.route("/holds/<uuid:policy_id>")
@requires(LapsesMay.VIEW)
def policy(policy_id: UUID) -> Response:
    """Show why and when a policy will lapse, with its holds and notices."""
    on = business_day()
    standing = standing_of(policy_id, on)
    return page(
        "lapses/policy.html",
        standing=standing,
        blocks=BLOCKS,
        on=on,
        can_lapse=standing.policy.status in LAPSABLE,
    )


@bp.route("/holds/<uuid:policy_id>/new", methods=["GET", "POST"])
@requires(LapsesMay.HOLD)
def place_hold(policy_id: UUID) -> Response:
    """Keep a policy from lapsing until a day."""
    on = business_day()
    form = HoldForm()
    if form.validate_on_submit():
        try:
            services.place_hold(
                policy_id,
                reason=form.reason.data or "",
                expires_on=form.expires_on.data or on,
                on=on,
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for(".policy", policy_id=policy_id), "The policy is on hold.")
    return page(
        "lapses/hold.html",
        part="hold_form",
        status=form.status,
        form=form,
        standing=standing_of(policy_id, on),
        on=on,
    )


@bp.route("/holds/<uuid:policy_id>/<uuid:hold_id>/release", methods=["GET", "POST"])
@requires(LapsesMay.HOLD)
def release_hold(policy_id: UUID, hold_id: UUID) -> Response:
    """Confirm, and let a policy lapse again."""
    on = business_day()
    hold = queries.get_hold(db.session(), hold_id)
    if hold.policy_id != policy_id:
        raise NotFoundError("There is no such hold.")
    form = ReleaseForm()
    if form.validate_on_submit():
        try:
            services.release_hold(hold_id, now=clock.now())
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for(".policy", policy_id=policy_id), "The hold was released.")
    return page(
        "lapses/release_hold.html",
        part="release_form",
        status=form.status,
        form=form,
        hold=hold,
        standing=standing_of(policy_id, on),
    )
