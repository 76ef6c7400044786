"""Reading claims: the list by tab, one claim with everything about it, cover that is left."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, case, exists, func, literal_column, or_, select, text
from sqlalchemy.orm import Session

from insurance.claims.models import (
    Assignment,
    AuthorityLevel,
    Claim,
    ClaimCheck,
    ClaimDocument,
    ClaimEntry,
    ClaimEvent,
    ClaimFlag,
    ClaimItem,
    ClaimNote,
    ClaimPayee,
    ClaimPayment,
    ClaimPaymentLine,
    ClaimSettings,
    ClaimStatus,
    CostType,
    EntryKind,
)
from insurance.claims.rules import DEFAULT_LIMITS, Authority, Limits
from insurance.claims.rules.statuses import QUIET, UNDECIDED
from insurance.core.errors import NotFoundError
from insurance.core.money import ZERO
from insurance.core.paging import Page, page_of
from insurance.core.reading import read_rows
from insurance.core.tenancy import current_org
from insurance.customers.models import Customer
from insurance.organizations.models import Organization
from insurance.policies.models import Policy, PolicyBenefit
from insurance.products.models import Product

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
class ClaimLine:
    """A claim as lists show it."""

    claim: Claim
    policy_number: str
    customer_name: str
    product_name: str

    @property
    def id(self) -> UUID:
        """Return the claim's id."""
        return self.claim.id


@dataclass(frozen=True, slots=True)
class ClaimRow:
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


@dataclass(frozen=True, slots=True)
class ItemMoney:
    """What the entries of an item add up to, in rand."""

    reserve: Decimal = ZERO
    expense_reserve: Decimal = ZERO
    earmarked: Decimal = ZERO
    paid: Decimal = ZERO
    recovered: Decimal = ZERO


@dataclass(frozen=True)
class ClaimView:
    """A claim with everything about it, each part read when it is first asked for."""

    session: Session
    line: ClaimLine

    @property
    def claim(self) -> Claim:
        """Return the claim."""
        return self.line.claim

    @cached_property
    def items(self) -> Sequence[ClaimItem]:
        """Return its items in the order they were claimed."""
        return list_items(self.session, self.line.id)

    @cached_property
    def money(self) -> Mapping[UUID, ItemMoney]:
        """Return what the entries of each item add up to."""
        return money_by_item(self.session, self.line.id)

    @cached_property
    def checks(self) -> Sequence[ClaimCheck]:
        """Return the checklist."""
        return list_checks(self.session, self.line.id)

    @cached_property
    def documents(self) -> Sequence[ClaimDocument]:
        """Return its documents, asked for and sent."""
        return list_documents(self.session, self.line.id)

    @cached_property
    def flags(self) -> Sequence[ClaimFlag]:
        """Return its flags, cleared ones too."""
        return list_flags(self.session, self.line.id)

    @cached_property
    def notes(self) -> Sequence[ClaimNote]:
        """Return its notes."""
        return _of_claim(self.session, ClaimNote, self.line.id)

    @cached_property
    def events(self) -> Sequence[ClaimEvent]:
        """Return what happened, newest first."""
        return _of_claim(self.session, ClaimEvent, self.line.id, ClaimEvent.sequence.desc())

    @cached_property
    def payees(self) -> Sequence[ClaimPayee]:
        """Return who is paid."""
        return list_payees(self.session, self.line.id)

    @cached_property
    def payments(self) -> Sequence[ClaimPayment]:
        """Return its payments, void ones too."""
        return list_payments(self.session, self.line.id)

    @cached_property
    def entries(self) -> Sequence[ClaimEntry]:
        """Return its entries."""
        return _of_claim(self.session, ClaimEntry, self.line.id)


