"""Policies in arrears: what is due to lapse, tomorrow, in grace, and what is stopped and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from flask import Response, url_for
from sqlalchemy.orm import Session

from insurance.blueprints.lapses import bp
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.listing import Wanted
from insurance.core.paging import Page, decode_cursor
from insurance.debit_orders.queries import list_collecting
from insurance.lapses import queries
from insurance.lapses.permissions import LapsesMay
from insurance.lapses.queries import LapseState
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.business import business_day

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


_EMPTY = {
    LapseState.DUE: lists.Empty(
        "Nothing is due to lapse",
        "A policy appears here when its grace has run out and nothing stops the lapse.",
    ),
    LapseState.TOMORROW: lists.Empty(
        "Nothing lapses tomorrow", "Policies on their last day of grace appear here."
    ),
    LapseState.IN_GRACE: lists.Empty(
        "No policy is in grace", "No unpaid premium is within its days of grace."
    ),
    LapseState.BLOCKED: lists.Empty(
        "Nothing is blocked",
        "A hold, a collection in flight, the tolerance or a missing notice would show here.",
    ),
}


@bp.route("", methods=["GET", "POST"])
@requires(LapsesMay.VIEW)
def index() -> Response:
    """List policies in arrears by what happens to them next."""
    facts = _facts()
    screen = replace(_ARREARS, facts=lambda: facts, read=partial(_read, facts))
    return lists.show(screen, "lapses/index.html", on=business_day())


@dataclass(frozen=True)
class _Facts:
    collecting: Sequence[UUID]
    kept: queries.KeptArrears | None
    counts: Mapping[Any, int]


def _facts() -> _Facts:
    session, on = db.session(), business_day()
    collecting, kept = list_collecting(session, on=on), queries.find_arrears_list(session, on)
    counts = kept.counts if kept else queries.count_lapse_states(session, on, collecting=collecting)
    return _Facts(collecting, kept, counts)


def _read(facts: _Facts, session: Session, wanted: Wanted) -> Page[queries.ArrearsLine]:
    list_them = queries.list_kept_arrears if facts.kept else queries.list_lapse_candidates
    return list_them(
        session,
        business_day(),
        wanted.limit,
        _position(wanted.cursor) if wanted.cursor else None,
        state=LapseState(wanted.narrowed["state"]),
        collecting=facts.collecting,
    )


def _stopped_by(line: queries.ArrearsLine) -> str:
    said = [
        f"{BLOCKS[block]}: {line.hold_reason}" if block == "HOLD" else BLOCKS[block]
        for block in line.blocked_by
    ]
    return "; ".join(said) or "Nothing"


def _forecast(line: queries.ArrearsLine) -> lists.Cell:
    url = url_for(".policy", policy_id=line.policy_id)
    return lists.Cell("Why and when", url, says=f"Why and when {line.policy_number} lapses")


def _position(cursor: str) -> tuple[date, UUID]:
    day, policy_id = decode_cursor(cursor, 2)
    try:
        return date.fromisoformat(day), UUID(policy_id)
    except ValueError as error:
        raise DomainError("This page link is not valid.", field="cursor") from error


_ARREARS = lists.ListScreen(
    title="Arrears and lapses",
    caption="Policies in arrears, the longest lapsed first",
    id_of=lambda line: line.policy_id,
    record=("policies.show", "policy_id"),
    tabs=lambda facts: [lists.Tab(state, TABS[state], facts.counts[state]) for state in TABS],
    tab_name="state",
    own_tab=LapseState.DUE,
    columns=lists.columns(
        "policy_number: Policy | customer_name: Customer",
        "product_name: Product, extra, muted | status: Status, tag",
        "arrears: Arrears, money, key | oldest_unpaid: Oldest unpaid, day",
        "grace_end: Grace ends, day | lapse_date: Lapses on, day",
        "stopped: Stopped by, wrapped | forecast: Forecast",
        stopped=_stopped_by,
        forecast=_forecast,
    ),
    buttons=[lists.Button("Lapse rules", "lapses.rules")],
    empty=lambda asked: _EMPTY[LapseState(asked.tab)],
)
