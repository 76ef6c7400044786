"""Reading mandates, runs, items, holidays and the premiums a run may take."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    func,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import Session

from insurance.core.errors import NotFoundError
from insurance.core.paging import Page, decode_cursor, page_of
from insurance.core.reading import read_rows
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.customers.models import BankAccount
from insurance.debit_orders.models import (
    DebitOrderItem,
    DebitOrderRun,
    DebitRunStatus,
    Mandate,
    TenantHoliday,
)
from insurance.debit_orders.rules import (
    Candidate,
    Convention,
    Exclusion,
    ItemStatus,
    MandateStatus,
    Window,
    collection_days,
)

IN_FLIGHT_DAYS = 10
"""How long a submitted debit may still be paid: tracking goes on for up to ten days."""

_POLICY = text(
    "SELECT id, policy_number, status, coalesce(payer_id, customer_id) AS customer_id, frequency,"
    " due_day FROM ins.policies"
    " WHERE org_id = :org AND id = :policy"
)

# The premium's own debits under its present mandate decide whether it may be presented again; all
# debits of the policy are counted for the next reference.
_CANDIDATES = text(
    """
    SELECT l.id AS line_id, l.policy_id, p.policy_number, l.due_date,
           l.amount - l.paid_amount AS amount, m.id AS mandate_id, m.status AS mandate_status,
           m.max_amount, m.convention, m.collection_day, h.debits, h.unpaid, h.last_code
    FROM ins.premium_lines l
    JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id AND p.status = 'active'
    LEFT JOIN (
        SELECT DISTINCT ON (policy_id) org_id, policy_id, id, customer_id, status, max_amount,
               convention, collection_day
        FROM ins.debit_order_mandates WHERE org_id = :org
        ORDER BY policy_id, (status = 'ACTIVE') DESC, created_at DESC, id DESC
    ) m ON m.org_id = l.org_id AND m.policy_id = l.policy_id
       AND m.customer_id = coalesce(p.payer_id, p.customer_id)
    LEFT JOIN LATERAL (
        SELECT count(i.reference) AS debits,
               count(*) FILTER (WHERE i.premium_line_id = l.id AND i.status = 'UNPAID'
                                  AND i.mandate_id = m.id) AS unpaid,
               (array_agg(i.reason_code ORDER BY i.action_date DESC, i.id DESC)
                  FILTER (WHERE i.premium_line_id = l.id AND i.status = 'UNPAID'
                                  AND i.mandate_id = m.id))[1] AS last_code
        FROM ins.debit_order_items i WHERE i.org_id = l.org_id AND i.policy_id = l.policy_id
    ) h ON true
    WHERE l.org_id = :org AND l.status IN ('PENDING', 'OVERDUE') AND l.amount > l.paid_amount
      AND l.due_date BETWEEN :due_from AND :last
      AND CASE WHEN m.collection_day IS NULL THEN l.due_date >= :first
               ELSE m.collection_day = ANY(:days) END
      AND NOT EXISTS (SELECT 1 FROM ins.debit_order_items i
          WHERE i.org_id = l.org_id AND i.premium_line_id = l.id
            AND i.status NOT IN ('UNPAID', 'EXCLUDED'))
    ORDER BY l.due_date, l.id
    """
)

_FILE_LINES = text(
    """
    SELECT i.reference, i.amount, i.action_date, p.policy_number, a.id AS account_id, a.holder,
           a.bank, a.branch_code, a.account_type, a.account_number_cipher
    FROM ins.debit_order_items i
    JOIN ins.policies p ON p.org_id = i.org_id AND p.id = i.policy_id
    JOIN ins.debit_order_mandates m ON m.org_id = i.org_id AND m.id = i.mandate_id
    JOIN ins.customer_bank_accounts a ON a.org_id = m.org_id AND a.id = m.bank_account_id
    WHERE i.org_id = :org AND i.run_id = :run AND i.status <> 'EXCLUDED'
    ORDER BY i.reference
    """
)

_IN_FLIGHT = text(
    """
    SELECT i.policy_id, min(i.action_date) AS action_date, sum(i.amount) AS amount
    FROM ins.debit_order_items i
    JOIN ins.debit_order_runs r ON r.org_id = i.org_id AND r.id = i.run_id
    WHERE i.org_id = :org AND i.policy_id = ANY(:policies) AND i.status = 'SUBMITTED'
      AND r.status NOT IN ('CLOSED', 'CANCELLED') AND i.action_date >= :earliest
    GROUP BY i.policy_id
    """
)


_COLLECTING = """
    SELECT DISTINCT i.policy_id FROM ins.debit_order_items i
    JOIN ins.debit_order_runs r ON r.org_id = i.org_id AND r.id = i.run_id
    WHERE i.org_id = %(org)s AND i.status = 'SUBMITTED'
      AND r.status NOT IN ('CLOSED', 'CANCELLED') AND i.action_date >= %(earliest)s
