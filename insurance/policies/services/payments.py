"""Premiums coming in, and going back where a bank says so."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.audit_logs.services import event_row, record, record_many
from insurance.billing import queries as billing
from insurance.billing import services as money
from insurance.billing.models import (
    LineStatus,
    PremiumLine,
    Receipt,
    ReceiptKind,
    ReceiptStatus,
)
from insurance.billing.rules import Share
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, NotFoundError
from insurance.core.money import ZERO, format_money
from insurance.core.tenancy import current_org
from insurance.policies import queries
from insurance.policies.models import Policy
from insurance.policies.services.history import Happening, record_events

_LOCK = text(
    """
    SELECT id FROM ins.policies WHERE org_id = :org AND id = ANY(:ids) ORDER BY id FOR UPDATE
    """
)


@dataclass(frozen=True, slots=True)
class Paid:
    """What became of a payment. `is_duplicate`: it had been posted before, nothing was done."""

    receipt_id: UUID
    reference: str
    amount: Decimal
    shares: tuple[Share, ...]
    credit: Decimal
    is_duplicate: bool = False


def pay_premium(
    policy_id: UUID,
    line_id: UUID,
    *,
    amount: Decimal,
    reference: str,
    paid_on: date,
    on: date,
    now: datetime,
) -> Paid:
    """Record a payment for a premium; what is more than it owes settles the oldest others.

    The same reference again posts nothing. Raises ConflictError for a line that is cancelled or
    paid, or a reference that another payment has; DomainError for a date in the future or in
    closed books, or an amount that is not positive.
    """
    with _known_once(reference), transaction() as session:
        policy = queries.get_policy(session, policy_id, lock=True)
        line = billing.get_premium_line(session, policy_id, line_id)
        known = _known(session, policy, reference, amount)
        if known is not None:
            return known
        if line.status is LineStatus.CANCELLED:
            raise ConflictError("This premium was cancelled; nothing is owed for it.")
        if line.status is LineStatus.PAID:
            raise ConflictError(
                f"This premium was paid on {line.paid_date:%Y/%m/%d}"
                f" with reference {line.payment_reference}."
            )
        return _receive(session, policy, amount, reference, paid_on, on, now, line_id=line_id)


def receive_payment(
    policy_id: UUID, *, amount: Decimal, reference: str, paid_on: date, on: date, now: datetime
) -> Paid:
    """Record a payment for a policy: the oldest premium first, what is left over is credit."""
    with _known_once(reference), transaction() as session:
        policy = queries.get_policy(session, policy_id, lock=True)
        known = _known(session, policy, reference, amount)
        return known or _receive(session, policy, amount, reference, paid_on, on, now)


@contextmanager
def _known_once(reference: str) -> Iterator[None]:
    """Refuse a reference that another policy's payment took at the same moment."""
    try:
        yield
    except UniqueViolation as error:
        if error.diag.constraint_name == "receipts_reference_key":
            raise _taken(reference) from error
        raise


def _taken(reference: str) -> ConflictError:
    return ConflictError(
        f"Reference {reference} belongs to another payment.", field="payment_reference"
    )


def _known(session: Session, policy: Policy, reference: str, amount: Decimal) -> Paid | None:
    receipt = billing.list_receipts_with_references(session, [reference]).get(reference)
    if receipt is None:
        return None
    is_same = receipt.policy_id == policy.id and receipt.amount == amount
    if not is_same or receipt.kind is not ReceiptKind.PAYMENT:
        raise _taken(reference)
    settled = billing.list_net_allocations(session, receipt_ids=[receipt.id])
    shares = tuple(Share(one.line_id, one.amount) for one in settled if one.line_id)
    left = receipt.amount - sum((one.amount for one in settled), ZERO)
    if receipt.status is ReceiptStatus.REVERSED:
        left = ZERO
    return Paid(receipt.id, reference, amount, shares, left, is_duplicate=True)


def _receive(
    session: Session,
    policy: Policy,
    amount: Decimal,
    reference: str,
    paid_on: date,
    on: date,
    now: datetime,
    line_id: UUID | None = None,
) -> Paid:
    check_payment(amount, paid_on, on)
    if reference.endswith(money.WRITTEN_OFF):
        raise DomainError(
            f"A reference of a payment does not end in {money.WRITTEN_OFF}.",
            field="payment_reference",
        )
    payment = money.Payment(
        policy_id=policy.id,
        policy_number=policy.policy_number,
        reference=reference,
        amount=amount,
        on=paid_on,
        line_id=line_id,
    )
    (paid,) = record_payments(session, [payment], on=on, now=now)
    record(
        session,
        action="premiums.pay",
        resource="policies",
        resource_id=policy.id,
        after={"reference": reference, "amount": amount, "paid_on": paid_on, "credit": paid.credit},
    )
    return paid


