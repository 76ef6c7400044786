"""Money for policies: receipts and what they settle, credits, reversals. Steps of a command.

The caller holds the policies' rows locked, so that two of these never work on one policy at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Table, text, update
from sqlalchemy.orm import Session

from insurance.billing.models import (
    Allocation,
    LineKind,
    LineStatus,
    PremiumLine,
    Receipt,
    ReceiptKind,
    ReceiptStatus,
)
from insurance.billing.queries import (
    get_receipt,
    list_credits,
    list_lines_in_reach,
    list_net_allocations,
    list_open_lines,
    list_receipts_with_references,
)
from insurance.billing.rules import OpenLine, Share, allocate, may_settle, open_status
from insurance.core.bulk import write_rows
from insurance.core.context import current_actor
from insurance.core.errors import ConflictError
from insurance.core.ids import new_id
from insurance.core.money import ZERO, total
from insurance.core.tenancy import current_org
from insurance.ledger.models import LedgerTransfer, TransferType
from insurance.ledger.rules import split_vat
from insurance.ledger.services import Entry, post, reverse_transfers

WRITTEN_OFF = "/WO"
"""How the references of what is written off beside a payment end."""
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
    carries no VAT.
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


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a payment: the lines it settled and what is left as credit."""

    receipt_id: UUID
    payment: Payment
    shares: tuple[Share, ...]
    credit: Decimal


@dataclass(slots=True)
class _Batch:
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

    def write(self, session: Session, now: datetime) -> None:
        """Write everything, parents first."""
        session.flush()
        write_rows(session, _RECEIPTS, self.receipts)
        write_rows(session, _ALLOCATIONS, self.allocations)
        if self.settled:
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
        post(session, self.journals, now=now)
        session.expire_all()


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
    batch, posted = _Batch(), []
    for payment in payments:
        lines = open_lines[payment.policy_id]
        reachable = [one for one in lines.values() if _reaches(payment, one, on)]
        shares, credit = allocate(payment.amount, reachable, first=payment.line_id)
        receipt_id = _add_receipt(batch, payment, shares, credit, now)
        for share in shares:
            _reduce(lines, share)
        posted.append(Posted(receipt_id, payment, tuple(shares), credit))
        _write_off_rests(batch, payment, shares, lines, tolerance, now)
    batch.write(session, now)
    return posted


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
    named = [one.line_id for one in payments if one.line_id is not None]
    for policy_id, line in list_lines_in_reach(session, money, on=on, named=named):
        found[policy_id][line.id] = line
    return found


def _open_by_policy(
    session: Session, policy_ids: Iterable[UUID]
) -> dict[UUID, dict[UUID, OpenLine]]:
    found: dict[UUID, dict[UUID, OpenLine]] = {one: {} for one in policy_ids}
    for policy_id, line in list_open_lines(session, list(found)):
        found[policy_id][line.id] = line
    return found


def _reduce(lines: dict[UUID, OpenLine], share: Share) -> None:
    line = lines[share.line_id]
    left = line.outstanding - share.amount
    if left:
        lines[line.id] = OpenLine(line.id, line.due_date, left)
    else:
        del lines[line.id]


