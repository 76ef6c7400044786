"""Reversals: receipts undone as if they had never come."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from insurance.billing.models import (
    Allocation,
    LineStatus,
    PremiumLine,
    Receipt,
    ReceiptKind,
    ReceiptStatus,
)
from insurance.billing.queries import (
    list_net_allocations,
    list_receipts_with_references,
)
from insurance.billing.rules import open_status
from insurance.billing.services.receipts import WRITTEN_OFF
from insurance.core.errors import ConflictError
from insurance.core.money import ZERO
from insurance.core.tenancy import current_org
from insurance.ledger.models import LedgerTransfer
from insurance.ledger.services import reverse_transfers


def _take_back(session: Session, settled: Sequence[Any], on: date) -> None:
    """Append the opposite of allocations and open their lines again."""
    for one in settled:
        session.add(
            Allocation(
                receipt_id=one.receipt_id,
                premium_line_id=one.line_id,
                amount=-one.amount,
                allocated_on=on,
            )
        )
        line = session.get_one(PremiumLine, (current_org(), one.line_id))
        line.paid_amount -= one.amount
        if line.status is LineStatus.PAID:
            line.status = LineStatus(open_status(line.due_date, on))
        if line.paid_amount == ZERO:
            line.paid_date, line.payment_reference = None, None
        session.flush()


def reverse_receipt(
    session: Session, receipt: Receipt, *, on: date, reason_code: str, now: datetime
) -> None:
    """Undo a receipt as if it had never come: lines open again, each transfer reversed.

    What was written off beside it opens again too. Raises ConflictError for one that was
    reversed before, or whose credit has been refunded.
    """
    if receipt.status is not ReceiptStatus.POSTED:
        raise ConflictError("This receipt has already been reversed.")
    settled = [
        one for one in list_net_allocations(session, receipt_id=receipt.id) if one.amount > ZERO
    ]
    if any(one.line_id is None for one in settled):
        raise ConflictError("A part of this receipt was refunded; it cannot be reversed.")
    _take_back(session, settled, on)
    receipt.status = ReceiptStatus.REVERSED
    receipt.reversed_on = on
    receipt.reason_code = reason_code
    reverse_transfers(
        session,
        LedgerTransfer.receipt_id == receipt.id,
        on=on,
        now=now,
        why=f"Reversed ({reason_code})",
    )
    for written_off in _written_off_beside(session, receipt):
        reverse_receipt(session, written_off, on=on, reason_code=reason_code, now=now)


def _written_off_beside(session: Session, receipt: Receipt) -> list[Receipt]:
    found = list_receipts_with_references(session, [f"{receipt.reference}{WRITTEN_OFF}"])
    return [
        one
        for one in found.values()
        if one.kind is ReceiptKind.WRITE_OFF
        and one.policy_id == receipt.policy_id
        and one.status is ReceiptStatus.POSTED
    ]
