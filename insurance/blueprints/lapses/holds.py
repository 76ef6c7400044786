"""Why and when one policy will lapse, and the holds that keep it from lapsing."""

from uuid import UUID

from flask import Response, url_for

from insurance.blueprints.lapses import bp
from insurance.blueprints.lapses.index import BLOCKS
from insurance.blueprints.lapses.standing import on_standing, standing_of
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.core.undo import UNDO_FOR
from insurance.lapses import queries, services
from insurance.lapses.permissions import LapsesMay
from insurance.lapses.rules import LAPSABLE
from insurance.web.access import requires
from insurance.web.acts import act_screen
from insurance.web.business import business_day
from insurance.web.filters import day, money
from insurance.web.forms import DayField, Form, Required, SureForm, reason_field
from insurance.web.html import page
from insurance.web.undo import UndoOffer


class HoldForm(Form):
    """Why, and until when."""

    reason = reason_field()
    expires_on = DayField(
        "Day on which the hold ends",
        [Required()],
        description="From that day the policy may lapse again; at most a year away.",
    )


@bp.route("/holds/<uuid:policy_id>")
@requires(LapsesMay.VIEW)
def policy(policy_id: UUID) -> Response:
    """Show why and when a policy will lapse, with its holds and notices."""
    on = business_day()
    standing = standing_of(policy_id, on)
    return page(
        "lapses/policy.html",
        standing=standing,
        undo=_undoable(standing),
        blocks=BLOCKS,
        on=on,
        can_lapse=standing.policy.status in LAPSABLE,
    )


def _undoable(standing: queries.PolicyStanding) -> dict[UUID, UndoOffer]:
    """Return by hold where it, or its release, can still be undone."""
    if not current_actor().may(LapsesMay.HOLD):
        return {}
    done = [
        (hold.id, "undo_release", hold.released_at)
        if hold.released_at
        else (hold.id, "undo_hold", hold.placed_at)
        for hold in standing.holds
    ]
    return {
        hold_id: UndoOffer(url_for(f".{way}", hold_id=hold_id), at + UNDO_FOR)
        for hold_id, way, at in done
        if clock.now() - at <= UNDO_FOR
    }


@bp.route("/holds/<uuid:policy_id>/new", methods=["GET", "POST"])
@requires(LapsesMay.HOLD)
def place_hold(policy_id: UUID) -> Response:
    """Keep a policy from lapsing until a day."""
    on, form = business_day(), HoldForm()
    standing = standing_of(policy_id, on)
    forecast = standing.forecast
    stands = "Nothing is owed today."
    if forecast.lapse_date:
        stands = (
            f"{money(forecast.arrears)} is owed and the policy would lapse on"
            f" {day(forecast.lapse_date)}."
        )
    act = on_standing(
        standing,
        "Hold",
        "Hold policy",
        says=f"{stands} While it is on hold it does not lapse; premiums stay owed.",
    )
    return act_screen(
        act,
        form,
        lambda: services.place_hold(
            policy_id,
            reason=form.reason.data or "",
            expires_on=form.expires_on.data or on,
            on=on,
            now=clock.now(),
        ),
        lambda hold: f"{standing.policy.policy_number} is on hold until {day(hold.expires_on)}.",
        undo=lambda hold: url_for(".undo_hold", hold_id=hold.id),
    )


@bp.route("/holds/<uuid:policy_id>/<uuid:hold_id>/release", methods=["GET", "POST"])
@requires(LapsesMay.HOLD)
def release_hold(policy_id: UUID, hold_id: UUID) -> Response:
    """Confirm, and let a policy lapse again."""
    hold = queries.get_hold(db.session(), hold_id)
    if hold.policy_id != policy_id:
        raise NotFoundError("There is no such hold.")
    standing = standing_of(policy_id, business_day())
    forecast = standing.forecast
    stands = "Nothing is owed, so nothing lapses."
    if forecast.lapse_date:
        stands = (
            f"{money(forecast.arrears)} is owed. Without the hold the policy lapses on"
            f" {day(forecast.lapse_date)} unless something else stops it."
        )
    act = on_standing(
        standing,
        "Release",
        "Release hold",
        says=f"“{hold.reason}” holds the policy until {day(hold.expires_on)}. {stands}",
        is_danger=True,
    )
    return act_screen(
        act,
        SureForm(),
        lambda: services.release_hold(hold_id, now=clock.now()),
        f"The hold of {standing.policy.policy_number} was released.",
        undo=lambda released: url_for(".undo_release", hold_id=released.id),
    )