def _add_receipt(
    batch: _Batch, payment: Payment, shares: Sequence[Share], credit: Decimal, now: datetime
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
    entries = []
    for share in shares:
        for source, amount in _sources(payment, share.amount):
            entries.append(
                _entry(payment, receipt_id, source, "PREMIUM_DEBTORS", amount, share.line_id)
            )
    for source, amount in _sources(payment, credit):
        entries.append(_entry(payment, receipt_id, source, "UNAPPLIED_CREDIT", amount, None))
    return entries


_TYPES = {
    ReceiptKind.PAYMENT: (TransferType.PREMIUM_RECEIVED, "Premium received"),
    ReceiptKind.CREDIT_NOTE: (TransferType.CREDIT_NOTE, "Premium credited"),
    ReceiptKind.WAIVER: (TransferType.WAIVER, "Premium waived"),
    ReceiptKind.WRITE_OFF: (TransferType.WRITE_OFF, "Written off"),
}


def _sources(payment: Payment, amount: Decimal) -> list[tuple[str, Decimal]]:
    """Return the accounts that pay for a credit, with what each pays; VAT is given back with it."""
    if payment.kind is ReceiptKind.PAYMENT:
        return [("BANK", amount)]
    account = "PREMIUM_INCOME" if payment.kind is ReceiptKind.CREDIT_NOTE else "PREMIUM_WAIVED"
    net, vat = split_vat(amount, payment.vat_rate) if payment.vat_rate else (amount, ZERO)
    return [(account, net), ("VAT_OUTPUT", vat)]


def _entry(
    payment: Payment,
    receipt_id: UUID,
    debit: str,
    credit: str,
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
        on=payment.on,
        policy_id=payment.policy_id,
        premium_line_id=line_id,
        receipt_id=receipt_id,
        reference=payment.reference,
    )


def _write_off_rests(
    batch: _Batch,
    payment: Payment,
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
                reference=f"{payment.reference}{WRITTEN_OFF}",
                amount=rest.outstanding,
                on=payment.on,
                line_id=rest.id,
                kind=ReceiptKind.WRITE_OFF,
                detail=f"Within the tolerance of {tolerance}",
                vat_rate=payment.vat_rate,
            )
            share_off = Share(rest.id, rest.outstanding)
            _add_receipt(batch, written_off, [share_off], ZERO, now)
            _reduce(lines, share_off)


def apply_credits(
    session: Session, policies: Mapping[UUID, str], *, on: date, now: datetime
) -> Decimal:
    """Use the policies' unapplied credits for what has fallen due, oldest first.

    `policies` gives each id its number. Returns what was applied.
    """
    credits = list_credits(session, list(policies))
    if not credits:
        return ZERO
    open_lines = _open_by_policy(session, {one.policy_id for one in credits})
    batch = _Batch()
    for credit in credits:
        lines = open_lines[credit.policy_id]
        due = [one for one in lines.values() if one.due_date <= on]
        shares, _left = allocate(credit.amount, due)
        for share in shares:
            batch.settle(share, credit.receipt_id, on, credit.reference)
            batch.journals.append(
                [
                    Entry(
                        type=TransferType.CREDIT_APPLIED,
                        description=f"Credit applied {policies[credit.policy_id]}",
                        debit="UNAPPLIED_CREDIT",
                        credit="PREMIUM_DEBTORS",
                        amount=share.amount,
                        on=on,
                        policy_id=credit.policy_id,
                        premium_line_id=share.line_id,
                        receipt_id=credit.receipt_id,
                        reference=credit.reference,
                    )
                ]
            )
            _reduce(lines, share)
    batch.write(session, now)
    return total(row["amount"] for row in batch.allocations)


def release_line(session: Session, line: PremiumLine, *, on: date, now: datetime) -> None:
    """Take back what receipts settled of a line, so that it is their credit again.

    What was waived or written off of it is no money: that receipt is reversed.
    """
    settled = []
    for one in list_net_allocations(session, line_id=line.id):
        receipt = get_receipt(session, one.receipt_id)
        if receipt.kind in (ReceiptKind.WAIVER, ReceiptKind.WRITE_OFF):
            reverse_receipt(session, receipt, on=on, reason_code="RELEASED", now=now)
        elif one.amount > ZERO:
            settled.append(one)
    _take_back(session, settled, on)
    session.flush()
    _post_credit_moves(
        session,
        [(one.receipt_id, one.reference, one.amount, line) for one in settled],
        on=on,
        now=now,
    )


def _post_credit_moves(
    session: Session,
    moves: Sequence[tuple[UUID, str, Decimal, PremiumLine]],
    *,
    on: date,
    now: datetime,
) -> None:
    journal = [
        Entry(
            type=TransferType.CREDIT_RECEIVED,
            description=f"Back to credit {reference} {line.due_date}",
            debit="PREMIUM_DEBTORS",
            credit="UNAPPLIED_CREDIT",
            amount=amount,
            on=on,
            policy_id=line.policy_id,
            premium_line_id=line.id,
            receipt_id=receipt_id,
            reference=reference,
        )
        for receipt_id, reference, amount, line in moves
    ]
    post(session, [journal], now=now)


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


def refund_credit(
    session: Session,
    policy_id: UUID,
    policy_number: str,
    amount: Decimal,
    *,
    on: date,
    now: datetime,
) -> None:
    """Take an amount out of a policy's credit to be paid back to the holder.

    Raises ConflictError where there is not so much credit.
    """
    left, journal = amount, []
    for credit in list_credits(session, [policy_id]):
        part = min(left, credit.amount)
        if part <= ZERO:
            break
        left -= part
        session.add(
            Allocation(
                receipt_id=credit.receipt_id, premium_line_id=None, amount=part, allocated_on=on
            )
        )
        journal.append(
            Entry(
                type=TransferType.REFUND_DUE,
                description=f"Refund due {policy_number}",
                debit="UNAPPLIED_CREDIT",
                credit="REFUNDS_PAYABLE",
                amount=part,
                on=on,
                policy_id=policy_id,
                receipt_id=credit.receipt_id,
                reference=credit.reference,
            )
        )
    if left > ZERO:
        raise ConflictError("The policy does not have so much credit.", field="amount")
    session.flush()
    post(session, [journal], now=now)


def charge_adjustment(
    session: Session,
    policy_id: UUID,
    policy_number: str,
    amount: Decimal,
    *,
    due_date: date,
    on: date,
    vat_rate: Decimal | None,
    now: datetime,
) -> PremiumLine:
    """Charge what a change of cover adds, to be paid with the next debit."""
    sequence = session.execute(_NEXT_ADJUSTMENT, _of_policy(policy_id)).scalar_one()
    line = PremiumLine(
        id=new_id(),
        policy_id=policy_id,
        kind=LineKind.ADJUSTMENT,
        sequence=sequence,
        due_date=due_date,
        period_end=due_date,
        amount=amount,
        paid_amount=ZERO,
        status=LineStatus.PENDING,
        posted_at=now,
    )
    session.add(line)
    session.flush()
    net, vat = split_vat(amount, vat_rate) if vat_rate else (amount, ZERO)
    journal = [
        Entry(
            type=TransferType.ADJUSTMENT,
            description=f"Change of cover {policy_number}",
            debit="PREMIUM_DEBTORS",
            credit=account,
            amount=part,
            on=on,
            policy_id=policy_id,
            premium_line_id=line.id,
        )
        for account, part in (("PREMIUM_INCOME", net), ("VAT_OUTPUT", vat))
    ]
    post(session, [journal], now=now)
    return line


_NEXT_ADJUSTMENT = text(
    """
    SELECT coalesce(max(sequence), 0) + 1 FROM ins.premium_lines
    WHERE org_id = :org AND policy_id = :policy AND kind = 'ADJUSTMENT'
    """
)


def _of_policy(policy_id: UUID) -> dict[str, UUID]:
    return {"org": current_org(), "policy": policy_id}


def uncharge(session: Session, line: PremiumLine, *, on: date, now: datetime, why: str) -> None:
    """Take the charge of a wholly unpaid line back: its transfers are reversed."""
    reverse_transfers(
        session,
        (LedgerTransfer.premium_line_id == line.id) & LedgerTransfer.receipt_id.is_(None),
        on=on,
        now=now,
        why=why,
    )
    line.posted_at = None
    session.flush()


def cancel_lines(session: Session, line_ids: Sequence[UUID]) -> None:
    """Cancel lines that nobody will be asked to pay any more."""
    if line_ids:
        session.execute(
            update(PremiumLine)
            .where(PremiumLine.org_id == current_org(), PremiumLine.id.in_(line_ids))
            .values(status=LineStatus.CANCELLED)
            .execution_options(synchronize_session="fetch")
        )
