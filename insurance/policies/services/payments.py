"""Premiums coming in, and going back where a bank says so."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest
from insurance.approvals.services import request_approval
from insurance.approvals.subjects import Subject, register
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
from insurance.billing.rules import Share, is_far_above, is_well_above, plain_reference
from insurance.core.bulk import written_together
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, NotFoundError
from insurance.core.money import ZERO, format_money, total
from insurance.core.tenancy import current_org
from insurance.core.undo import UNDO
from insurance.ledger.models import TransferType
from insurance.ledger.periods import check_open
from insurance.ledger.queries import closed_through
from insurance.ledger.rules import AccountCode, booked_on
from insurance.ledger.services import Entry, post
from insurance.organizations.queries import payment_limit
from insurance.policies import queries
from insurance.policies.changes import Happening, PolicyChange, write_changes, write_events
from insurance.policies.models import Policy
from insurance.policies.services.approvals import POLICY
from insurance.policies.services.own_receipts import give_up_again

_LOCK = text(
    """
    SELECT id FROM ins.policies WHERE org_id = :org AND id = ANY(:ids) ORDER BY id FOR UPDATE
    """
)

_NUMBERS = text("SELECT id, policy_number FROM ins.policies WHERE org_id = :org AND id = ANY(:ids)")


@dataclass(frozen=True, slots=True)
class Paid:
    """What became of a payment. `is_duplicate`: it had been posted before, nothing was done.

    With `approval_id` nothing is posted until a second person agrees, and there is no receipt yet.
    """

    receipt_id: UUID | None
    reference: str
    amount: Decimal
    shares: tuple[Share, ...]
    credit: Decimal
    is_duplicate: bool = False
    approval_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person says to questions about a payment.

    `is_another`: other money than the payment that has its reference; None while nobody asked.
    `is_typed`: a person at a screen gave the amount, who is asked about less than a program is.
    """

    is_another: bool | None = None
    amount_is_right: bool = False
    is_typed: bool = False


NOTHING_SAID = Answers()


def pay_premium(
    policy_id: UUID,
    line_id: UUID,
    *,
    amount: Decimal,
    reference: str,
    paid_on: date,
    on: date,
    now: datetime,
    answers: Answers = NOTHING_SAID,
) -> Paid:
    """Record a payment for a premium; what is more than it owes settles the oldest others.

    Raises ConflictError for a line that is cancelled or paid, and see `receive_payment`.
    """
    with transaction() as session:
        policy = queries.get_policy(session, policy_id, lock=True)
        line = billing.get_premium_line(session, policy_id, line_id)
        earlier = billing.list_payments_with_reference(session, reference)
        known = _known(session, policy, earlier, amount, paid_on, answers)
        if known is not None:
            return known
        if line.status is LineStatus.CANCELLED:
            raise ConflictError("This premium was cancelled; nothing is owed for it.")
        if line.status is LineStatus.PAID:
            raise ConflictError(
                f"This premium was paid on {line.paid_date:%Y/%m/%d}"
                f" with reference {line.payment_reference}."
            )
        _check_size(session, policy, amount, on, answers)
        return _record_or_ask(
            session, policy, amount, reference, paid_on, on, now, line_id, is_first=not earlier
        )


def receive_payment(
    policy_id: UUID,
    *,
    amount: Decimal,
    reference: str,
    paid_on: date,
    on: date,
    now: datetime,
    answers: Answers = NOTHING_SAID,
) -> Paid:
    """Record a payment for a policy: the oldest premium first, what is left over is credit.

    Asks by ConflictError whether a payment with a reference used before is the same one, and
    whether far more than is due is right; `answers` says so. Raises DomainError for a date in the
    future or in closed books, or an amount that is not positive. Above the tenant's limit a second
    person is asked.
    """
    with transaction() as session:
        policy = queries.get_policy(session, policy_id, lock=True)
        earlier = billing.list_payments_with_reference(session, reference)
        known = _known(session, policy, earlier, amount, paid_on, answers)
        if known is not None:
            return known
        _check_size(session, policy, amount, on, answers)
        return _record_or_ask(
            session, policy, amount, reference, paid_on, on, now, is_first=not earlier
        )


