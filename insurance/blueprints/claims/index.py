"""Claims by tab, those that wait for a decision by deadline, and the next one to take."""

from datetime import datetime
from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.claims import bp
from insurance.claims import queries, services
from insurance.claims.permissions import ClaimsMay
from insurance.claims.rules import TABS
from insurance.claims.rules.statuses import UNDECIDED
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.paging import decode_cursor
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.html import go, next_url, page

ROWS = 25
_EMPTY = {
    "open": ("No claim waits for a decision", "Claims are registered on the page of a policy."),
    "pending_documents": ("No claim waits for documents", "Every open claim has its documents."),
    "sla_breaches": ("Every claim is in time", "A claim that is not decided when due shows here."),
    "pending_approval": (
        "Nothing waits for a second person",
        "Claims above somebody's limit and payments to a changed payee show here.",
    ),
    "approved": (
        "Nothing is left to pay",
        "Claims that are approved and not wholly paid show here.",
    ),
    "paid": ("No claim has been paid", "Paid claims show here until they are closed."),
    "rejected": ("No claim was refused", "Refused claims show here until they are closed."),
}


@bp.route("")
@requires(ClaimsMay.VIEW)
def index() -> Response:
    """List claims of a tab; `mine` leaves those of others out."""
    session, now = db.session(), clock.now()
    tab = request.args.get("tab", "open")
    tab = tab if tab in TABS else "open"
    mine = request.args.get("mine") == "1"
    q = request.args.get("q", "")[:100]
    cursor = request.args.get("cursor")
    found = queries.list_claim_rows(
        session,
        limit=ROWS,
        tab=None if q.strip() else tab,
        now=now,
        after=_position(cursor) if cursor else None,
        assigned_to=current_actor().user_id if mine else None,
        q=q,
    )
    return page(
        "claims/index.html",
        part="claims",
        lines=found.items,
        tab=tab,
        tabs=TABS,
        by_deadline=tab in queries.BY_DEADLINE,
        undecided=UNDECIDED,
        empty=_EMPTY[tab],
        counts=queries.count_tabs(session, now=now),
        at_most=queries.BREACHES_AT_MOST,
        mine=mine,
        q=q,
        now=now,
        next=next_url(found),
        first=url_for("claims.index", tab=tab, mine="1" if mine else None),
    )


@bp.post("/next")
@requires(ClaimsMay.ASSESS)
def take_next() -> Response:
    """Take the claim with the nearest deadline that nobody else has, and open it."""
    claim_id = services.take_next(on=business_day(), now=clock.now())
    if claim_id is None:
        return go(url_for(".index"), "No claim waits for a decision that nobody else has.")
    return go(url_for(".show", claim_id=claim_id))


@bp.get("/next")
@requires(ClaimsMay.VIEW)
def open_next() -> Response:
    """Open the next claim by deadline after the one in view, past those that others have."""
    session, now = db.session(), clock.now()
    after = None
    claim_id = request.args.get("after", "")
    if claim_id:
        line = queries.get_claim_line(session, _uuid(claim_id))
        after = queries.place_of(line)
    found = queries.list_claims(
        session, limit=1, tab="open", now=now, after=after, free_for=current_actor().user_id
    )
    if not found.items:
        return go(
            url_for(".index"), "No claim that nobody else has waits for a decision after this one."
        )
    return go(url_for(".show", claim_id=found.items[0].id))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise DomainError("This link is not valid.", field="after") from error


def _position(cursor: str) -> tuple[datetime, UUID]:
    due, claim_id = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(due), UUID(claim_id)
    except ValueError as error:
        raise DomainError("This page link is not valid.", field="cursor") from error