def get_claim(session: Session, claim_id: UUID, *, lock: bool = False) -> Claim:
    """Return a claim of the organization in scope, held if asked. Raises NotFoundError."""
    query = select(Claim).where(Claim.org_id == current_org(), Claim.id == claim_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFoundError
    return found


def hold_policy(session: Session, claim_id: UUID) -> Policy:
    """Return the policy of a claim, held; what was read before is read anew.

    Raises NotFoundError.
    """
    session.flush()
    session.expire_all()
    found = session.scalars(
        select(Policy)
        .join(Claim, and_(Claim.org_id == Policy.org_id, Claim.policy_id == Policy.id))
        .where(Claim.org_id == current_org(), Claim.id == claim_id)
        .with_for_update(of=Policy),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if found is None:
        raise NotFoundError
    return found


def last_move_of(session: Session, claim_id: UUID) -> int:
    """Return the number of the last event that moved a claim's money, decision, payees or status.

    What waits for a second person was asked for as at it, so a note or a document voids nothing.
    """
    moves = select(func.max(ClaimEvent.sequence)).where(
        ClaimEvent.org_id == current_org(),
        ClaimEvent.claim_id == claim_id,
        ClaimEvent.event_type.not_in(QUIET),
    )
    return session.scalar(moves) or 0


def get_claim_line(session: Session, claim_id: UUID) -> ClaimLine:
    """Return a claim with the names that lists show. Raises NotFoundError."""
    row = session.execute(_lines().where(Claim.id == claim_id)).one_or_none()
    if row is None:
        raise NotFoundError
    return ClaimLine(*row)


def get_view(session: Session, claim_id: UUID) -> ClaimView:
    """Return a claim with everything about it. Raises NotFoundError."""
    return ClaimView(session, get_claim_line(session, claim_id))


def _of_claim(session: Session, record: Any, claim_id: UUID, order: Any = None) -> Sequence[Any]:
    query = select(record).where(record.org_id == current_org(), record.claim_id == claim_id)
    found: Sequence[Any] = session.scalars(
        query.order_by(record.id if order is None else order)
    ).all()
    return found


def list_items(session: Session, claim_id: UUID) -> Sequence[ClaimItem]:
    """Return the items of a claim in the order they were claimed."""
    return _of_claim(session, ClaimItem, claim_id)


def list_checks(session: Session, claim_id: UUID) -> Sequence[ClaimCheck]:
    """Return the checklist."""
    return _of_claim(session, ClaimCheck, claim_id, ClaimCheck.position)


def list_documents(session: Session, claim_id: UUID) -> Sequence[ClaimDocument]:
    """Return the documents of a claim, asked for and sent."""
    return _of_claim(session, ClaimDocument, claim_id)


def list_flags(session: Session, claim_id: UUID) -> Sequence[ClaimFlag]:
    """Return the flags of a claim, cleared ones too."""
    return _of_claim(session, ClaimFlag, claim_id)


def list_payments(session: Session, claim_id: UUID) -> Sequence[ClaimPayment]:
    """Return the payments of a claim, void ones too."""
    return _of_claim(session, ClaimPayment, claim_id)


def list_payees(session: Session, claim_id: UUID) -> Sequence[ClaimPayee]:
    """Return who is paid of a claim, in the order they were named."""
    return session.scalars(
        select(ClaimPayee)
        .where(
            ClaimPayee.org_id == current_org(),
            ClaimPayee.claim_id == claim_id,
            ClaimPayee.removed_at.is_(None),
        )
        .order_by(ClaimPayee.position, ClaimPayee.id)
    ).all()


def get_payee(session: Session, payee_id: UUID) -> ClaimPayee:
    """Return a payee. Raises NotFoundError."""
    return _get(session, ClaimPayee, payee_id)


_PAID_BY_PAYEE = """
    SELECT l.item_id, p.payee_id, sum(l.amount) FROM ins.claim_payment_lines l
    JOIN ins.claim_payments p ON p.org_id = l.org_id AND p.id = l.payment_id
    WHERE l.org_id = %(org)s AND p.claim_id = %(claim)s AND p.status = 'PAID'
    GROUP BY l.item_id, p.payee_id
"""


def paid_by_payee(session: Session, claim_id: UUID) -> dict[tuple[UUID, UUID | None], Decimal]:
    """Return what each payee has been paid of each item, in rand; None is nobody by name."""
    rows = read_rows(session, _PAID_BY_PAYEE, {"org": current_org(), "claim": claim_id})
    return {(item_id, payee_id): amount for item_id, payee_id, amount in rows}


_DEATHS = """
    SELECT c.life_name, m.date_of_birth, c.event_date FROM ins.policies p
    JOIN ins.claims c ON c.org_id = p.org_id AND c.policy_id = p.id
    LEFT JOIN ins.policy_members m ON m.org_id = c.org_id AND m.id = c.member_id
    WHERE p.org_id = %(org)s AND (p.id = %(policy)s OR p.customer_id = %(customer)s)
      AND c.id IS DISTINCT FROM %(claim)s AND c.claim_type IN ('DEATH', 'ACCIDENTAL_DEATH', 'FUNERAL')
      AND c.life_name <> '' AND c.status <> 'REJECTED'
      AND (c.status <> 'CLOSED' OR c.closed_from IN ('APPROVED', 'PARTIALLY_APPROVED', 'PART_PAID', 'PAID'))
      AND NOT EXISTS (SELECT 1 FROM ins.claim_events e WHERE e.org_id = c.org_id
                      AND e.claim_id = c.id AND e.event_type = 'CLAIM_DEATH_UNDONE')
"""


def list_deaths(
    session: Session, policy_id: UUID, customer_id: UUID, *, but_for: UUID | None = None
) -> list[tuple[str, date | None, date]]:
    """Return name, birth date and day of the deaths that claims tell of, but for one of them.

    Claims on a policy and on the others of its holder; refused ones tell of none, nor one that was
    closed before anything was approved, nor one whose death was undone.
    """
    values = {
        "org": current_org(), "policy": policy_id, "customer": customer_id, "claim": but_for,
    }  # fmt: skip
    return [(name, born, day) for name, born, day in read_rows(session, _DEATHS, values)]


def list_payment_lines(session: Session, payment_id: UUID) -> Sequence[ClaimPaymentLine]:
    """Return what a payment pays of each item."""
    return session.scalars(
        select(ClaimPaymentLine)
        .where(ClaimPaymentLine.org_id == current_org(), ClaimPaymentLine.payment_id == payment_id)
        .order_by(ClaimPaymentLine.id)
    ).all()


def get_document(session: Session, document_id: UUID) -> ClaimDocument:
    """Return a document of a claim. Raises NotFoundError."""
    return _get(session, ClaimDocument, document_id)


def get_flag(session: Session, flag_id: UUID) -> ClaimFlag:
    """Return a flag of a claim. Raises NotFoundError."""
    return _get(session, ClaimFlag, flag_id)


def get_note(session: Session, note_id: UUID) -> ClaimNote:
    """Return a note of a claim. Raises NotFoundError."""
    return _get(session, ClaimNote, note_id)


def get_payment(session: Session, payment_id: UUID) -> ClaimPayment:
    """Return a payment. Raises NotFoundError."""
    return _get(session, ClaimPayment, payment_id)


def _get(session: Session, record: Any, record_id: UUID) -> Any:
    found = session.scalars(
        select(record).where(record.org_id == current_org(), record.id == record_id)
    ).one_or_none()
    if found is None:
        raise NotFoundError
    return found


def find_payment(session: Session, reference: str) -> ClaimPayment | None:
    """Return the payment of a reference, or None."""
    return session.scalars(
        select(ClaimPayment).where(
            ClaimPayment.org_id == current_org(), ClaimPayment.reference == reference
        )
    ).one_or_none()


def list_batch(session: Session, reference: str) -> Sequence[ClaimPayment]:
    """Return the payments that were made at once under a reference."""
    return session.scalars(
        select(ClaimPayment)
        .where(ClaimPayment.org_id == current_org(), ClaimPayment.batch_reference == reference)
        .order_by(ClaimPayment.id)
    ).all()


def money_by_item(session: Session, claim_id: UUID) -> dict[UUID, ItemMoney]:
    """Return what the entries of each item of a claim add up to."""
    rows = session.execute(
        select(
            ClaimEntry.item_id, ClaimEntry.kind, ClaimEntry.cost_type, func.sum(ClaimEntry.amount)
        )
        .where(ClaimEntry.org_id == current_org(), ClaimEntry.claim_id == claim_id)
        .group_by(ClaimEntry.item_id, ClaimEntry.kind, ClaimEntry.cost_type)
    )
    sums: dict[UUID, dict[tuple[EntryKind, CostType], Decimal]] = {}
    for item_id, kind, cost_type, amount in rows:
        sums.setdefault(item_id, {})[kind, cost_type] = amount
    return {item_id: _money(found) for item_id, found in sums.items()}


def _money(found: Mapping[tuple[EntryKind, CostType], Decimal]) -> ItemMoney:
    indemnity = CostType.INDEMNITY
    return ItemMoney(
        reserve=found.get((EntryKind.RESERVE, indemnity), ZERO),
        expense_reserve=found.get((EntryKind.RESERVE, CostType.EXPENSE), ZERO),
        earmarked=found.get((EntryKind.APPROVED, indemnity), ZERO),
        paid=found.get((EntryKind.PAID, indemnity), ZERO),
        recovered=found.get((EntryKind.RECOVERED, indemnity), ZERO),
    )


def cover_and_money(
    session: Session, claim_id: UUID, benefit_ids: Collection[UUID], life: UUID | None
) -> tuple[dict[UUID, Decimal], dict[UUID, ItemMoney]]:
    """Return what other claims took of each benefit's cover, and the money of a claim's items.

    The benefits are those of the items, `life` whom the claim is on. The caller holds the policy.
    """
    item = case((ClaimEntry.claim_id == claim_id, ClaimEntry.item_id))
    query = select(
        ClaimEntry.policy_benefit_id,
        item,
        ClaimEntry.kind,
        ClaimEntry.cost_type,
        func.sum(ClaimEntry.amount),
    ).where(ClaimEntry.org_id == current_org(), ClaimEntry.policy_benefit_id.in_(benefit_ids))
    rows = session.execute(
        _on_life(query, life).group_by(
            ClaimEntry.policy_benefit_id, item, ClaimEntry.kind, ClaimEntry.cost_type
        )
    )
    used = dict.fromkeys(benefit_ids, ZERO)
    sums: dict[UUID, dict[tuple[EntryKind, CostType], Decimal]] = {}
    for benefit_id, item_id, kind, cost_type, amount in rows:
        if item_id is not None:
            sums.setdefault(item_id, {})[kind, cost_type] = amount
        elif kind in (EntryKind.APPROVED, EntryKind.PAID) and cost_type is CostType.INDEMNITY:
            used[benefit_id] += amount
    return used, {item_id: _money(found) for item_id, found in sums.items()}


def _on_life(query: Select[*tuple[Any, ...]], life: UUID | None) -> Any:
    """Leave out what other lives took of a benefit that each of several lives has whole."""
    if life is None:
        return query
    return (
        query.join(Claim, (Claim.org_id == ClaimEntry.org_id) & (Claim.id == ClaimEntry.claim_id))
        .join(
            PolicyBenefit,
            (PolicyBenefit.org_id == ClaimEntry.org_id)
            & (PolicyBenefit.id == ClaimEntry.policy_benefit_id),
        )
        .where(
            or_(
                PolicyBenefit.member_id.is_not(None),
                Claim.member_id.is_(None),
                Claim.member_id == life,
            )
        )
    )


def used_cover(
    session: Session,
    benefit_ids: Iterable[UUID],
    *,
    but_for: UUID | None = None,
    life: UUID | None = None,
) -> dict[UUID, Decimal]:
    """Return what was paid of each benefit, or approved and not yet paid, in rand.

    The caller holds the policy where it goes on to approve. `but_for` leaves one claim out, `life`
    what other lives took of a benefit that covers several.
    """
    wanted = list(benefit_ids)
    query = select(ClaimEntry.policy_benefit_id, func.sum(ClaimEntry.amount)).where(
        ClaimEntry.org_id == current_org(),
        ClaimEntry.policy_benefit_id.in_(wanted),
        ClaimEntry.kind.in_([EntryKind.APPROVED, EntryKind.PAID]),
        ClaimEntry.cost_type == CostType.INDEMNITY,
    )
    if but_for is not None:
        query = query.where(ClaimEntry.claim_id != but_for)
    found = dict(
        session.execute(_on_life(query, life).group_by(ClaimEntry.policy_benefit_id)).tuples().all()
    )
    return {one: found.get(one, ZERO) for one in wanted}


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
    query = _lines()
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
) -> Page[ClaimRow]:
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
) -> list[ClaimRow]:
    order = "c.due_at, c.id" if tab in BY_DEADLINE else "c.id DESC"
    rows: list[ClaimRow] = []
    for more in _ranges(tab, after):
        if len(rows) < limit:
            statement = _row_statement((*names, *more), order, limit)
            rows += [ClaimRow(*row) for row in read_rows(session, statement, values)]
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
    return {tab: sum(found.get(one, 0) for one in parts) for tab, parts in _PARTS.items()}


