"""Money without a policy: matched to one by a clerk, or paid back."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.billing.models import Receipt, ReceiptStatus
from insurance.billing.queries import get_receipt
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.ledger.models import LedgerTransfer, TransferType
from insurance.ledger.services import Entry, post, reverse_transfers
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy
from insurance.policies.services.payments import give_to_policy

_OVER = (PolicyStatus.CANCELLED, PolicyStatus.EXPIRED)
_LONGEST_REASON = 500


def match_suspense(receipt_id: UUID, policy_id: UUID, *, on: date, now: datetime) -> Receipt:
    """Give a receipt in suspense to a policy: it settles what is due, the rest is credit.

    A lapsed policy takes it, as what it owes is paid before it is reinstated. Raises ConflictError
    for one that is over, or a receipt that does not wait any more.
    """
    with transaction() as session:
        policy = get_policy(session, policy_id, lock=True)
        receipt = _waiting(session, receipt_id)
        if policy.status in _OVER:
            raise ConflictError(
                f"Policy {policy.policy_number} is {policy.status}; return the money instead.",
                field="policy_id",
            )
        give_to_policy(session, receipt, policy, on=on, now=now, why="Matched from suspense")
        return receipt


def return_suspense(receipt_id: UUID, *, reason: str, on: date, now: datetime) -> Receipt:
    """Pay a receipt in suspense back to where it came from. Raises DomainError without a reason."""
    reason = reason.strip()
    if not reason:
        raise DomainError("Give a reason.", field="reason")
    if len(reason) > _LONGEST_REASON:
        raise DomainError(f"At most {_LONGEST_REASON} characters.", field="reason")
    with transaction() as session:
        receipt = _waiting(session, receipt_id)
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
        debit="SUSPENSE",
        credit="BANK",
        amount=receipt.amount,
        on=on,
        receipt_id=receipt.id,
        reference=receipt.reference,
    )