def _known(
    session: Session,
    policy: Policy,
    earlier: Sequence[Receipt],
    amount: Decimal,
    paid_on: date,
    answers: Answers,
) -> Paid | None:
    """Return which of the payments with its reference this one is said to be, None for another.

    Asks where nobody said.
    """
    if not earlier or answers.is_another is True:
        return None
    mine = [one for one in earlier if one.policy_id == policy.id]
    same = [one for one in mine if one.amount == amount]
    same = [one for one in same if one.received_on == paid_on] or same
    if answers.is_another is None:
        raise _which_payment((same or mine or earlier)[0])
    if not same:
        raise ConflictError(
            f"No payment of {format_money(amount)} with this reference was recorded for the policy.",
            field="is_another_payment",
        )
    return _paid_before(session, same[0])


def _which_payment(receipt: Receipt) -> ConflictError:
    return ConflictError(
        f"{format_money(receipt.amount)} with this reference was received on"
        f" {receipt.received_on:%Y/%m/%d}: is this the same payment or another?",
        field="is_another_payment",
        detail={
            "earlier_payment": {
                "receipt_id": str(receipt.id),
                "amount": receipt.amount,
                "received_on": receipt.received_on.isoformat(),
                "receipt_status": receipt.status.value,
            }
        },
    )


def _paid_before(session: Session, receipt: Receipt) -> Paid:
    settled = billing.list_net_allocations(session, receipt_ids=[receipt.id])
    shares = tuple(Share(one.line_id, one.amount) for one in settled if one.line_id)
    left = receipt.amount - sum((one.amount for one in settled), ZERO)
    if receipt.status is ReceiptStatus.REVERSED:
        left = ZERO
    return Paid(receipt.id, receipt.reference, receipt.amount, shares, left, is_duplicate=True)


def _check_size(
    session: Session, policy: Policy, amount: Decimal, on: date, answers: Answers
) -> None:
    """Ask about far more than is due; who types it about more than twice as much."""
    asks = is_well_above if answers.is_typed else is_far_above
    if answers.amount_is_right or not asks(amount, policy.premium):
        return
    lines = [line for _policy, line in billing.list_open_lines(session, [policy.id])]
    arrears = total(line.outstanding for line in lines if line.due_date <= on)
    due = max(arrears, policy.premium, *(line.outstanding for line in lines[:1]))
    if asks(amount, due):
        raise ConflictError(
            f"Is {format_money(amount)} right? {format_money(due)} is due.",
            field="amount_is_right",
            detail={"due": due},
        )


def _record_or_ask(
    session: Session,
    policy: Policy,
    amount: Decimal,
    reference: str,
    paid_on: date,
    on: date,
    now: datetime,
    line_id: UUID | None = None,
    *,
    is_first: bool,
) -> Paid:
    """Record a payment, or have a second person agree to one above the tenant's limit."""
    check_payment(amount, paid_on, on)
    if amount <= payment_limit(session):
        return _receive(
            session, policy, amount, reference, paid_on, on, now, line_id, by_one=True,
            is_first=is_first,
        )  # fmt: skip
    check_open(session, paid_on)
    request = request_approval(
        session,
        RECEIVE,
        policy.id,
        record_version=policy.current_version,
        title=f"Record a payment of {format_money(amount)} for {policy.policy_number}",
        amount=amount,
        payload={
            "amount": amount,
            "payment_reference": reference,
            "payment_date": paid_on,
            "line_id": line_id,
        },
        reason="Above the limit for one person",
        now=now,
    )
    return Paid(None, reference, amount, (), ZERO, approval_id=request.id)


