"""Receipts: what a payment settles, and the credit it leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from insurance.billing.models import (
    Allocation,
    PremiumLine,
    Receipt,
    ReceiptKind,
    ReceiptStatus,
)
from insurance.billing.queries import (
    list_lines_in_reach,
)
from insurance.billing.rules import (
    LineBefore,
    OpenLine,
    Share,
    allocate,
    may_settle,
    plain_reference,
)
from insurance.core.bulk import write_rows, written_together
from insurance.core.context import current_actor
from insurance.core.ids import new_id
from insurance.core.money import ZERO
from insurance.core.tenancy import current_org
from insurance.ledger.models import TransferType
from insurance.ledger.rules import AccountCode, split_vat
from insurance.ledger.services import Entry, post

_RECEIPTS: Table = Receipt.__table__  # type: ignore[assignment]
_ALLOCATIONS: Table = Allocation.__table__  # type: ignore[assignment]
_SETTLE = text(
    """
    UPDATE ins.premium_lines AS l
    SET paid_amount = l.paid_amount + v.settled,
        status = CASE WHEN l.paid_amount + v.settled = l.amount THEN 'PAID' ELSE l.status END,
        paid_date = v.paid_on, payment_reference = v.reference
    FROM (SELECT unnest(CAST(:ids AS uuid[])) AS id, unnest(CAST(:settled AS numeric[])) AS settled,
                 unnest(CAST(:dates AS date[])) AS paid_on,
                 unnest(CAST(:references AS text[])) AS reference) AS v
    WHERE l.org_id = :org AND l.id = v.id
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Credit for a policy: money, or a decision of the insurer. `amount` is in rand, positive.

    `line_id` names the line it is meant for; `vat_rate` is in per cent, None where the class
    carries no VAT. `payer` is the policy or payer as the movement named it; `occurrence` counts
    the payments that agree in payer, day, amount and reference. `booked_on` is the day of its
    entries where that is not the day it came (books that are closed).
    """

    policy_id: UUID
    policy_number: str
    reference: str
    amount: Decimal
    on: date
    line_id: UUID | None = None
    kind: ReceiptKind = ReceiptKind.PAYMENT
    detail: str | None = None
    vat_rate: Decimal | None = None
    payer: str | None = None
    bank_reference: str | None = None
    occurrence: int = 1
    booked_on: date | None = None
    beside_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmatched:
    """Money that came in and waits in suspense, with the reason in `detail`. `amount` is in rand."""

    payer: str
    reference: str
    amount: Decimal
    on: date
    detail: str
    bank_reference: str | None = None
    occurrence: int = 1
    booked_on: date | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a payment: the lines it settled, as they were, and what is left as credit."""

    receipt_id: UUID
    payment: Payment
    shares: tuple[Share, ...]
    credit: Decimal
    before: Mapping[UUID, LineBefore | None]


@dataclass(slots=True)
class Batch:
    """The rows of many receipts, gathered so that each table is written once."""

    receipts: list[dict[str, Any]] = field(default_factory=list)
    allocations: list[dict[str, Any]] = field(default_factory=list)
    journals: list[list[Entry]] = field(default_factory=list)
    settled: dict[UUID, tuple[Decimal, date, str]] = field(default_factory=dict)

    def settle(self, share: Share, receipt_id: UUID, on: date, reference: str) -> None:
        """Note that a receipt settles a share of a line."""
        row = {"id": new_id(), "receipt_id": receipt_id, "premium_line_id": share.line_id}
        self.allocations.append(row | {"amount": share.amount, "allocated_on": on})
        before = self.settled.get(share.line_id, (ZERO, on, reference))
        self.settled[share.line_id] = (before[0] + share.amount, on, reference)

    def refund(self, receipt_id: UUID, amount: Decimal, on: date) -> None:
        """Note that an amount of a receipt goes back to the holder; a negative one comes back."""
        row = {"id": new_id(), "receipt_id": receipt_id, "premium_line_id": None}
        self.allocations.append(row | {"amount": amount, "allocated_on": on})

    def write(self, session: Session, now: datetime) -> None:
        """Write everything."""
        session.flush()
        if self.settled:
            self._settle_lines(session)
        with written_together(session):
            write_rows(session, _RECEIPTS, self.receipts)
            write_rows(session, _ALLOCATIONS, self.allocations)
            post(session, self.journals, now=now)

    def _settle_lines(self, session: Session) -> None:
        session.execute(
            _SETTLE,
            {
                "org": current_org(),
                "ids": list(self.settled),
                "settled": [one[0] for one in self.settled.values()],
                "dates": [one[1] for one in self.settled.values()],
                "references": [one[2] for one in self.settled.values()],
            },
        )
        # What the session has loaded of them is what they were before.
        for line in session.identity_map.values():
            if isinstance(line, PremiumLine):
                session.expire(line)


