"""Lists of claims, their tabs, and the queue."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    DateTime,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    union,
)
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest
from insurance.claims.models import (
    Claim,
    ClaimItem,
    ClaimStatus,
)
from insurance.claims.queries.claim import ClaimLine, lines
from insurance.claims.rules.statuses import UNDECIDED
from insurance.core.listing import Listing, Wanted
from insurance.core.numbering import numbers_meant
from insurance.core.paging import Page, page_of
from insurance.core.reading import read_rows
from insurance.core.tenancy import current_org
from insurance.customers.models import Customer
from insurance.policies.models import Policy
from insurance.products.models import Product

BY_DEADLINE = ("open", "pending_documents", "sla_breaches")
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
_WAITS: Any = literal_column(
    "claims.status IN ('SUBMITTED', 'PENDING_DOCUMENTS', 'UNDER_ASSESSMENT')"
)
"""Constant text, so that the planner knows the index of the queue whatever the parameters."""
_SEARCH = text("SELECT found.id FROM ins.sd_search_claims(:q, :limit) AS found")
_FOUND_AT_MOST = 200
_MOMENT = DateTime(timezone=True)
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
    submitted_on: date
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
    customer_id: UUID | None = None,
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
    if customer_id is not None:
        query = query.where(Policy.customer_id == customer_id)
    if assigned_to is not None:
        query = query.where(Claim.assigned_to == assigned_to)
    if free_for is not None:
        query = query.where(or_(Claim.assigned_to.is_(None), Claim.assigned_to == free_for))
    if q.strip():
        query = query.where(Claim.id.in_(_found(session, q.strip())))
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


_IS_OPEN = "c.status IN ('SUBMITTED', 'PENDING_DOCUMENTS', 'UNDER_ASSESSMENT')"
_IN_APPROVAL = """
    SELECT e.id FROM ins.claims e WHERE e.org_id = %(org)s AND e.escalated_at IS NOT NULL
    UNION SELECT a.resource_id FROM ins.approval_requests a
    WHERE a.org_id = %(org)s AND a.action = 'claims.pay' AND a.status = 'WAITING'"""


def list_claim_rows(session: Session, wanted: Wanted, *, now: datetime) -> Page[ClaimListRow]:
    """Return a page of the list on screen; a search `q` looks in every tab, newest first.

    What waits for a decision comes by deadline. One prepared statement (two where it reaches
    claims without a deadline, more for a search), no objects to track.
    """
    narrowed = dict(wanted.narrowed)
    tab, q = narrowed.pop("tab", None), str(narrowed.pop("q", "")).strip()
    order = wanted.order or ("due_at" if tab in BY_DEADLINE and not q else "newest")
    wanted = replace(wanted, order=order, descending=wanted.descending or order == "newest")
    if q:
        narrowed["found"] = _found(session, q)
    elif tab:
        narrowed |= {tab: True, "now": now}
    return _LIST.read(session, replace(wanted, narrowed=narrowed))


def _found(session: Session, q: str) -> list[UUID]:
    """Return ids by what a number's digits mean, the start of a number, the life or the policy."""
    meant = select(Claim.id).where(
        Claim.org_id == current_org(), Claim.claim_number.in_(numbers_meant(session, "CLM", q))
    )
    searched = session.scalars(_SEARCH, {"q": q, "limit": _FOUND_AT_MOST})
    return [*session.scalars(meant), *searched]


def _shown(page: Any) -> Select[Any]:
    of_policy = and_(Policy.org_id == page.org_id, Policy.id == page.policy_id)
    return (
        select(
            page.id, page.claim_number, page.status, page.due_at, page.warn_at,
            page.escalated_at.is_not(None), page.total_claimed, page.life_name, page.claim_type,
            page.assigned_to_email, page.submitted_on, Policy.policy_number,
            Customer.display_name, Product.name,
        )
        .join(Policy, of_policy)
        .join(Customer, and_(Customer.org_id == page.org_id, Customer.id == Policy.customer_id))
        .join(Product, and_(Product.org_id == page.org_id, Product.id == Policy.product_id))
    )  # fmt: skip


def _has_status(*statuses: ClaimStatus) -> Any:
    listed = ", ".join(f"'{status.value}'" for status in statuses)
    return literal_column(f"claims.status IN ({listed})")


_IN_APPROVAL_ROWS = union(
    select(Claim.id).where(Claim.org_id == bindparam("org"), Claim.escalated_at.is_not(None)),
    select(ApprovalRequest.resource_id).where(
        ApprovalRequest.org_id == bindparam("org"),
        literal_column("approval_requests.action = 'claims.pay'"),
        literal_column("approval_requests.status = 'WAITING'"),
    ),
)
_LIST = Listing(
    Claim,
    ClaimListRow,
    _shown,
    orders={
        "newest": Claim.id,
        "due_at": Claim.due_at,
        "claim_number": Claim.claim_number,
        "total_claimed": Claim.total_claimed,
        "submitted_on": Claim.submitted_on,
    },
    narrows={
        "open": _WAITS,
        "pending_documents": and_(_WAITS, Claim.due_at.is_(None)),
        "sla_breaches": and_(_WAITS, Claim.due_at < bindparam("now", type_=_MOMENT)),
        "pending_approval": Claim.id.in_(_IN_APPROVAL_ROWS),
        "approved": _has_status(
            ClaimStatus.APPROVED, ClaimStatus.PARTIALLY_APPROVED, ClaimStatus.PART_PAID
        ),
        "paid": _has_status(ClaimStatus.PAID),
        "rejected": _has_status(ClaimStatus.REJECTED),
        "status": Claim.status == bindparam("status", type_=Text),
        "given": Claim.assigned_to == bindparam("given", type_=Uuid),
        "free": Claim.assigned_to.is_(None),
        "product": Claim.product_id == bindparam("product", type_=Uuid),
        "due": Claim.due_at < bindparam("due", type_=_MOMENT),
    },
)

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
