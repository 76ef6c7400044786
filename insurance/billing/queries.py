"""Reading premium schedules."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, or_, select, text
from sqlalchemy.orm import Session

from insurance.billing.models import (
    LineKind,
    LineStatus,
    PremiumLine,
    Receipt,
    ReceiptKind,
    ReceiptStatus,
)
from insurance.billing.rules import OpenLine, last_in_reach, plain_reference
from insurance.core.bulk import id_array
from insurance.core.errors import NotFoundError
from insurance.core.money import ZERO
from insurance.core.reading import constant, read_rows
from insurance.core.records import get_record
from insurance.core.tenancy import current_org


@dataclass(frozen=True, slots=True)
class PremiumSummary:
    """What has been paid, what is open, and what comes next."""

    schedule_count: int
    paid_count: int
    overdue_count: int
    total_paid: Decimal
    total_outstanding: Decimal
    next_due_date: date | None
    next_due_amount: Decimal | None


def list_premium_lines(session: Session, policy_id: UUID) -> Sequence[PremiumLine]:
    """Return a policy's premium lines in the order they fall due."""
    return session.scalars(
        select(PremiumLine)
        .where(PremiumLine.org_id == current_org(), PremiumLine.policy_id == policy_id)
        .order_by(PremiumLine.due_date, PremiumLine.kind.desc(), PremiumLine.sequence)
    ).all()


def get_premium_summary(session: Session, policy_id: UUID, *, on: date) -> PremiumSummary:
    """Add up a policy's schedule; next is what falls due together first on or after a day."""
    is_open = PremiumLine.status.in_([LineStatus.PENDING, LineStatus.OVERDUE])
    left = PremiumLine.amount - PremiumLine.paid_amount
    row = session.execute(
        select(
            func.count().filter(PremiumLine.status != LineStatus.CANCELLED),
            func.count().filter(PremiumLine.status == LineStatus.PAID),
            func.count().filter(PremiumLine.status == LineStatus.OVERDUE),
            func.coalesce(func.sum(PremiumLine.paid_amount), ZERO),
            func.coalesce(func.sum(case((is_open, left), else_=ZERO)), ZERO),
        ).where(PremiumLine.org_id == current_org(), PremiumLine.policy_id == policy_id)
    ).one()
    coming = session.execute(
        select(PremiumLine.due_date, func.sum(left))
        .where(
            PremiumLine.org_id == current_org(),
            PremiumLine.policy_id == policy_id,
            PremiumLine.due_date >= on,
            is_open,
        )
        .group_by(PremiumLine.due_date)
        .order_by(PremiumLine.due_date)
        .limit(1)
    ).one_or_none()
    return PremiumSummary(*row, *(coming or (None, None)))


@dataclass(frozen=True, slots=True)
class Credit:
    """What is left of a receipt, to be used for the next premium."""

    policy_id: UUID
    receipt_id: UUID
    reference: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class NetAllocation:
    """What a receipt settles of a line today; without a line, what of it was refunded."""

    receipt_id: UUID
    reference: str
    kind: str
    line_id: UUID | None
    amount: Decimal


