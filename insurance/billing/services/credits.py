"""Unapplied credit: used for what falls due, given back to the holder."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.billing.models import (
    LineKind,
    LineStatus,
    PremiumLine,
    ReceiptKind,
)
from insurance.billing.queries import (
    Credit,
    NetAllocation,
    get_receipt,
    list_credits,
    list_net_allocations,
    list_open_lines,
    list_refunded,
)
from insurance.billing.rules import OpenLine, allocate
from insurance.billing.services.receipts import Batch, reduce_line
from insurance.billing.services.reversals import reverse_receipt, take_back
from insurance.core.bulk import written_together
from insurance.core.errors import ConflictError
from insurance.core.money import ZERO
from insurance.core.tenancy import current_org
from insurance.ledger.models import TransferType
from insurance.ledger.queries import closed_through
from insurance.ledger.rules import AccountCode, booked_on
from insurance.ledger.services import Entry, post


def apply_credits(
    session: Session,
    policies: Mapping[UUID, str],
    *,
    on: date,
    now: datetime,
    as_from: date | None = None,
    ahead: Collection[UUID] = (),
) -> list[Credit]:
    """Use the policies' unapplied credits for what has fallen due, oldest first.

    `policies` gives each id its number. With `as_from` what is due on `on` was paid on that day,
    which is booked on the first open one. `ahead` names premiums not yet due that credit settles
    too. Returns what credits have left.
    """
    day = as_from or on
    booked = booked_on(day, closed_through(session)) or day if as_from else on
    credits = list_credits(session, list(policies))
    if not credits:
        return []
    open_lines = _open_by_policy(session, {one.policy_id for one in credits})
    batch, left = Batch(), []
    for credit in credits:
        lines = open_lines[credit.policy_id]
        due = [line for line in lines.values() if line.due_date <= on or line.id in ahead]
        shares, rest = allocate(credit.amount, due)
        if rest > ZERO:
            left.append(replace(credit, amount=rest))
        for share in shares:
            batch.settle(share, credit.receipt_id, day, credit.reference)
            batch.journals.append(
                [
                    Entry(
                        type=TransferType.CREDIT_APPLIED,
                        description=f"Credit applied {policies[credit.policy_id]}",
                        debit=AccountCode.UNAPPLIED_CREDIT,
                        credit=AccountCode.PREMIUM_DEBTORS,
                        amount=share.amount,
                        on=booked,
                        policy_id=credit.policy_id,
                        premium_line_id=share.line_id,
                        receipt_id=credit.receipt_id,
                        reference=credit.reference,
                    )
                ]
            )
            reduce_line(lines, share)
    batch.write(session, now)
    return left


def release_lines(
    session: Session, lines: Sequence[PremiumLine], *, on: date, now: datetime
) -> None:
    """Take back what receipts settled of lines, so that it is their credit again.

    What was waived or written off of them is no money: that receipt is reversed.
    """
    if not lines:
        return
    found = list_net_allocations(session, line_ids=[line.id for line in lines])
    forgiven = {one.receipt_id for one in found if one.kind in _FORGIVES}
    for receipt_id in sorted(forgiven):
        receipt = get_receipt(session, receipt_id)
        reverse_receipt(session, receipt, on=on, reason_code="RELEASED", now=now)
    settled = [one for one in found if one.receipt_id not in forgiven and one.amount > ZERO]
    journals = [
        _back_to_credit(
            [
                (one.receipt_id, one.reference, one.amount, line)
                for one in settled
                if one.line_id == line.id
            ],
            on,
        )
        for line in lines
    ]
    with written_together(session):
        take_back(session, settled, on, lines=lines)
        post(session, journals, now=now)


_FORGIVES = (ReceiptKind.WAIVER, ReceiptKind.WRITE_OFF)


def settle_oldest(
    session: Session,
    policies: Mapping[UUID, str],
    *,
    on: date,
    now: datetime,
    since: date | None = None,
) -> dict[UUID, Decimal]:
    """Settle what is due by a day with money held for later; return what each policy used of it.

    Credit is used first, then what was paid of premiums not yet due, or due from `since` on where
    that is given, the last of them first; no more than is owed. `policies` gives each id its
    number.
    """
    owed: dict[UUID, Decimal] = {}
    for policy_id, line in list_open_lines(session, list(policies)):
        if line.due_date <= on:
            owed[policy_id] = owed.get(policy_id, ZERO) + line.outstanding
    if not owed:
        return {}
    credit: dict[UUID, Decimal] = {}
    for one in list_credits(session, list(owed)):
        credit[one.policy_id] = credit.get(one.policy_id, ZERO) + one.amount
    needed = {one: amount - credit.get(one, ZERO) for one, amount in owed.items()}
    released = release_ahead(session, needed, on=on, now=now, since=since)
    used = {
        one: min(amount, credit.get(one, ZERO) + released.get(one, ZERO))
        for one, amount in owed.items()
    }
    used = {one: amount for one, amount in used.items() if amount > ZERO}
    apply_credits(session, {one: policies[one] for one in used}, on=on, now=now)
    return used


def release_ahead(
    session: Session,
    needed: Mapping[UUID, Decimal],
    *,
    on: date,
    now: datetime,
    since: date | None = None,
) -> dict[UUID, Decimal]:
    """Turn what was paid of premiums not yet due into credit, as far as each policy needs it.

    The last of them first; `since` counts those due from that day on too. Returns what each policy
    has more of, in rand.
    """
    first = min(since or date.max, on + timedelta(days=1))
    lines = session.scalars(
        select(PremiumLine)
        .where(
            PremiumLine.org_id == current_org(),
            PremiumLine.policy_id.in_([one for one, amount in needed.items() if amount > ZERO]),
            PremiumLine.kind == LineKind.PREMIUM,
            PremiumLine.status != LineStatus.CANCELLED,
            PremiumLine.due_date >= first,
            PremiumLine.paid_amount > ZERO,
        )
        .order_by(PremiumLine.policy_id, PremiumLine.due_date.desc())
    ).all()
    left = dict(needed)
    wanted = []
    for line in lines:
        amount = min(left[line.policy_id], line.paid_amount)
        if amount > ZERO:
            left[line.policy_id] -= amount
            wanted.append((line, amount))
    return _release(session, wanted, on=on, now=now)


def release_excess(
    session: Session, amounts: Mapping[UUID, Decimal], *, on: date, now: datetime
) -> None:
    """Turn what was paid of premiums above what they now cost into credit.

    `amounts` says by the id of a premium what it will cost; the caller sets that afterwards.
    """
    if not amounts:
        return
    lines = session.scalars(
        select(PremiumLine)
        .where(PremiumLine.org_id == current_org(), PremiumLine.id.in_(amounts))
        .order_by(PremiumLine.id)
    ).all()
    wanted = [(line, line.paid_amount - amounts[line.id]) for line in lines]
    _release(session, [(line, more) for line, more in wanted if more > ZERO], on=on, now=now)


def _release(
    session: Session,
    wanted: Sequence[tuple[PremiumLine, Decimal]],
    *,
    on: date,
    now: datetime,
) -> dict[UUID, Decimal]:
    """Turn parts of what was paid of premiums into credit; return it by policy, in rand."""
    released: dict[UUID, Decimal] = {}
    parts: list[tuple[NetAllocation, PremiumLine]] = []
    for line, most in wanted:
        left = most
        for one in list_net_allocations(session, line_ids=[line.id]):
            part = min(left, one.amount)
            if part > ZERO:
                left -= part
                parts.append((replace(one, amount=part), line))
                released[line.policy_id] = released.get(line.policy_id, ZERO) + part
    moves = [(one.receipt_id, one.reference, one.amount, line) for one, line in parts]
    with written_together(session):
        take_back(session, [one for one, _line in parts], on, lines=[line for line, _ in wanted])
        post(session, [_back_to_credit(moves, on)], now=now)
    return released


def _back_to_credit(
    moves: Sequence[tuple[UUID, str, Decimal, PremiumLine]], on: date
) -> list[Entry]:
    return [
        Entry(
            type=TransferType.CREDIT_RECEIVED,
            description=f"Back to credit {reference} {line.due_date:%Y/%m/%d}",
            debit=AccountCode.PREMIUM_DEBTORS,
            credit=AccountCode.UNAPPLIED_CREDIT,
            amount=amount,
            on=on,
            policy_id=line.policy_id,
            premium_line_id=line.id,
            receipt_id=receipt_id,
            reference=reference,
        )
        for receipt_id, reference, amount, line in moves
    ]


def _open_by_policy(
    session: Session, policy_ids: Iterable[UUID]
) -> dict[UUID, dict[UUID, OpenLine]]:
    found: dict[UUID, dict[UUID, OpenLine]] = {one: {} for one in policy_ids}
    for policy_id, line in list_open_lines(session, list(found)):
        found[policy_id][line.id] = line
    return found


def take_back_refund(
    session: Session,
    policy_id: UUID,
    policy_number: str,
    amount: Decimal,
    *,
    of: Collection[UUID] | None = None,
    on: date,
    now: datetime,
) -> None:
    """Make an amount that waits to be paid back a policy's credit again, as it never should have.

    The caller has seen that so much is payable. It goes back to the receipts it came from, the
    newest first; `of` names those alone that it may go back to.
    """
    left, journal, batch = amount, [], Batch()
    for receipt_id, reference, refunded in list_refunded(session, policy_id):
        part = min(left, refunded)
        if part <= ZERO or (of is not None and receipt_id not in of):
            continue
        left -= part
        batch.refund(receipt_id, -part, on)
        journal.append(
            Entry(
                type=TransferType.REFUND_DUE,
                description=f"Refund taken back {policy_number}",
                debit=AccountCode.REFUNDS_PAYABLE,
                credit=AccountCode.UNAPPLIED_CREDIT,
                amount=part,
                on=on,
                policy_id=policy_id,
                receipt_id=receipt_id,
                reference=reference,
            )
        )
    batch.journals.append(journal)
    batch.write(session, now)


def refund_credit(
    session: Session,
    policy_id: UUID,
    policy_number: str,
    amount: Decimal,
    *,
    credits: Sequence[Credit] | None = None,
    on: date,
    now: datetime,
) -> None:
    """Take an amount out of a policy's credit, `credits` if they are read, to be paid back.

    Raises ConflictError where there is not so much credit.
    """
    left, journal, batch = amount, [], Batch()
    for credit in list_credits(session, [policy_id]) if credits is None else credits:
        part = min(left, credit.amount)
        if part <= ZERO:
            break
        left -= part
        batch.refund(credit.receipt_id, part, on)
        journal.append(
            Entry(
                type=TransferType.REFUND_DUE,
                description=f"Refund due {policy_number}",
                debit=AccountCode.UNAPPLIED_CREDIT,
                credit=AccountCode.REFUNDS_PAYABLE,
                amount=part,
                on=on,
                policy_id=policy_id,
                receipt_id=credit.receipt_id,
                reference=credit.reference,
            )
        )
    if left > ZERO:
        raise ConflictError("The policy does not have so much credit.", field="amount")
    batch.journals.append(journal)
    batch.write(session, now)