def check_payment(amount: Decimal, paid_on: date, on: date) -> None:
    """Refuse what is no payment. Raises DomainError at `amount` or `payment_date`."""
    if amount <= ZERO:
        raise DomainError("A payment is more than nothing.", field="amount")
    if paid_on > on:
        raise DomainError("A payment cannot be dated in the future.", field="payment_date")


def record_payments(
    session: Session,
    payments: Sequence[money.Payment],
    *,
    on: date,
    now: datetime,
    tolerance: Decimal = ZERO,
) -> list[Paid]:
    """Post payments and write their events: the same statements for one and for thousands."""
    lock_policies(session, {one.policy_id for one in payments})
    posted = money.record_receipts(session, payments, on=on, now=now, tolerance=tolerance)
    record_events(session, [_happening(one) for one in posted], now)
    return [
        Paid(one.receipt_id, one.payment.reference, one.payment.amount, one.shares, one.credit)
        for one in posted
    ]


def lock_policies(session: Session, policy_ids: Iterable[UUID]) -> None:
    """Hold policies until the transaction ends, in one order so that nobody waits in a circle."""
    session.execute(_LOCK, {"org": current_org(), "ids": sorted(policy_ids)})


def _happening(posted: money.Posted) -> Happening:
    payment = posted.payment
    payload = {
        "receipt_id": posted.receipt_id,
        "reference": payment.reference,
        "amount": payment.amount,
        "settled": [{"line": one.line_id, "amount": one.amount} for one in posted.shares],
        "credit": posted.credit,
    }
    words = f"{format_money(payment.amount)} received, reference {payment.reference}"
    return Happening(payment.policy_id, "PREMIUM_RECEIVED", payment.on, words, payload)


def reverse_payment(
    policy_id: UUID,
    line_id: UUID,
    *,
    reason_code: str,
    reference: str | None,
    on: date,
    now: datetime,
) -> Receipt:
    """Reverse the payment of a premium, such as an unpaid debit: everything it settled opens again.

    `reference` names the payment; without it the newest one that settled the line. Raises
    NotFoundError where nothing was paid, ConflictError for one reversed before.
    """
    with transaction() as session:
        queries.get_policy(session, policy_id, lock=True)
        line = billing.get_premium_line(session, policy_id, line_id)
        receipt = _receipt_of(session, line, reference)
        reverse_with_events(session, {receipt.id: reason_code}, [receipt], on=on, now=now)
        return receipt


def _receipt_of(session: Session, line: PremiumLine, reference: str | None) -> Receipt:
    settled = billing.list_net_allocations(session, line_id=line.id)
    found = [
        billing.get_receipt(session, one.receipt_id)
        for one in settled
        if reference is None or one.reference == reference
    ]
    payments = [one for one in found if one.kind is ReceiptKind.PAYMENT]
    if payments:
        return payments[-1]
    if reference is not None:
        known = billing.list_receipts_with_references(session, [reference]).get(reference)
        if known is not None and known.policy_id == line.policy_id and known.reversed_on:
            raise ConflictError("This payment has already been reversed.")
    raise NotFoundError("No payment of this premium has that reference.", field="reference")


def reverse_with_events(
    session: Session,
    reasons: Mapping[UUID, str],
    receipts: Sequence[Receipt],
    *,
    on: date,
    now: datetime,
) -> None:
    """Reverse receipts and say so in the policies' histories and the audit log.

    `reasons` gives each receipt's reason code by its id. The caller holds the policies.
    """
    money.reverse_receipts(session, reasons, receipts, on=on, now=now)
    record_events(session, [_taken_back(one, on) for one in receipts], now)
    record_many(
        session,
        [
            event_row(
                action="premiums.reverse",
                resource="policies",
                resource_id=one.policy_id,
                before={"reference": one.reference, "amount": one.amount},
                after={"reason_code": one.reason_code},
                reason=one.reason_code,
            )
            for one in receipts
        ],
    )


def _taken_back(receipt: Receipt, on: date) -> Happening:
    assert receipt.policy_id is not None
    return Happening(
        receipt.policy_id,
        "PAYMENT_REVERSED",
        on,
        f"{format_money(receipt.amount)} with reference {receipt.reference} reversed",
        {"receipt_id": receipt.id, "reference": receipt.reference},
        receipt.reason_code,
    )