_OPEN_LINES = text(
    """
    SELECT policy_id, id, due_date, amount - paid_amount FROM ins.premium_lines
    WHERE org_id = :org AND policy_id = ANY(:policies) AND status IN ('PENDING', 'OVERDUE')
      AND amount > paid_amount
    ORDER BY policy_id, due_date, kind DESC, sequence
    """
)
# A line is in reach while the money is more than what fell due before it. Policy by policy, so that
# a plan made for any number of them reads each by its index.
_LINES_IN_REACH = text(
    """
    SELECT m.policy_id, l.id, l.due_date, l.outstanding, l.status, l.paid_date, l.payment_reference
    FROM unnest(CAST(:policies AS uuid[]), CAST(:money AS numeric[])) AS m(policy_id, money)
    CROSS JOIN LATERAL (
        SELECT id, due_date, kind, sequence, status, paid_date, payment_reference,
               amount - paid_amount AS outstanding,
               sum(amount - paid_amount) OVER (ORDER BY due_date, kind DESC, sequence)
                   - (amount - paid_amount) AS before
        FROM ins.premium_lines
        WHERE org_id = :org AND policy_id = m.policy_id AND status IN ('PENDING', 'OVERDUE')
          AND amount > paid_amount
    ) l
    WHERE (l.before < m.money AND l.due_date <= :until) OR l.id = ANY(:named)
    ORDER BY m.policy_id, l.due_date, l.kind DESC, l.sequence
    """
)
_CREDITS = text(
    """
    SELECT r.policy_id, r.id, r.reference, r.amount - coalesce(sum(a.amount), 0)
    FROM ins.receipts r
    LEFT JOIN ins.allocations a ON a.org_id = r.org_id AND a.receipt_id = r.id
    WHERE r.org_id = :org AND r.policy_id = ANY(CAST(:policies AS uuid[])) AND r.status = 'POSTED'
    GROUP BY r.policy_id, r.id, r.reference, r.amount
    HAVING r.amount > coalesce(sum(a.amount), 0)
    ORDER BY r.policy_id, r.id
    """
)
_NET_OF_RECEIPTS = text(
    """
    SELECT a.receipt_id, r.reference, r.kind, a.premium_line_id, sum(a.amount)
    FROM ins.allocations a
    JOIN ins.receipts r ON r.org_id = a.org_id AND r.id = a.receipt_id
    WHERE a.org_id = :org AND a.receipt_id = ANY(:ids)
    GROUP BY a.receipt_id, r.reference, r.kind, a.premium_line_id HAVING sum(a.amount) <> 0
    ORDER BY a.receipt_id, a.premium_line_id
    """
)
_NET_OF_LINES = text(
    """
    SELECT a.receipt_id, r.reference, r.kind, a.premium_line_id, sum(a.amount)
    FROM ins.allocations a
    JOIN ins.receipts r ON r.org_id = a.org_id AND r.id = a.receipt_id
    WHERE a.org_id = :org AND a.premium_line_id = ANY(:ids)
    GROUP BY a.receipt_id, r.reference, r.kind, a.premium_line_id HAVING sum(a.amount) <> 0
    ORDER BY a.receipt_id
    """
)

MONEY_HELD = """(EXISTS (
            SELECT 1 FROM ins.premium_lines a
            WHERE a.org_id = :org AND a.policy_id = d.policy_id AND a.kind = 'PREMIUM'
              AND a.due_date > CAST(:on AS date) AND a.paid_amount > 0 AND a.status <> 'CANCELLED'
        ) OR EXISTS (
            SELECT 1 FROM ins.receipts r
            WHERE r.org_id = :org AND r.policy_id = d.policy_id AND r.status = 'POSTED'
              AND r.amount > coalesce((
                SELECT sum(used.amount) FROM ins.allocations used
                WHERE used.org_id = r.org_id AND used.receipt_id = r.id), 0)
        ))"""
"""The condition that a policy, `d.policy_id`, has money that settles nothing due by a day."""
_WITH_MONEY = text(
    "".join(
        [
            "SELECT d.policy_id FROM unnest(CAST(:policies AS uuid[])) AS d(policy_id) WHERE ",
            MONEY_HELD,
        ]
    )
)
_RECEIVED = text(
    """
    WITH parts AS (
        SELECT r.id, r.kind, r.reference, r.amount, r.status, r.recorded_at,
               a.premium_line_id AS line_id, a.amount AS part
        FROM ins.receipts r
        LEFT JOIN ins.allocations a ON a.org_id = r.org_id AND a.receipt_id = r.id
        WHERE r.org_id = :org AND r.policy_id = :policy
    )
    SELECT 'GIVEN_UP', line_id, sum(part), false FROM parts
    WHERE kind IN ('WAIVER', 'WRITE_OFF') AND line_id IS NOT NULL
    GROUP BY line_id HAVING sum(part) > 0
    UNION ALL
    SELECT 'CREDITED', line_id, sum(part), false FROM parts
    WHERE kind = 'CREDIT_NOTE' AND NOT starts_with(reference, 'ADJ-') AND line_id IS NOT NULL
    GROUP BY line_id HAVING sum(part) > 0
    UNION ALL
    SELECT 'UNAPPLIED', id, amount - coalesce(sum(part), 0), false FROM parts
    WHERE status = 'POSTED' GROUP BY id, amount HAVING amount > coalesce(sum(part), 0)
    UNION ALL
    SELECT 'CREDIT_NOTE', id, amount, coalesce(sum(part) FILTER (WHERE line_id IS NULL), 0) > 0
    FROM parts WHERE kind = 'CREDIT_NOTE' AND status = 'POSTED' AND recorded_at >= :since
    GROUP BY id, amount
    ORDER BY 1, 2
    """
)


