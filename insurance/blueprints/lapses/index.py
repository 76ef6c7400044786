"""Policies in arrears: what is due to lapse, tomorrow, in grace, and what is stopped and why."""

from datetime import date
from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.lapses import bp
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.paging import decode_cursor
from insurance.debit_orders.queries import list_collecting
from insurance.lapses import queries
from insurance.lapses.permissions import LapsesMay
from insurance.lapses.queries import LapseState
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.html import next_url, page

ROWS = 25
TABS = {
    LapseState.DUE: "Due to lapse",
    LapseState.TOMORROW: "Tomorrow",
    LapseState.IN_GRACE: "In grace",
    LapseState.BLOCKED: "Blocked",
}
BLOCKS = {
    "HOLD": "On hold",
    "COLLECTION_IN_FLIGHT": "A collection is in flight",
    "WITHIN_TOLERANCE": "Arrears within the tolerance",
    "NO_NOTICE": "No proof of a notice of non-payment",
    "MONEY_HELD": "Money for it is held, which pays the oldest premium first",
}


@bp.route("")
@requires(LapsesMay.VIEW)
def index() -> Response:
    """List policies in arrears by what happens to them next."""
    session, on = db.session(), business_day()
    chosen = request.args.get("state", "")
    state = LapseState(chosen) if chosen in set(LapseState) else LapseState.DUE
    cursor = request.args.get("cursor")
    collecting = list_collecting(session, on=on)
    kept = queries.find_arrears_list(session, on)
    list_them = queries.list_kept_arrears if kept else queries.list_lapse_candidates
    found = list_them(
        session,
        on,
        ROWS,
        _position(cursor) if cursor else None,
        state=state,
        collecting=collecting,
    )
    return page(
        "lapses/index.html",
        part="arrears",
        lines=found.items,
        state=state,
        tabs=TABS,
        blocks=BLOCKS,
        counts=kept.counts
        if kept
        else queries.count_lapse_states(session, on, collecting=collecting),
        taken_at=kept.taken_at if kept else None,
        on=on,
        next=next_url(found),
        first=url_for("lapses.index", state=state.value),
    )


def _position(cursor: str) -> tuple[date, UUID]:
    day, policy_id = decode_cursor(cursor, 2)
    try:
        return date.fromisoformat(day), UUID(policy_id)
    except ValueError as error:
        raise DomainError("This page link is not valid.", field="cursor") from error
