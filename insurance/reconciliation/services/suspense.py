"""Money without a policy: matched to one by a clerk, or paid back."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest
from insurance.approvals.services import request_approval, waits_already
from insurance.approvals.subjects import Record, Subject, register
from insurance.audit_logs.services import record
from insurance.billing.models import Receipt, ReceiptStatus
from insurance.billing.queries import get_receipt
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.money import format_money
from insurance.ledger.models import LedgerTransfer, TransferType
from insurance.ledger.rules import AccountCode
from insurance.ledger.services import Entry, post, reverse_transfers
from insurance.organizations.queries import get_organization
from insurance.policies.models import Policy, PolicyStatus
from insurance.policies.queries import get_policy
from insurance.policies.services.approvals import POLICY
from insurance.policies.services.payments import give_to_policy
from insurance.reconciliation import queries
from insurance.reconciliation.models import RowState
from insurance.reconciliation.permissions import ReconciliationMay
from insurance.reconciliation.rules import RowVerdict

SAME_PAYMENT = "SAME_PAYMENT"
"""Why a receipt is out of the books that was never money of its own."""
_OVER = (PolicyStatus.CANCELLED, PolicyStatus.EXPIRED)
_LONGEST_REASON = 500
_UNCHANGING = 1
"""A receipt has no versions: while it waits in suspense nothing of it changes."""


@dataclass(frozen=True, slots=True)
class Matched:
    """A receipt given to a policy. With `approval_id` it waits until a second person agrees."""

    receipt: Receipt
    approval_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """A receipt paid back. With `approval_id` it waits until a second person agrees."""

    receipt: Receipt
    approval_id: UUID | None = None


def match_suspense(receipt_id: UUID, policy_id: UUID, *, on: date, now: datetime) -> Matched:
    """Give a receipt in suspense to a policy: it settles what is due, the rest is credit.

    A lapsed policy takes it, as what it owes is paid before it is reinstated. Above the tenant's
    limit for a payment a second person is asked. Raises ConflictError for a policy that is over,
    or a receipt that does not wait any more, or about which a second person is asked already.
    """
    with transaction() as session:
        policy = get_policy(session, policy_id, lock=True)
        receipt = _waiting(session, receipt_id)
        _check_takes_money(policy)
        if receipt.amount > get_organization(session).payment_limit:
            return Matched(receipt, _ask_to_match(session, receipt, policy, now).id)
        give_to_policy(session, receipt, policy, on=on, now=now, why="Matched from suspense")
        return Matched(receipt)


def execute_match(
    session: Session, request: ApprovalRequest, *, on: date, now: datetime
) -> Receipt:
    """Give the receipt to the policy that a second person agreed to."""
    policy = get_policy(session, request.resource_id, lock=True)
    receipt = _waiting(session, UUID(request.payload["receipt_id"]))
    _check_takes_money(policy)
    give_to_policy(session, receipt, policy, on=on, now=now, why=request.reason)
    return receipt


MATCH = register(Subject(action="suspense.match", record=POLICY, execute=execute_match))
"""What a second person agrees to: money above the tenant's limit for a payment."""


def _check_takes_money(policy: Policy) -> None:
    if policy.status in _OVER:
        raise ConflictError(
            f"Policy {policy.policy_number} is {policy.status}; return the money instead.",
            field="policy_id",
        )


def _ask_to_match(
    session: Session, receipt: Receipt, policy: Policy, now: datetime
) -> ApprovalRequest:
    _check_asked_once(session, receipt, MATCH, policy.id)
    return request_approval(
        session,
        MATCH,
        policy.id,
        record_version=policy.current_version,
        title=f"Give {format_money(receipt.amount)} from suspense to {policy.policy_number}",
        amount=receipt.amount,
        payload={
            "receipt_id": receipt.id,
            "amount": receipt.amount,
            "payment_reference": receipt.reference,
            "received_on": receipt.received_on,
        },
        reason="Above the limit for one person",
        now=now,
    )


def return_suspense(receipt_id: UUID, *, reason: str, on: date, now: datetime) -> Returned:
    """Pay a receipt in suspense back to where it came from.

    Above the tenant's limit for a payment a second person is asked. Raises DomainError without a
    reason, ConflictError for a receipt that does not wait any more, or about which a second person
    is asked already.
    """
    reason = check_reason(reason)
    with transaction() as session:
        receipt = _waiting(session, receipt_id)
        if receipt.amount > get_organization(session).payment_limit:
            return Returned(receipt, _ask_to_return(session, receipt, reason, now).id)
        _return(session, receipt, reason, on, now)
        return Returned(receipt)


def execute_return(
    session: Session, request: ApprovalRequest, *, on: date, now: datetime
) -> Receipt:
    """Pay back what a second person agreed to."""
    receipt = _waiting(session, request.resource_id)
    _return(session, receipt, request.reason, on, now)
    return receipt


def _lock(session: Session, receipt_id: UUID) -> int:
    get_receipt(session, receipt_id, lock=True)
    return _UNCHANGING


RECEIPT = Record(
    resource="receipts",
    name="receipt",
    lock=_lock,
    endpoint="reconciliation.suspense",
    may_view=ReconciliationMay.VIEW,
)
RETURN = register(Subject(action="suspense.return", record=RECEIPT, execute=execute_return))
"""What a second person agrees to: more than that goes back."""


