"""Reversals: receipts undone as if they had never come."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from insurance.billing.models import (
    Allocation,
    LineStatus,
    PremiumLine,
    Receipt,
    ReceiptStatus,
)
from insurance.billing.queries import (
    NetAllocation,
    list_net_allocations,
    list_written_off_beside,
)
from insurance.billing.rules import open_status
from insurance.core.bulk import write_rows
from insurance.core.errors import ConflictError
from insurance.core.ids import new_id
from insurance.core.money import ZERO
from insurance.core.tenancy import current_org
from insurance.ledger.models import LedgerTransfer
from insurance.ledger.services import reverse_transfers

_ALLOCATIONS: Table = Allocation.__table__  # type: ignore[assignment]


def take_back(
    session: Session,
    settled: Sequence[NetAllocation],
    on: date,
    *,
    lines: Sequence[PremiumLine] | None = None,
) -> None:
    """Append the opposite of allocations and open their lines again: `lines`, if they are read."""
    if not settled:
        return
    session.flush()
    known = _lines_of(session, settled) if lines is None else lines
    by_id: dict[UUID | None, PremiumLine] = {line.id: line for line in known}
    allocations = [
        {
            "id": new_id(),
            "receipt_id": one.receipt_id,
            "premium_line_id": one.line_id,
            "amount": -one.amount,
            "allocated_on": on,
        }
        for one in settled
    ]
    write_rows(session, _ALLOCATIONS, allocations)
    for one in settled:
        line = by_id[one.line_id]
        line.paid_amount -= one.amount
        if line.status is LineStatus.PAID:
            line.status = LineStatus(open_status(line.due_date, on))
        if line.paid_amount == ZERO:
            line.paid_date, line.payment_reference = None, None
    session.flush()


def _lines_of(session: Session, settled: Sequence[NetAllocation]) -> Sequence[PremiumLine]:
    return session.scalars(
        select(PremiumLine).where(
            PremiumLine.org_id == current_org(),
            PremiumLine.id.in_({one.line_id for one in settled}),
        )
    ).all()


def reverse_receipt(
    session: Session, receipt: Receipt, *, on: date, reason_code: str, now: datetime
) -> None:
    """Undo a receipt as if it had never come; see `reverse_receipts`."""
    reverse_receipts(session, {receipt.id: reason_code}, [receipt], on=on, now=now)


def reverse_receipts(
    session: Session,
    reasons: Mapping[UUID, str],
    receipts: Sequence[Receipt],
    *,
    on: date,
    now: datetime,
) -> None:
    """Undo receipts as if they had never come: lines open again, each transfer reversed.

    `reasons` gives each receipt's reason code by its id. What was written off beside them opens
    again too. Set-based: thousands take as many statements as one. Raises ConflictError for one
    that was reversed before, or whose credit has been refunded.
    """
    codes = dict(reasons)
    beside = _written_off_beside(session, receipts)
    for written_off, receipt in beside:
        codes[written_off.id] = codes[receipt.id]
    undone = [*receipts, *(written_off for written_off, _receipt in beside)]
    if any(one.status is not ReceiptStatus.POSTED for one in undone):
        raise ConflictError("This receipt has already been reversed.")
    settled = list_net_allocations(session, receipt_ids=[one.id for one in undone])
    if any(one.line_id is None and one.amount > ZERO for one in settled):
        raise ConflictError("A part of this receipt was refunded; it cannot be reversed.")
    take_back(session, [one for one in settled if one.amount > ZERO], on)
    for one in undone:
        one.status, one.reversed_on = ReceiptStatus.REVERSED, on
        one.reason_code = codes[one.id]
    session.flush()
    for code in sorted(set(codes.values())):
        reverse_transfers(
            session,
            LedgerTransfer.receipt_id.in_([id_ for id_, its in codes.items() if its == code]),
            on=on,
            now=now,
            why=f"Reversed ({code})",
        )


def _written_off_beside(
    session: Session, receipts: Sequence[Receipt]
) -> list[tuple[Receipt, Receipt]]:
    """Return what was written off beside payments, each with its payment."""
    payments = {receipt.id: receipt for receipt in receipts}
    found = list_written_off_beside(session, list(payments))
    return [(one, payments[one.beside_id]) for one in found if one.beside_id is not None]
