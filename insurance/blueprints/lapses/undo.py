"""Undoing for a day that a policy was put on hold, or let go."""

from collections.abc import Callable
from uuid import UUID

from flask import Response

from insurance.blueprints.lapses import bp
from insurance.blueprints.lapses.standing import on_standing, standing_of
from insurance.core import clock
from insurance.core.db import db
from insurance.lapses import queries, services
from insurance.lapses.models import LapseHold
from insurance.lapses.permissions import LapsesMay
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.filters import day
from insurance.web.undo import AS_BEFORE, undo_screen


@bp.route("/undo/hold/<uuid:hold_id>", methods=["GET", "POST"])
@requires(LapsesMay.HOLD)
def undo_hold(hold_id: UUID) -> Response:
    """Undo a hold: the policy is not held by it."""
    return _undo(hold_id, "Undo the hold of", services.undo_hold)


@bp.route("/undo/release/<uuid:hold_id>", methods=["GET", "POST"])
@requires(LapsesMay.HOLD)
def undo_release(hold_id: UUID) -> Response:
    """Undo a release: the hold stands as it did."""
    return _undo(hold_id, "Undo the release of", services.undo_release)


def _undo(hold_id: UUID, title: str, command: Callable[..., LapseHold]) -> Response:
    hold = queries.get_hold(db.session(), hold_id)
    standing = standing_of(hold.policy_id, business_day())
    act = on_standing(
        standing,
        title,
        "Undo",
        facts=[("Reason", hold.reason), ("Until", hold.expires_on)],
        says=f"What stops a lapse of this policy is as it was before. {AS_BEFORE}",
    )
    return undo_screen(
        act,
        lambda: command(hold_id, now=clock.now()),
        f"Undone on {standing.policy.policy_number}: hold until {day(hold.expires_on)}.",
    )