def execute_payment(session: Session, request: ApprovalRequest, *, on: date, now: datetime) -> Paid:
    """Record the payment that a second person agreed to."""
    policy = queries.get_policy(session, request.resource_id, lock=True)
    asked = request.payload
    return _receive(
        session,
        policy,
        Decimal(asked["amount"]),
        asked["payment_reference"],
        date.fromisoformat(asked["payment_date"]),
        on,
        now,
        line_id=UUID(asked["line_id"]) if asked["line_id"] else None,
    )


RECEIVE = register(
    Subject(action="policies.receive_payment", record=POLICY, execute=execute_payment)
)
"""What a second person agrees to: a payment above the tenant's limit."""


def _receive(
    session: Session,
    policy: Policy,
    amount: Decimal,
    reference: str,
    paid_on: date,
    on: date,
    now: datetime,
    line_id: UUID | None = None,
    by_one: bool = False,
    is_first: bool = False,
) -> Paid:
    """Record a payment; `is_first` where it was looked up that none came under its reference."""
    check_payment(amount, paid_on, on)
    payment = money.Payment(
        policy_id=policy.id,
        policy_number=policy.policy_number,
        reference=reference,
        amount=amount,
        on=paid_on,
        line_id=line_id,
        occurrence=1
        if is_first and plain_reference(reference)
        else billing.next_occurrence(
            session,
            payer=policy.policy_number,
            reference=reference,
            received_on=paid_on,
            amount=amount,
        ),
    )
    with written_together(session, late=True):
        (paid,) = post_payments(session, [payment], on=on, now=now, by_one=by_one)
    record(
        session,
        action="premiums.pay",
        resource="policies",
        resource_id=payment.policy_id,
        after={"reference": reference, "amount": amount, "paid_on": paid_on, "credit": paid.credit},
    )
    return paid


def give_to_policy(
    session: Session,
    receipt: Receipt,
    policy: Policy,
    *,
    on: date,
    now: datetime,
    why: str,
    as_from: date | None = None,
) -> None:
    """Give a receipt in suspense to a policy: it settles what is due, the rest is credit.

    With `as_from` it does so as from that day, which is booked on the first open one.
    """
    receipt.policy_id, receipt.status = policy.id, ReceiptStatus.POSTED
    session.flush()
    day = as_from or on
    entry = Entry(
        type=TransferType.SUSPENSE_MATCHED,
        description=f"Matched from suspense {policy.policy_number} {receipt.reference}",
        debit=AccountCode.SUSPENSE,
        credit=AccountCode.UNAPPLIED_CREDIT,
        amount=receipt.amount,
        on=booked_on(day, closed_through(session)) or day,
        policy_id=policy.id,
        receipt_id=receipt.id,
        reference=receipt.reference,
    )
    post(session, [[entry]], now=now)
    money.apply_credits(session, {policy.id: policy.policy_number}, on=on, now=now, as_from=as_from)
    settled = billing.list_net_allocations(session, receipt_ids=[receipt.id])
    credit = receipt.amount - sum((one.amount for one in settled), ZERO)
    received = Happening(
        policy.id,
        "PREMIUM_RECEIVED",
        receipt.received_on,
        f"{format_money(receipt.amount)} received, reference {receipt.reference}",
        {
            "receipt_id": receipt.id,
            "reference": receipt.reference,
            "amount": receipt.amount,
            "settled": [{"line": one.line_id, "amount": one.amount} for one in settled],
            "credit": credit,
        },
        why,
    )
    write_changes(session, [PolicyChange(policy=policy, happenings=[received])], now=now)
    record(
        session,
        action="suspense.match",
        resource="receipts",
        resource_id=receipt.id,
        before={"status": ReceiptStatus.SUSPENSE},
        after={
            "status": receipt.status,
            "policy": policy.policy_number,
            "amount": receipt.amount,
            "credit": credit,
        },
    )


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
    lock_policies(session, {payment.policy_id for payment in payments})
    return post_payments(session, payments, on=on, now=now, tolerance=tolerance)


