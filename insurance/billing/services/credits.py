"""Unapplied credit: used for what falls due, given back to the holder."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.billing.models import (
    Allocation,
    PremiumLine,
    ReceiptKind,
)
from insurance.billing.queries import (
    get_receipt,
    list_credits,
    list_net_allocations,
    list_open_lines,
)
from insurance.billing.rules import OpenLine, allocate
from insurance.billing.services.receipts import Batch, reduce_line
from insurance.billing.services.reversals import reverse_receipt, take_back
from insurance.core.errors import ConflictError
from insurance.core.money import ZERO, total
from insurance.ledger.models import TransferType
from insurance.ledger.services import Entry, post


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
    batch = Batch()
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
            reduce_line(lines, share)
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
    take_back(session, settled, on)
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


def _open_by_policy(
    session: Session, policy_ids: Iterable[UUID]
) -> dict[UUID, dict[UUID, OpenLine]]:
    found: dict[UUID, dict[UUID, OpenLine]] = {one: {} for one in policy_ids}
    for policy_id, line in list_open_lines(session, list(found)):
        found[policy_id][line.id] = line
    return found


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