def _ask_to_return(
    session: Session, receipt: Receipt, reason: str, now: datetime
) -> ApprovalRequest:
    _check_asked_once(session, receipt, RETURN, receipt.id)
    return request_approval(
        session,
        RETURN,
        receipt.id,
        record_version=_UNCHANGING,
        title=f"Pay {format_money(receipt.amount)} back from suspense",
        amount=receipt.amount,
        payload={
            "amount": receipt.amount,
            "payment_reference": receipt.reference,
            "received_on": receipt.received_on,
        },
        reason=reason,
        now=now,
    )


def _check_asked_once(
    session: Session, receipt: Receipt, subject: Subject, resource_id: UUID
) -> None:
    """Refuse to ask for one thing while a second person is asked for another about a receipt.

    The same asked twice is refused by `request_approval`, which knows whether the first still holds.
    """
    asked = queries.find_requests(session, [receipt.id]).get(receipt.id)
    if asked and (asked.action, asked.resource_id) != (subject.action, resource_id):
        raise waits_already(asked)


def _return(session: Session, receipt: Receipt, reason: str, on: date, now: datetime) -> None:
    receipt.status, receipt.reversed_on = ReceiptStatus.REVERSED, on
    receipt.reason_code = "RETURNED"
    session.flush()
    post(session, [[_returned(receipt, on)]], now=now)
    record(
        session,
        action="suspense.return",
        resource="receipts",
        resource_id=receipt.id,
        before={"status": ReceiptStatus.SUSPENSE, "amount": receipt.amount},
        after={"status": receipt.status, "reference": receipt.reference},
        reason=reason,
    )


def drop_repeated(
    receipt_id: UUID, earlier_id: UUID, *, reason: str, on: date, now: datetime
) -> Receipt:
    """Take a receipt in suspense out of the books, as a person says it is a payment that came before.

    Its row of the file becomes a duplicate. Raises DomainError at `reason` without one,
    ConflictError at `receipt_id` for a payment that it cannot repeat.
    """
    reason = check_reason(reason)
    with transaction() as session:
        row = queries.find_row_of(session, receipt_id)
        if row is not None:
            file = queries.get_free_file(session, row.file_id)
        receipt = _waiting(session, receipt_id)
        earlier = {one.id: one for one in queries.list_repeated(session, [receipt_id])[receipt_id]}
        if earlier_id not in earlier:
            raise ConflictError(
                "This payment does not agree in amount with the bank's number, nor in payer, day,"
                " amount and reference.",
                field="receipt_id",
            )
        receipt.status, receipt.reversed_on = ReceiptStatus.REVERSED, on
        receipt.reason_code = SAME_PAYMENT
        reverse_transfers(
            session,
            LedgerTransfer.receipt_id == receipt.id,
            on=on,
            now=now,
            why="The same payment",
        )
        if row is not None:
            row.verdict, row.state = RowVerdict.DUPLICATE, RowState.SKIPPED
            row.receipt_id, row.known_receipt_id = None, earlier_id
            row.detail = f"{current_actor().name} said that it is the same payment as before."
            session.flush()
            file.totals = queries.count_verdicts(session, file.id)
        record(
            session,
            action="suspense.drop_repeated",
            resource="receipts",
            resource_id=receipt.id,
            before={"status": ReceiptStatus.SUSPENSE, "amount": receipt.amount},
            after={"status": receipt.status, "same_as": earlier_id},
            reason=reason,
        )
        return receipt


def take_back_suspense(
    session: Session, receipt: Receipt, *, reason_code: str, on: date, now: datetime
) -> None:
    """Reverse a receipt in suspense whose payment came back.

    Raises ConflictError for one that does not wait any more.
    """
    receipt = _waiting(session, receipt.id)
    receipt.status, receipt.reversed_on = ReceiptStatus.REVERSED, on
    receipt.reason_code = reason_code
    reverse_transfers(
        session,
        LedgerTransfer.receipt_id == receipt.id,
        on=on,
        now=now,
        why=f"Reversed ({reason_code})",
    )
    record(
        session,
        action="suspense.reverse",
        resource="receipts",
        resource_id=receipt.id,
        before={"reference": receipt.reference, "amount": receipt.amount},
        after={"status": receipt.status},
        reason=reason_code,
    )


def check_reason(reason: str) -> str:
    """Return a reason without spaces around it. Raises DomainError at `reason` for none."""
    reason = reason.strip()
    if not reason:
        raise DomainError("Give a reason.", field="reason")
    if len(reason) > _LONGEST_REASON:
        raise DomainError(f"At most {_LONGEST_REASON} characters.", field="reason")
    return reason


def _waiting(session: Session, receipt_id: UUID) -> Receipt:
    receipt = get_receipt(session, receipt_id, lock=True)
    session.refresh(receipt)
    if receipt.status is not ReceiptStatus.SUSPENSE:
        raise ConflictError("This receipt does not wait in suspense any more.")
    return receipt


def _returned(receipt: Receipt, on: date) -> Entry:
    return Entry(
        type=TransferType.REFUND_PAID,
        description=f"Returned from suspense {receipt.reference}",
        debit=AccountCode.SUSPENSE,
        credit=AccountCode.BANK,
        amount=receipt.amount,
        on=on,
        receipt_id=receipt.id,
        reference=receipt.reference,
    )