def record_receipts(
    session: Session,
    payments: Sequence[Payment],
    *,
    on: date,
    now: datetime,
    tolerance: Decimal = ZERO,
) -> list[Posted]:
    """Post payments in their order and return what became of each.

    The named line is settled first, then the oldest up to a month ahead; the rest is credit. A
    line left with no more than `tolerance` rand is written off. Set-based: a hundred thousand
    take as many statements as one.
    """
    open_lines = _open_for(session, payments, on)
    batch, posted = Batch(), []
    for payment in payments:
        lines = open_lines[payment.policy_id]
        reachable = [line for line in lines.values() if _reaches(payment, line, on)]
        shares, credit = allocate(payment.amount, reachable, first=payment.line_id)
        receipt_id = _add_receipt(batch, payment, shares, credit, now)
        before = {share.line_id: lines[share.line_id].before for share in shares}
        for share in shares:
            reduce_line(lines, share)
        posted.append(Posted(receipt_id, payment, tuple(shares), credit, before))
        _write_off_rests(batch, payment, receipt_id, shares, lines, tolerance, now)
    batch.write(session, now)
    return posted


def record_unmatched(
    session: Session, movements: Sequence[Unmatched], *, now: datetime
) -> list[UUID]:
    """Receive money in suspense and return the receipts in the same order."""
    receipts = [_unmatched_row(movement, now) for movement in movements]
    session.flush()
    write_rows(session, _RECEIPTS, receipts)
    journals = [
        [_unmatched_entry(one, row["id"])] for one, row in zip(movements, receipts, strict=True)
    ]
    post(session, journals, now=now)
    return [row["id"] for row in receipts]


def _unmatched_row(one: Unmatched, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "reference": one.reference,
        "reference_key": plain_reference(one.reference),
        "payer_key": plain_reference(one.payer),
        "bank_reference": one.bank_reference,
        "occurrence": one.occurrence,
        "kind": ReceiptKind.PAYMENT,
        "status": ReceiptStatus.SUSPENSE,
        "amount": one.amount,
        "received_on": one.on,
        "recorded_at": now,
        "recorded_by": current_actor().email,
        "detail": one.detail,
    }


def _unmatched_entry(one: Unmatched, receipt_id: UUID) -> Entry:
    return Entry(
        type=TransferType.SUSPENSE_RECEIVED,
        description=f"Received, policy not known: {one.payer} {one.reference}",
        debit=AccountCode.BANK,
        credit=AccountCode.SUSPENSE,
        amount=one.amount,
        on=one.booked_on or one.on,
        receipt_id=receipt_id,
        reference=one.reference,
    )


def _reaches(payment: Payment, line: OpenLine, on: date) -> bool:
    """Tell whether a payment may settle a line: money reaches a month ahead, credit what is due."""
    if payment.kind is ReceiptKind.PAYMENT:
        return line.id == payment.line_id or may_settle(line.due_date, on)
    return line.id == payment.line_id or line.due_date <= on


def _open_for(
    session: Session, payments: Sequence[Payment], on: date
) -> dict[UUID, dict[UUID, OpenLine]]:
    money: dict[UUID, Decimal] = {}
    for one in payments:
        money[one.policy_id] = money.get(one.policy_id, ZERO) + one.amount
    found: dict[UUID, dict[UUID, OpenLine]] = {one: {} for one in money}
    named = [payment.line_id for payment in payments if payment.line_id is not None]
    for policy_id, line in list_lines_in_reach(session, money, on=on, named=named):
        found[policy_id][line.id] = line
    return found


def reduce_line(lines: dict[UUID, OpenLine], share: Share) -> None:
    line = lines[share.line_id]
    left = line.outstanding - share.amount
    if left:
        lines[line.id] = OpenLine(line.id, line.due_date, left)
    else:
        del lines[line.id]