@dataclass(frozen=True, slots=True)
class CreditNote:
    """What a policy was credited. `is_paid_out`: a part of it went to the holder as money."""

    receipt_id: UUID
    amount: Decimal
    is_paid_out: bool


@dataclass(frozen=True, slots=True)
class Received:
    """What receipts of a policy mean for its end, in rand.

    `given_up` was waived or written off of each line, `credited` for days without cover;
    `unapplied` is what receipts have left. `credit_notes` were not taken back.
    """

    given_up: dict[UUID, Decimal] = field(default_factory=dict)
    credited: dict[UUID, Decimal] = field(default_factory=dict)
    unapplied: list[Decimal] = field(default_factory=list)
    credit_notes: list[CreditNote] = field(default_factory=list)


def get_premium_line(session: Session, policy_id: UUID, line_id: UUID) -> PremiumLine:
    """Return a line of a policy. Raises NotFoundError."""
    found = session.scalars(
        select(PremiumLine).where(
            PremiumLine.org_id == current_org(),
            PremiumLine.policy_id == policy_id,
            PremiumLine.id == line_id,
        )
    ).one_or_none()
    if found is None:
        raise NotFoundError
    return found


def list_open_lines(session: Session, policy_ids: list[UUID]) -> list[tuple[UUID, OpenLine]]:
    """Return (policy, line) of everything still owed, in the order it fell due."""
    rows = session.execute(_OPEN_LINES, {"org": current_org(), "policies": policy_ids}).all()
    return [(row[0], OpenLine(row[1], row[2], row[3])) for row in rows]


def list_lines_in_reach(
    session: Session, money: Mapping[UUID, Decimal], *, on: date, named: Iterable[UUID] = ()
) -> list[tuple[UUID, OpenLine]]:
    """Return (policy, line) of what so much money for each policy can settle, oldest first.

    `named` lines are there too. Of large books this is far less than everything still owed.
    """
    values = {
        "org": current_org(),
        "policies": list(money),
        "money": list(money.values()),
        "until": last_in_reach(on),
        "named": list(named),
    }
    rows = session.execute(_LINES_IN_REACH, values).all()
    return [(row[0], OpenLine(row[1], row[2], row[3], (row[4], row[5], row[6]))) for row in rows]


_REFUNDED = text(
    """
    SELECT r.id, r.reference, sum(a.amount) FROM ins.receipts r
    JOIN ins.allocations a ON a.org_id = r.org_id AND a.receipt_id = r.id
    WHERE r.org_id = :org AND r.policy_id = :policy AND r.status = 'POSTED'
      AND a.premium_line_id IS NULL
    GROUP BY r.id, r.reference HAVING sum(a.amount) > 0 ORDER BY r.id DESC
    """
)


_TO_KEEP = text(
    """
    SELECT b.policy_id, least(b.waiting, greatest(b.owed - r.received, o.open))
    FROM (
        SELECT policy_id,
               sum(CASE WHEN credit_account = 'REFUNDS_PAYABLE' THEN amount ELSE -amount END)
                   AS waiting,
               sum(CASE WHEN credit_account = 'REFUNDS_PAYABLE' THEN amount ELSE -amount END)
                   FILTER (WHERE 'BANK' NOT IN (debit_account, credit_account)) AS owed
        FROM ins.ledger_transfers
        WHERE org_id = :org AND policy_id = ANY(CAST(:policies AS uuid[]))
          AND 'REFUNDS_PAYABLE' IN (debit_account, credit_account)
        GROUP BY policy_id
    ) b
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount), 0) AS received FROM ins.receipts
        WHERE org_id = :org AND policy_id = b.policy_id AND kind = 'PAYMENT' AND status = 'POSTED'
    ) r
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(l.amount - l.paid_amount), 0) AS open
        FROM ins.policies p
        JOIN ins.premium_lines l ON l.org_id = p.org_id AND l.policy_id = p.id
        WHERE p.org_id = :org AND p.id = b.policy_id AND p.status IN ('cancelled', 'expired')
          AND l.status <> 'CANCELLED'
    ) o
    WHERE b.waiting > 0 AND (b.owed > r.received OR o.open > 0)
    """
)


def list_refunds_to_keep(session: Session, policy_ids: Collection[UUID]) -> dict[UUID, Decimal]:
    """Return what waits to be paid back of policies and may not be, in rand by policy.

    No money that stands is behind it, or the policy is over and owes as much.
    """
    values = {"org": current_org(), "policies": id_array(policy_ids)}
    return dict(session.execute(_TO_KEEP, values).tuples().all())