def post_payments(
    session: Session,
    payments: Sequence[money.Payment],
    *,
    on: date,
    now: datetime,
    tolerance: Decimal = ZERO,
    by_one: bool = False,
) -> list[Paid]:
    """Post payments as `record_payments` does. The caller holds the policies.

    What is typed `by_one` person can be undone for a day.
    """
    with written_together(session):
        posted = money.record_receipts(session, payments, on=on, now=now, tolerance=tolerance)
        write_events(session, [_happening(one, by_one) for one in posted], now=now)
    return [
        Paid(one.receipt_id, one.payment.reference, one.payment.amount, one.shares, one.credit)
        for one in posted
    ]


def lock_policies(session: Session, policy_ids: Iterable[UUID]) -> None:
    """Hold policies until the transaction ends, in one order so that nobody waits in a circle."""
    session.execute(_LOCK, {"org": current_org(), "ids": sorted(policy_ids)})


def policy_numbers(session: Session, policy_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the numbers of policies by their ids."""
    values = {"org": current_org(), "ids": sorted(policy_ids)}
    return dict(session.execute(_NUMBERS, values).tuples().all())


def _happening(posted: money.Posted, by_one: bool) -> Happening:
    payment = posted.payment
    payload: dict[str, Any] = {
        "receipt_id": posted.receipt_id,
        "reference": payment.reference,
        "amount": payment.amount,
        "settled": [{"line": share.line_id, "amount": share.amount} for share in posted.shares],
        "credit": posted.credit,
    }
    if by_one:
        payload[UNDO] = {"lines": {str(line): before for line, before in posted.before.items()}}
    words = f"{format_money(payment.amount)} received, reference {payment.reference}"
    return Happening(payment.policy_id, "PREMIUM_RECEIVED", payment.on, words, payload)


def reverse_payment(
    policy_id: UUID,
    line_id: UUID,
    *,
    reason_code: str,
    reference: str | None = None,
    receipt_id: UUID | None = None,
    on: date,
    now: datetime,
) -> Receipt:
    """Reverse the payment of a premium, such as an unpaid debit: everything it settled opens again.

    `receipt_id` names the policy's payment, or `reference` the newest with it; without either the
    newest one that settled the line. Raises NotFoundError where nothing was paid, ConflictError for
    one reversed before.
    """
    with transaction() as session:
        queries.get_policy(session, policy_id, lock=True)
        line = billing.get_premium_line(session, policy_id, line_id)
        receipt = _receipt_of(session, line, reference, receipt_id)
        reverse_with_events(session, {receipt.id: reason_code}, [receipt], on=on, now=now)
        return receipt


def _receipt_of(
    session: Session, line: PremiumLine, reference: str | None, receipt_id: UUID | None
) -> Receipt:
    """Return the payment that is named, also where it settles another premium or none."""
    if reference is None and receipt_id is None:
        settled = billing.list_net_allocations(session, line_ids=[line.id])
        receipts = [billing.get_receipt(session, one.receipt_id) for one in settled]
    else:
        receipts = list(reversed(billing.list_receipts(session, line.policy_id, limit=10_000)))
    named = [
        receipt
        for receipt in receipts
        if receipt.kind is ReceiptKind.PAYMENT
        and receipt_id in (None, receipt.id)
        and (reference is None or plain_reference(receipt.reference) == plain_reference(reference))
    ]
    standing = [one for one in named if one.status is ReceiptStatus.POSTED]
    if standing:
        return standing[-1]
    if named:
        raise ConflictError("This payment has already been reversed.")
    field = "reference" if receipt_id is None else "receipt_id"
    raise NotFoundError("No such payment was received.", field=field)


def reverse_with_events(
    session: Session,
    reasons: Mapping[UUID, str],
    receipts: Sequence[Receipt],
    *,
    on: date,
    now: datetime,
) -> None:
    """Reverse receipts and say so in the policies' histories and the audit log.

    `reasons` gives each receipt's reason code by its id. The caller holds the policies. What waits
    to be paid back of this money is paid back no more: it is credit for what opens again.
    """
    kept = _keep_refunds_of(session, receipts, on, now)
    money.reverse_receipts(session, reasons, receipts, on=on, now=now)
    for policy_id, amount in _keep_refunds(session, receipts, on, now).items():
        kept[policy_id] += amount
    policy_ids = {receipt.policy_id for receipt in receipts if receipt.policy_id}
    money.apply_credits(session, policy_numbers(session, policy_ids), on=on, now=now)
    given_up = give_up_again(session, policy_ids, on=on, now=now)
    write_events(
        session, [_taken_back(receipt, on, kept, given_up) for receipt in receipts], now=now
    )
    record_many(
        session,
        [
            event_row(
                action="premiums.reverse",
                resource="policies",
                resource_id=receipt.policy_id,
                before={"reference": receipt.reference, "amount": receipt.amount},
                after={"reason_code": receipt.reason_code},
                reason=receipt.reason_code,
            )
            for receipt in receipts
        ],
    )


def _keep_refunds_of(
    session: Session, receipts: Sequence[Receipt], on: date, now: datetime
) -> defaultdict[UUID, Decimal]:
    """Make what waits to be paid back of receipts their own again, so that they can be reversed.

    What was paid out already is gone: such a receipt stays. Returns what is kept, by policy.
    """
    refunded: dict[UUID, dict[UUID, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    policies = {
        receipt.id: receipt.policy_id for receipt in receipts if receipt.policy_id is not None
    }
    for share in billing.list_net_allocations(session, receipt_ids=list(policies)):
        if share.line_id is None and share.amount > ZERO:
            refunded[policies[share.receipt_id]][share.receipt_id] += share.amount
    kept: defaultdict[UUID, Decimal] = defaultdict(lambda: ZERO)
    for policy_id, shares in refunded.items():
        amount = total(shares.values())
        if amount <= billing.refunds_payable(session, policy_id):
            number = queries.get_policy(session, policy_id).policy_number
            money.take_back_refund(
                session, policy_id, number, amount, of=shares.keys(), on=on, now=now
            )
            kept[policy_id] = amount
    return kept


def _keep_refunds(
    session: Session, receipts: Sequence[Receipt], on: date, now: datetime
) -> dict[UUID, Decimal]:
    """Make refunds that are not due any more credit again; return them by policy."""
    kept = billing.list_refunds_to_keep(
        session, {receipt.policy_id for receipt in receipts if receipt.policy_id is not None}
    )
    for policy_id, amount in kept.items():
        number = queries.get_policy(session, policy_id).policy_number
        money.take_back_refund(session, policy_id, number, amount, on=on, now=now)
    return kept


def _taken_back(
    receipt: Receipt, on: date, refunds: dict[UUID, Decimal], written_off: dict[UUID, Decimal]
) -> Happening:
    assert receipt.policy_id is not None
    kept = refunds.pop(receipt.policy_id, ZERO)
    given_up = written_off.pop(receipt.policy_id, ZERO)
    words = f"{format_money(receipt.amount)} with reference {receipt.reference} reversed"
    payload: dict[str, Any] = {"receipt_id": receipt.id, "reference": receipt.reference}
    if kept > ZERO:
        words += f"; {format_money(kept)} that waited to be paid back is kept"
        payload["refund_kept"] = kept
    if given_up > ZERO:
        words += f"; {format_money(given_up)} that opened again is asked from nobody"
        payload["written_off"] = given_up
    return Happening(
        receipt.policy_id,
        "PAYMENT_REVERSED",
        on,
        words,
        payload,
        receipt.reason_code,
    )
