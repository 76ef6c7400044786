"""Lists of claims, their tabs, and the queue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, func, literal_column, or_, select, text
from sqlalchemy.orm import Session

from insurance.claims.models import (
    Claim,
    ClaimItem,
    ClaimStatus,
)
from insurance.claims.queries.claim import ClaimLine, lines
from insurance.claims.rules.statuses import UNDECIDED
from insurance.core.paging import Page, page_of
from insurance.core.reading import read_rows
from insurance.core.tenancy import current_org

BY_DEADLINE = ("open", "pending_documents", "sla_breaches")
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
_WAITS: Any = literal_column(
    "claims.status IN ('SUBMITTED', 'PENDING_DOCUMENTS', 'UNDER_ASSESSMENT')"
)
"""Constant text, so that the planner knows the index of the queue whatever the parameters."""
_SEARCH = text("SELECT found.id FROM ins.sd_search_claims(:q, :limit) AS found")
_FOUND_AT_MOST = 200
_UNDECIDED = [ClaimStatus(status) for status in UNDECIDED]


@dataclass(frozen=True, slots=True)
class ClaimListRow:
    """A claim as the list on screen prints it, without more."""

    id: UUID
    claim_number: str
    status: str
    due_at: datetime | None
    warn_at: datetime | None
    is_escalated: bool
    total_claimed: Decimal
    life_name: str
    claim_type: str
    assigned_to_email: str | None
    policy_number: str
    customer_name: str
    product_name: str

    @property
    def last_moment(self) -> datetime | None:
        """Return the last minute in which a decision is in time."""
        return self.due_at - timedelta(minutes=1) if self.due_at else None


def list_claims(
    session: Session,
    *,
    limit: int,
    tab: str | None = None,
    now: datetime,
    after: tuple[datetime, UUID] | None = None,
    policy_id: UUID | None = None,
    assigned_to: UUID | None = None,
    free_for: UUID | None = None,
    q: str = "",
) -> Page[ClaimLine]:
    """Return claims. What waits for a decision comes by deadline, the rest newest first.

    `free_for` leaves out what a colleague of that person has.
    """
    query = lines()
    if tab is not None:
        query = query.where(_tab(session, tab, now))
    if policy_id is not None:
        query = query.where(Claim.policy_id == policy_id)
    if assigned_to is not None:
        query = query.where(Claim.assigned_to == assigned_to)
    if free_for is not None:
        query = query.where(or_(Claim.assigned_to.is_(None), Claim.assigned_to == free_for))
    if q.strip():
        found = session.scalars(_SEARCH, {"q": q.strip(), "limit": _FOUND_AT_MOST}).all()
        query = query.where(Claim.id.in_(found))
    if tab in BY_DEADLINE:
        found_rows: Sequence[Any] = _queue(session, query, limit + 1, after)
    else:
        if after is not None:
            query = query.where(Claim.id < after[1])
        found_rows = session.execute(query.order_by(Claim.id.desc()).limit(limit + 1)).all()
    rows = [ClaimLine(*row) for row in found_rows]
    return page_of(rows, limit, lambda line: (place_of(line)[0].isoformat(), line.id))


def _queue(
    session: Session, query: Any, limit: int, after: tuple[datetime, UUID] | None
) -> list[Any]:
    """Return rows by deadline, then those whose clock stands still: two ranges of one index."""
    rows: list[Any] = []
    is_timed = after is None or after[0] < FOREVER
    if is_timed:
        timed = query.where(Claim.due_at.is_not(None))
        if after is not None:
            timed = timed.where(func.row(Claim.due_at, Claim.id) > func.row(*after))
        rows += session.execute(timed.order_by(Claim.due_at, Claim.id).limit(limit)).all()
    if len(rows) < limit:
        still = query.where(Claim.due_at.is_(None))
        if after is not None and not is_timed:
            still = still.where(Claim.id > after[1])
        rows += session.execute(
            still.order_by(Claim.due_at, Claim.id).limit(limit - len(rows))
        ).all()
    return rows


def find_next_to_pay(session: Session, *, after: UUID, payer: UUID | None) -> UUID | None:
    """Return the next approved claim that a person may pay: the oldest after one, then any other.

    What the person decided, and payments that wait for a second person, are left out.
    """
    own = exists().where(
        ClaimItem.org_id == current_org(),
        ClaimItem.claim_id == Claim.id,
        ClaimItem.decided_by == payer,
    )
    query = select(Claim.id).where(
        Claim.org_id == current_org(),
        _tab(session, "approved", FOREVER),
        Claim.id != after,
        Claim.id.not_in(_waiting_payments(session)),
        ~own,
    )
    return session.scalars(query.order_by((Claim.id > after).desc(), Claim.id).limit(1)).first()


def place_of(line: ClaimLine) -> tuple[datetime, UUID]:
    """Return where a claim stands in the queue of deadlines."""
    return (line.claim.due_at or FOREVER, line.id)


def _tab(session: Session, tab: str, now: datetime) -> Any:
    if tab == "open":
        return _WAITS
    if tab == "pending_documents":
        return and_(_WAITS, Claim.due_at.is_(None))
    if tab == "sla_breaches":
        return and_(_WAITS, Claim.due_at < now)
    if tab == "pending_approval":
        return or_(Claim.escalated_at.is_not(None), Claim.id.in_(_waiting_payments(session)))
    statuses = {
        "approved": [ClaimStatus.APPROVED, ClaimStatus.PARTIALLY_APPROVED, ClaimStatus.PART_PAID],
        "paid": [ClaimStatus.PAID],
        "rejected": [ClaimStatus.REJECTED],
    }
    return Claim.status.in_(statuses[tab])


_WAITING = text(
    """
    SELECT resource_id FROM ins.approval_requests
    WHERE org_id = :org AND action = 'claims.pay' AND status = 'WAITING'
    """
)


def _waiting_payments(session: Session) -> list[UUID]:
    return list(session.scalars(_WAITING, {"org": current_org()}))


_ROW = """
    SELECT c.id, c.claim_number, c.status, c.due_at, c.warn_at, c.escalated_at IS NOT NULL,
           c.total_claimed, c.life_name, c.claim_type, c.assigned_to_email, p.policy_number,
           cu.display_name, pr.name
    FROM (SELECT c.* FROM ins.claims c WHERE c.org_id = %(org)s"""
_ROW_JOINS = """) c
    JOIN ins.policies p ON p.org_id = %(org)s AND p.id = c.policy_id
    JOIN ins.customers cu ON cu.org_id = %(org)s AND cu.id = p.customer_id
    JOIN ins.products pr ON pr.org_id = %(org)s AND pr.id = p.product_id"""
_FIND = "SELECT f.id FROM ins.sd_search_claims(%(q)s, %(limit)s) AS f"
_IS_OPEN = "c.status IN ('SUBMITTED', 'PENDING_DOCUMENTS', 'UNDER_ASSESSMENT')"
_IN_APPROVAL = """
    SELECT e.id FROM ins.claims e WHERE e.org_id = %(org)s AND e.escalated_at IS NOT NULL
    UNION SELECT a.resource_id FROM ins.approval_requests a
    WHERE a.org_id = %(org)s AND a.action = 'claims.pay' AND a.status = 'WAITING'"""
_CONDITIONS = {
    "open": _IS_OPEN,
    "pending_documents": f"{_IS_OPEN} AND c.due_at IS NULL",
    "sla_breaches": f"{_IS_OPEN} AND c.due_at < %(now)s",
    "pending_approval": f"c.id IN ({_IN_APPROVAL})",
    "approved": "c.status IN ('APPROVED', 'PARTIALLY_APPROVED', 'PART_PAID')",
    "paid": "c.status = 'PAID'",
    "rejected": "c.status = 'REJECTED'",
    "mine": "c.assigned_to = %(mine)s",
    "found": "c.id = ANY(%(found)s)",
    "before": "c.id < %(id)s",
    "timed_after": "(c.due_at, c.id) > (%(due)s, %(id)s)",
    "still": "c.due_at IS NULL",
    "still_after": "c.due_at IS NULL AND c.id > %(id)s",
}


@cache
def _row_statement(wanted: tuple[str, ...], order: str, limit: int) -> str:
    """Return the list's statement; all of it is constant text, the limit too.

    As a parameter the limit would make the server plan the statement at every call.
    """
    conditions = "".join(f" AND {_CONDITIONS[name]}" for name in wanted)
    ordered = f" ORDER BY {order}"
    return "".join([_ROW, conditions, ordered, f" LIMIT {limit:d}", _ROW_JOINS, ordered])


def list_claim_rows(
    session: Session,
    *,
    limit: int,
    tab: str | None,
    now: datetime,
    after: tuple[datetime, UUID] | None = None,
    assigned_to: UUID | None = None,
    q: str = "",
) -> Page[ClaimListRow]:
    """Return a page of the list on screen, in the order of `list_claims`.

    One prepared statement (two on a later page that reaches claims without a deadline, one more
    for a search), no objects to track.
    """
    names = [tab] if tab else []
    values: dict[str, Any] = {"org": current_org()}
    if tab == "sla_breaches":
        values["now"] = now
    if assigned_to is not None:
        names.append("mine")
        values["mine"] = assigned_to
    if q.strip():
        names.append("found")
        given = {"q": q.strip(), "limit": _FOUND_AT_MOST}
        values["found"] = [one for (one,) in read_rows(session, _FIND, given)]
    if after is not None:
        values |= {"due": after[0], "id": after[1]}
    rows = _read_rows(session, names, values, tab, after, limit + 1)
    return page_of(rows, limit, lambda row: ((row.due_at or FOREVER).isoformat(), row.id))


def _read_rows(
    session: Session,
    names: Sequence[str],
    values: Mapping[str, Any],
    tab: str | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[ClaimListRow]:
    order = "c.due_at, c.id" if tab in BY_DEADLINE else "c.id DESC"
    rows: list[ClaimListRow] = []
    for more in _ranges(tab, after):
        if len(rows) < limit:
            statement = _row_statement((*names, *more), order, limit)
            rows += [ClaimListRow(*row) for row in read_rows(session, statement, values)]
    return rows[:limit]


def _ranges(tab: str | None, after: tuple[datetime, UUID] | None) -> list[tuple[str, ...]]:
    """Return the conditions of each range of the index that a page is read from, in order."""
    if after is None:
        return [()]
    if tab not in BY_DEADLINE:
        return [("before",)]
    if after[0] < FOREVER:
        return [("timed_after",), ("still",)]
    return [("still_after",)]


BREACHES_AT_MOST = 1000
"""Beyond this many the list says no number: nobody counts further, and the server need not."""
_COUNTS = "".join(
    [
        "SELECT subject, sum(items) FROM ins.tenant_counts"
        " WHERE org_id = %(org)s AND subject LIKE 'claims.%%' GROUP BY subject"
        " UNION ALL SELECT 'sla_breaches', count(*) FROM (SELECT 1 FROM ins.claims c"
        " WHERE c.org_id = %(org)s AND c.due_at < %(now)s AND ",
        _IS_OPEN,
        " LIMIT 1001) late UNION ALL SELECT 'pending_approval', count(*) FROM (",
        _IN_APPROVAL,
        ") waiting",
    ]
)


def count_tabs(session: Session, *, now: datetime) -> dict[str, int]:
    """Return how many claims each tab has, by one statement; decided ones from kept figures.

    Breaches are counted to one more than BREACHES_AT_MOST.
    """
    rows = read_rows(session, _COUNTS, {"org": current_org(), "now": now})
    found = {subject.removeprefix("claims."): int(items) for subject, items in rows}
    return {tab: sum(found.get(part, 0) for part in parts) for tab, parts in _PARTS.items()}


_PARTS = {
    "open": tuple(one.value for one in _UNDECIDED),
    "pending_documents": (ClaimStatus.SUBMITTED, ClaimStatus.PENDING_DOCUMENTS),
    "sla_breaches": ("sla_breaches",),
    "pending_approval": ("pending_approval",),
    "approved": (ClaimStatus.APPROVED, ClaimStatus.PARTIALLY_APPROVED, ClaimStatus.PART_PAID),
    "paid": (ClaimStatus.PAID,),
    "rejected": (ClaimStatus.REJECTED,),
}