def _add_receipt(
    batch: Batch, payment: Payment, shares: Sequence[Share], credit: Decimal, now: datetime
) -> UUID:
    receipt_id = new_id()
    batch.receipts.append(_receipt_row(payment, receipt_id, now))
    for share in shares:
        batch.settle(share, receipt_id, payment.on, payment.reference)
    batch.journals.append(_receipt_journal(payment, receipt_id, shares, credit))
    return receipt_id


def _receipt_row(payment: Payment, receipt_id: UUID, now: datetime) -> dict[str, Any]:
    return {
        "id": receipt_id,
        "reference": payment.reference,
        "reference_key": plain_reference(payment.reference),
        "payer_key": plain_reference(
            payment.policy_number if payment.payer is None else payment.payer
        ),
        "bank_reference": payment.bank_reference,
        "occurrence": payment.occurrence,
        "beside_id": payment.beside_id,
        "kind": payment.kind,
        "status": ReceiptStatus.POSTED,
        "policy_id": payment.policy_id,
        "amount": payment.amount,
        "received_on": payment.on,
        "recorded_at": now,
        "recorded_by": current_actor().email,
        "detail": payment.detail,
    }


def _receipt_journal(
    payment: Payment, receipt_id: UUID, shares: Sequence[Share], credit: Decimal
) -> list[Entry]:
    debtors, in_advance = AccountCode.PREMIUM_DEBTORS, AccountCode.UNAPPLIED_CREDIT
    entries = []
    for share in shares:
        for source, amount in _sources(payment, share.amount):
            entries.append(_entry(payment, receipt_id, source, debtors, amount, share.line_id))
    for source, amount in _sources(payment, credit):
        entries.append(_entry(payment, receipt_id, source, in_advance, amount, None))
    return entries


_TYPES = {
    ReceiptKind.PAYMENT: (TransferType.PREMIUM_RECEIVED, "Premium received"),
    ReceiptKind.CREDIT_NOTE: (TransferType.CREDIT_NOTE, "Premium credited"),
    ReceiptKind.WAIVER: (TransferType.WAIVER, "Premium waived"),
    ReceiptKind.WRITE_OFF: (TransferType.WRITE_OFF, "Written off"),
}


def _sources(payment: Payment, amount: Decimal) -> list[tuple[AccountCode, Decimal]]:
    """Return the accounts that pay for a credit, with what each pays; VAT is given back with it."""
    if payment.kind is ReceiptKind.PAYMENT:
        return [(AccountCode.BANK, amount)]
    is_credit_note = payment.kind is ReceiptKind.CREDIT_NOTE
    account = AccountCode.PREMIUM_INCOME if is_credit_note else AccountCode.PREMIUM_WAIVED
    net, vat = split_vat(amount, payment.vat_rate) if payment.vat_rate else (amount, ZERO)
    return [(account, net), (AccountCode.VAT_OUTPUT, vat)]


def _entry(
    payment: Payment,
    receipt_id: UUID,
    debit: AccountCode,
    credit: AccountCode,
    amount: Decimal,
    line_id: UUID | None,
) -> Entry:
    kind, words = _TYPES[payment.kind]
    if payment.kind is ReceiptKind.PAYMENT and line_id is None:
        kind, words = TransferType.CREDIT_RECEIVED, "Received in advance"
    return Entry(
        type=kind,
        description=f"{words} {payment.policy_number} {payment.reference}",
        debit=debit,
        credit=credit,
        amount=amount,
        on=payment.booked_on or payment.on,
        policy_id=payment.policy_id,
        premium_line_id=line_id,
        receipt_id=receipt_id,
        reference=payment.reference,
    )


def _write_off_rests(
    batch: Batch,
    payment: Payment,
    receipt_id: UUID,
    shares: Sequence[Share],
    lines: dict[UUID, OpenLine],
    tolerance: Decimal,
    now: datetime,
) -> None:
    for share in shares:
        rest = lines.get(share.line_id)
        if rest is not None and rest.outstanding <= tolerance:
            written_off = Payment(
                policy_id=payment.policy_id,
                policy_number=payment.policy_number,
                reference=payment.reference,
                amount=rest.outstanding,
                on=payment.on,
                line_id=rest.id,
                kind=ReceiptKind.WRITE_OFF,
                detail=f"Within the tolerance of {tolerance}",
                vat_rate=payment.vat_rate,
                booked_on=payment.booked_on,
                beside_id=receipt_id,
            )
            share_off = Share(rest.id, rest.outstanding)
            _add_receipt(batch, written_off, [share_off], ZERO, now)
            reduce_line(lines, share_off)