_PAYABLE = text(
    """
    SELECT coalesce(sum(CASE WHEN credit_account = 'REFUNDS_PAYABLE' THEN amount ELSE -amount END),
                    0)
    FROM ins.ledger_transfers
    WHERE org_id = :org AND policy_id = :policy
      AND 'REFUNDS_PAYABLE' IN (debit_account, credit_account)
    """
)


def refunds_payable(session: Session, policy_id: UUID) -> Decimal:
    """Return what is to be paid out to the holder of a policy, in rand."""
    found = session.scalars(_PAYABLE, {"org": current_org(), "policy": policy_id}).one()
    return Decimal(found)


_CASH = text(
    """
    SELECT (SELECT coalesce(sum(amount), 0) FROM ins.receipts
            WHERE org_id = :org AND policy_id = :policy AND kind = 'PAYMENT' AND status = 'POSTED')
         - (SELECT coalesce(sum(CASE WHEN credit_account = 'REFUNDS_PAYABLE' THEN amount
                                     ELSE -amount END), 0)
            FROM ins.ledger_transfers
            WHERE org_id = :org AND policy_id = :policy
              AND 'REFUNDS_PAYABLE' IN (debit_account, credit_account)
              AND 'BANK' NOT IN (debit_account, credit_account))
    """
)


def cash_kept(session: Session, policy_id: UUID) -> Decimal:
    """Return the money that came in for a policy and is not to be paid back, in rand."""
    return Decimal(session.scalars(_CASH, {"org": current_org(), "policy": policy_id}).one())


def list_refunded(session: Session, policy_id: UUID) -> list[tuple[UUID, str, Decimal]]:
    """Return id and reference of the receipts of which something went back, and how much."""
    rows = session.execute(_REFUNDED, {"org": current_org(), "policy": policy_id})
    return [(receipt_id, reference, amount) for receipt_id, reference, amount in rows]


def list_credits(session: Session, policy_ids: Collection[UUID]) -> list[Credit]:
    """Return what receipts of policies have left, oldest first."""
    values = {"org": current_org(), "policies": id_array(policy_ids)}
    rows = session.execute(_CREDITS, values)
    return [Credit(*row) for row in rows]


def list_money_held(session: Session, policy_ids: Collection[UUID], *, on: date) -> set[UUID]:
    """Return the policies with money that settles nothing due by a day.

    That is credit which nothing has used, and what was paid of premiums not yet due.
    """
    values = {"org": current_org(), "policies": id_array(policy_ids), "on": on}
    return set(session.scalars(_WITH_MONEY, values))


def list_net_allocations(
    session: Session, *, receipt_ids: Sequence[UUID] = (), line_ids: Sequence[UUID] = ()
) -> list[NetAllocation]:
    """Return what receipts settle today, or what settles lines."""
    statement = _NET_OF_LINES if line_ids else _NET_OF_RECEIPTS
    ids = list(line_ids or receipt_ids)
    rows = session.execute(statement, {"org": current_org(), "ids": ids})
    return [NetAllocation(*row) for row in rows]


def read_received(session: Session, policy_id: UUID, *, since: datetime) -> Received:
    """Return what receipts of a policy mean for its end; its credit notes since a moment."""
    values = {"org": current_org(), "policy": policy_id, "since": since}
    found = Received()
    for kind, id_, amount, is_paid_out in session.execute(_RECEIVED, values):
        if kind == "GIVEN_UP":
            found.given_up[id_] = amount
        elif kind == "CREDITED":
            found.credited[id_] = amount
        elif kind == "UNAPPLIED":
            found.unapplied.append(amount)
        else:
            found.credit_notes.append(CreditNote(id_, amount, is_paid_out))
    return found


_WITH_REFERENCE = constant(
    """
    SELECT id FROM ins.receipts WHERE org_id = :org AND reference_key = :key AND kind = 'PAYMENT'
    ORDER BY id DESC LIMIT :limit
    """
)


def list_payments_with_reference(
    session: Session, reference: str, *, limit: int = 20
) -> Sequence[Receipt]:
    """Return payments of any policy that came under a reference, however spelled, newest first."""
    key = plain_reference(reference)
    if not key:
        return []
    # Nearly every payment is the first with its reference: records are loaded where one is not.
    session.flush()
    values = {"org": current_org(), "key": key, "limit": limit}
    ids = [row[0] for row in read_rows(session, _WITH_REFERENCE, values)]
    if not ids:
        return []
    alike = select(Receipt).where(Receipt.org_id == current_org(), Receipt.id.in_(ids))
    return session.scalars(alike.order_by(Receipt.id.desc())).all()