_PARTS = {
    "open": tuple(one.value for one in _UNDECIDED),
    "pending_documents": (ClaimStatus.SUBMITTED, ClaimStatus.PENDING_DOCUMENTS),
    "sla_breaches": ("sla_breaches",),
    "pending_approval": ("pending_approval",),
    "approved": (ClaimStatus.APPROVED, ClaimStatus.PARTIALLY_APPROVED, ClaimStatus.PART_PAID),
    "paid": (ClaimStatus.PAID,),
    "rejected": (ClaimStatus.REJECTED,),
}


def list_claim_ids(session: Session, policy_id: UUID) -> Sequence[UUID]:
    """Return the ids of the claims of a policy."""
    query = select(Claim.id).where(Claim.org_id == current_org(), Claim.policy_id == policy_id)
    return session.scalars(query).all()


def list_claims_of_policy(session: Session, policy_id: UUID) -> Sequence[Claim]:
    """Return the claims of a policy, newest first."""
    return session.scalars(
        select(Claim)
        .where(Claim.org_id == current_org(), Claim.policy_id == policy_id)
        .order_by(Claim.id.desc())
    ).all()


def get_settings(session: Session) -> ClaimSettings:
    """Return what the organization decided about its claims, or the defaults."""
    return get_house(session)[1]