"""


@dataclass(frozen=True, slots=True)
class CollectionFacts:
    """What debit orders need to know of a policy; the customer is who pays its premiums."""

    id: UUID
    policy_number: str
    status: str
    customer_id: UUID
    frequency: str
    due_day: int


@dataclass(frozen=True, slots=True)
class MandateLine:
    """A mandate with the account it debits; the number is masked."""

    mandate: Mandate
    account: BankAccount


@dataclass(frozen=True, slots=True)
class ItemCount:
    """How many items of a run are in one state, and for how much."""

    status: ItemStatus
    exclusion: Exclusion | None
    items: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class InFlight:
    """Money of a policy that a bank is asked for and has not answered about."""

    policy_id: UUID
    action_date: date
    amount: Decimal


def get_policy_facts(session: Session, policy_id: UUID) -> CollectionFacts:
    """Return a policy of the organization in scope. Raises NotFoundError."""
    row = session.execute(_POLICY, {"org": current_org(), "policy": policy_id}).one_or_none()
    if row is None:
        raise NotFoundError
    return CollectionFacts(*row)


def get_mandate(session: Session, mandate_id: UUID, *, lock: bool = False) -> Mandate:
    """Return a mandate. Raises NotFoundError."""
    return get_record(session, Mandate, mandate_id, lock=lock)


def list_mandates(session: Session, policy_id: UUID) -> Sequence[MandateLine]:
    """Return a policy's mandates with their accounts, newest first."""
    found = session.execute(
        select(Mandate, BankAccount)
        .join(
            BankAccount,
            (BankAccount.org_id == Mandate.org_id) & (BankAccount.id == Mandate.bank_account_id),
        )
        .where(Mandate.org_id == current_org(), Mandate.policy_id == policy_id)
        .order_by(Mandate.id.desc())
    )
    return [MandateLine(*row) for row in found]


def list_customer_mandates(session: Session, customer_id: UUID) -> Sequence[MandateLine]:
    """Return the mandates of who pays that can collect, with their accounts, newest first."""
    found = session.execute(
        select(Mandate, BankAccount)
        .join(
            BankAccount,
            (BankAccount.org_id == Mandate.org_id) & (BankAccount.id == Mandate.bank_account_id),
        )
        .where(
            Mandate.org_id == current_org(),
            Mandate.customer_id == customer_id,
            Mandate.status == MandateStatus.ACTIVE,
        )
        .order_by(Mandate.id.desc())
        .limit(50)
    )
    return [MandateLine(*row) for row in found]


def find_active_mandate(session: Session, policy_id: UUID) -> Mandate | None:
    """Return the mandate under which a policy is debited."""
    return session.scalars(
        select(Mandate).where(
            Mandate.org_id == current_org(),
            Mandate.policy_id == policy_id,
            Mandate.status == MandateStatus.ACTIVE,
        )
    ).one_or_none()


def get_run(session: Session, run_id: UUID, *, lock: bool = False) -> DebitOrderRun:
    """Return a run. Raises NotFoundError."""
    return get_record(session, DebitOrderRun, run_id, lock=lock)