def next_occurrence(
    session: Session,
    *,
    payer: str,
    reference: str,
    received_on: date,
    amount: Decimal,
    bank_reference: str | None = None,
) -> int:
    """Return the how-many-th payment one more would be that agrees in all of these.

    One that has the bank's number counts too, whatever its reference.
    """
    is_alike: ColumnElement[bool] = Receipt.reference_key == plain_reference(reference)
    if bank_reference is not None:
        is_alike = or_(is_alike, Receipt.bank_reference == bank_reference)
    highest = session.scalar(
        select(func.max(Receipt.occurrence)).where(
            Receipt.org_id == current_org(),
            Receipt.kind == ReceiptKind.PAYMENT,
            is_alike,
            Receipt.payer_key == plain_reference(payer),
            Receipt.received_on == received_on,
            Receipt.amount == amount,
        )
    )
    return (highest or 0) + 1


def list_receipts_by_id(session: Session, receipt_ids: Collection[UUID]) -> dict[UUID, Receipt]:
    """Return receipts by their ids."""
    found = session.scalars(
        select(Receipt).where(Receipt.org_id == current_org(), Receipt.id.in_(receipt_ids))
    )
    return {receipt.id: receipt for receipt in found}


def list_written_off_beside(session: Session, receipt_ids: Sequence[UUID]) -> Sequence[Receipt]:
    """Return what was written off beside payments and stands."""
    return session.scalars(
        select(Receipt).where(
            Receipt.org_id == current_org(),
            Receipt.beside_id.in_(list(receipt_ids)),
            Receipt.status == ReceiptStatus.POSTED,
        )
    ).all()


def list_receipts(session: Session, policy_id: UUID, *, limit: int = 200) -> Sequence[Receipt]:
    """Return the receipts of a policy, newest first."""
    return session.scalars(
        select(Receipt)
        .where(Receipt.org_id == current_org(), Receipt.policy_id == policy_id)
        .order_by(Receipt.id.desc())
        .limit(limit)
    ).all()


def get_receipt(session: Session, receipt_id: UUID, *, lock: bool = False) -> Receipt:
    """Return a receipt. Raises NotFoundError."""
    return get_record(session, Receipt, receipt_id, lock=lock)


def arrears_on(session: Session, policy_id: UUID, on: date) -> Decimal:
    """Return what had fallen due by a day and is not settled today, in rand."""
    open_lines = list_open_lines(session, [policy_id])
    return sum((line.outstanding for _id, line in open_lines if line.due_date <= on), ZERO)


def arrears_by_policy(
    session: Session, policy_ids: Collection[UUID], on: date
) -> dict[UUID, Decimal]:
    """Return what has fallen due of policies and is not settled, in rand; those that owe nothing are left out."""
    if not policy_ids:
        return {}
    left = func.sum(PremiumLine.amount - PremiumLine.paid_amount)
    rows = session.execute(
        select(PremiumLine.policy_id, left)
        .where(
            PremiumLine.org_id == current_org(),
            PremiumLine.policy_id.in_(list(policy_ids)),
            PremiumLine.status.in_([LineStatus.PENDING, LineStatus.OVERDUE]),
            PremiumLine.due_date <= on,
        )
        .group_by(PremiumLine.policy_id)
    )
    return {policy_id: amount for policy_id, amount in rows.tuples() if amount}


def paid_ahead(session: Session, policy_id: UUID, *, on: date) -> Decimal:
    """Return what was paid of premiums not yet due on a day, in rand."""
    return session.scalars(
        select(func.coalesce(func.sum(PremiumLine.paid_amount), ZERO)).where(
            PremiumLine.org_id == current_org(),
            PremiumLine.policy_id == policy_id,
            PremiumLine.kind == LineKind.PREMIUM,
            PremiumLine.status != LineStatus.CANCELLED,
            PremiumLine.due_date > on,
        )
    ).one()


def unapplied_credit(session: Session, policy_id: UUID) -> Decimal:
    """Return what receipts of a policy have left, in rand."""
    return sum((credit.amount for credit in list_credits(session, [policy_id])), ZERO)