def get_house(session: Session) -> tuple[Organization, ClaimSettings]:
    """Return the organization in scope, and what it decided about its claims or the defaults."""
    organization, settings = session.execute(
        select(Organization, ClaimSettings)
        .outerjoin(ClaimSettings, ClaimSettings.org_id == Organization.org_id)
        .where(Organization.org_id == current_org())
    ).one()
    return organization, settings or ClaimSettings(
        org_id=current_org(),
        days_by_class={},
        other_days=10,
        payee_change_days=14,
        early_claim_days=180,
        large_loss=Decimal("250000.00"),
        assignment=Assignment.BY_HAND,
        verified_account_first=False,
        version=0,
    )


_AUTHORITY = """
    SELECT role, level, transaction_limit, benefit_limit, claim_limit
    FROM ins.claim_authority_limits WHERE org_id = %(org)s
    UNION ALL
    SELECT NULL, level, NULL, NULL, NULL
    FROM ins.claim_authority_levels WHERE org_id = %(org)s AND user_id = %(user)s
"""


def get_authority(session: Session, user_id: UUID | None) -> tuple[dict[Authority, Limits], int]:
    """Return the limits of each role and level, and the level of a person; 1 for who has none."""
    table, own_level = dict(DEFAULT_LIMITS), 1
    for role, level, *limits in read_rows(
        session, _AUTHORITY, {"org": current_org(), "user": user_id}
    ):
        if role is None:
            own_level = level
        else:
            table[Authority(role, level)] = Limits(*limits)
    return table, own_level


def authority_table(session: Session) -> dict[Authority, Limits]:
    """Return the limits of each role and level: the organization's own over the defaults."""
    return get_authority(session, None)[0]


def list_levels(session: Session) -> dict[UUID, int]:
    """Return the level of each person who was put at one."""
    rows = session.execute(
        select(AuthorityLevel.user_id, AuthorityLevel.level).where(
            AuthorityLevel.org_id == current_org()
        )
    )
    return dict(rows.tuples().all())


def _lines() -> Any:
    return (
        select(Claim, Policy.policy_number, Customer.display_name, Product.name)
        .join(Policy, and_(Policy.org_id == Claim.org_id, Policy.id == Claim.policy_id))
        .join(Customer, and_(Customer.org_id == Policy.org_id, Customer.id == Policy.customer_id))
        .join(Product, and_(Product.org_id == Policy.org_id, Product.id == Policy.product_id))
        .where(Claim.org_id == current_org())
    )