def list_runs(
    session: Session, *, limit: int, after: UUID | None = None, status: DebitRunStatus | None = None
) -> Page[DebitOrderRun]:
    """Return runs, newest first."""
    query = select(DebitOrderRun).where(DebitOrderRun.org_id == current_org())
    if status is not None:
        query = query.where(DebitOrderRun.status == status)
    if after is not None:
        query = query.where(DebitOrderRun.id < after)
    rows = session.scalars(query.order_by(DebitOrderRun.id.desc()).limit(limit + 1)).all()
    return page_of(rows, limit, lambda run: (run.id,))


def count_items(session: Session, run_id: UUID) -> Sequence[ItemCount]:
    """Count a run's items by status and reason."""
    found = session.execute(
        select(
            DebitOrderItem.status,
            DebitOrderItem.exclusion,
            func.count(),
            func.sum(DebitOrderItem.amount),
        )
        .where(DebitOrderItem.org_id == current_org(), DebitOrderItem.run_id == run_id)
        .group_by(DebitOrderItem.status, DebitOrderItem.exclusion)
        .order_by(DebitOrderItem.status, DebitOrderItem.exclusion)
    )
    return [ItemCount(*row) for row in found]


def read_candidates(session: Session, window: Window) -> Iterator[Candidate]:
    """Read every open premium of active policies that a window may collect, in one query.

    The rule `choose` decides about each; this only narrows down, and never leaves out what the
    rule would take.
    """
    found = session.execute(
        _CANDIDATES,
        {
            "org": current_org(),
            "first": window.first,
            "last": window.last,
            "due_from": window.first - timedelta(days=31),
            "days": sorted(collection_days(window.first, window.last)),
        },
    )
    for row in found:
        yield Candidate(
            row.line_id,
            row.policy_id,
            row.policy_number,
            row.due_date,
            row.amount,
            row.mandate_id,
            MandateStatus(row.mandate_status) if row.mandate_status else None,
            row.max_amount,
            Convention(row.convention) if row.convention else None,
            row.collection_day,
            row.debits,
            row.unpaid,
            row.last_code,
        )


def read_file_lines(session: Session, run_id: UUID) -> Sequence[Any]:
    """Return what a bank file needs of each item to be debited, account numbers encrypted."""
    return session.execute(_FILE_LINES, {"org": current_org(), "run": run_id}).all()


def list_collecting(session: Session, *, on: date) -> Sequence[UUID]:
    """Return every policy that banks may still pay for."""
    values = {"org": current_org(), "earliest": on - timedelta(days=IN_FLIGHT_DAYS)}
    return [policy_id for (policy_id,) in read_rows(session, _COLLECTING, values)]


def collection_in_flight(
    session: Session, policy_ids: Sequence[UUID], *, on: date
) -> dict[UUID, InFlight]:
    """Return, by policy, what banks may still pay: submitted, unanswered, at most ten days old."""
    found = session.execute(
        _IN_FLIGHT,
        {
            "org": current_org(),
            "policies": list(policy_ids),
            "earliest": on - timedelta(days=IN_FLIGHT_DAYS),
        },
    )
    return {row.policy_id: InFlight(*row) for row in found}


def get_holiday(session: Session, holiday_id: UUID, *, lock: bool = False) -> TenantHoliday:
    """Return one of the tenant's own holidays. Raises NotFoundError."""
    return get_record(session, TenantHoliday, holiday_id, lock=lock)


def list_holidays(
    session: Session, *, limit: int, cursor: str | None = None
) -> Page[TenantHoliday]:
    """Return the tenant's own holidays by day, latest first."""
    query = select(TenantHoliday).where(TenantHoliday.org_id == current_org())
    if cursor:
        parts = iter((date.fromisoformat, UUID))
        after = decode_cursor(cursor, 2, lambda typed: next(parts)(typed))
        query = query.where(tuple_(TenantHoliday.day, TenantHoliday.id) < tuple(after))
    rows = session.scalars(
        query.order_by(TenantHoliday.day.desc(), TenantHoliday.id.desc()).limit(limit + 1)
    ).all()
    return page_of(rows, limit, lambda row: (row.day, row.id))
