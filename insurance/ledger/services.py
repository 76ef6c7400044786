"""Posting. Every step writes whole transfers inside the caller's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Table, insert, select, text
from sqlalchemy.orm import Session, aliased

from insurance.core.bulk import write_rows
from insurance.core.context import current_actor
from insurance.core.figures import count_notes, leave_note
from insurance.core.ids import new_id
from insurance.core.planned import PlannedInsert
from insurance.core.tenancy import current_org
from insurance.ledger.figures import add_to_sums
from insurance.ledger.models import (
    AccountKind,
    LedgerAccount,
    LedgerTransfer,
    TransferType,
    UncountedTransfers,
)
from insurance.ledger.periods import check_open
from insurance.ledger.rules import AccountCode, due_premium_legs

CHART = (
    (AccountCode.BANK, "Bank", AccountKind.ASSET),
    (AccountCode.PREMIUM_DEBTORS, "Premium debtors", AccountKind.ASSET),
    (AccountCode.UNAPPLIED_CREDIT, "Unapplied premium credit", AccountKind.LIABILITY),
    (AccountCode.SUSPENSE, "Receipts nobody has matched yet", AccountKind.LIABILITY),
    (AccountCode.REFUNDS_PAYABLE, "Refunds to be paid out", AccountKind.LIABILITY),
    (AccountCode.VAT_OUTPUT, "VAT output", AccountKind.LIABILITY),
    (AccountCode.OUTSTANDING_CLAIMS, "Claims reserved and not yet paid", AccountKind.LIABILITY),
    (AccountCode.PREMIUM_INCOME, "Premium income", AccountKind.INCOME),
    (AccountCode.CLAIMS_RECOVERED, "Recoveries and salvage of claims", AccountKind.INCOME),
    (AccountCode.CLAIMS_INCURRED, "Claims incurred", AccountKind.EXPENSE),
    (AccountCode.PREMIUM_WAIVED, "Premiums waived and written off", AccountKind.EXPENSE),
)
"""The accounts every organization starts with."""
_TRANSFERS: Table = LedgerTransfer.__table__  # type: ignore[assignment]
PLANNED_TRANSFERS = PlannedInsert(
    _TRANSFERS,
    {"posted_at": "CAST(:now AS timestamptz)", "request_id": "CAST(:request AS text)"},
    empty=("reference", "receipt_id", "reverses_id"),
)
"""What a plan keeps of transfers."""


@dataclass(frozen=True, slots=True)
class DuePremium:
    """A premium line that has fallen due and is to be charged."""

    policy_id: UUID
    policy_number: str
    premium_line_id: UUID
    due_date: date
    amount: Decimal


class Entry(NamedTuple):
    """One transfer to be posted: a debit, a credit and a positive amount in rand."""

    type: TransferType
    description: str
    debit: AccountCode
    credit: AccountCode
    amount: Decimal
    on: date
    policy_id: UUID | None = None
    premium_line_id: UUID | None = None
    receipt_id: UUID | None = None
    reference: str | None = None
    reverses_id: UUID | None = None


def open_chart(session: Session) -> None:
    """Give a new organization its accounts."""
    rows = [
        {"org_id": current_org(), "code": code, "name": name, "kind": kind}
        for code, name, kind in CHART
    ]
    session.execute(insert(LedgerAccount), rows)


def post(
    session: Session,
    journals: Iterable[Sequence[Entry]],
    *,
    now: datetime,
    field: str = "payment_date",
) -> int:
    """Post journals, each a happening of its own, and return how many transfers that made.

    Nothing is dated in a closed month: raises DomainError at `field`.
    """
    rows = [row for journal in journals for row in _rows_of(journal, now)]
    if not rows:
        return 0
    check_open(session, min(row["effective_date"] for row in rows), field=field)
    session.flush()
    written = write_rows(session, _TRANSFERS, rows)
    leave_uncounted(session, [row["id"] for row in rows])
    return written


def leave_uncounted(session: Session, transfer_ids: Sequence[UUID]) -> None:
    """Note the transfers just written: the sums that are kept of the ledger do not have them."""
    leave_note(session, UncountedTransfers.transfer_ids, transfer_ids)


def count_transfers(*, most: int | None = None) -> int:
    """Add the transfers that are not counted yet to the sums kept of the ledger, and say how many.

    Stops after `most` transactions where that is given.
    """
    return count_notes(UncountedTransfers.transfer_ids, add_to_sums, most=most)


def post_planned(
    session: Session,
    rows_from: str,
    values: Mapping[str, Any],
    *,
    earliest: date,
    now: datetime,
    field: str,
) -> int:
    """Post the transfers that a plan lists, and return their number.

    `rows_from` is a constant that reads them with their organization's row; `earliest` is the first
    of their days. Nothing is dated in a closed month: raises DomainError at `field`.
    """
    check_open(session, earliest, field=field)
    request_id = current_actor().request_id
    statement = text(
        "".join([PLANNED_TRANSFERS.statement(rows_from), " RETURNING ledger_transfers.id"])
    )
    given = {**values, "org": current_org(), "now": now, "request": request_id}
    written = session.scalars(statement, given).all()
    leave_uncounted(session, written)
    return len(written)


def _rows_of(journal: Sequence[Entry], now: datetime) -> list[dict[str, Any]]:
    journal_id, request_id = new_id(), current_actor().request_id
    return [
        {
            "id": new_id(),
            "journal_id": journal_id,
            "posted_at": now,
            "effective_date": entry.on,
            "type": entry.type,
            "description": entry.description,
            "debit_account": entry.debit,
            "credit_account": entry.credit,
            "amount": entry.amount,
            "policy_id": entry.policy_id,
            "premium_line_id": entry.premium_line_id,
            "receipt_id": entry.receipt_id,
            "reference": entry.reference,
            "request_id": request_id,
            "reverses_id": entry.reverses_id,
        }
        for entry in journal
        if entry.amount > 0
    ]


def reverse_transfers(
    session: Session, condition: Any, *, on: date, now: datetime, why: str
) -> int:
    """Reverse the transfers that a condition on LedgerTransfer names, each by a linked one.

    Each journal is reversed by one of its own. What was reversed already, and reversals themselves, stay.
    """
    reversal = aliased(LedgerTransfer)
    found = session.scalars(
        select(LedgerTransfer)
        .outerjoin(
            reversal,
            (reversal.org_id == LedgerTransfer.org_id)
            & (reversal.reverses_id == LedgerTransfer.id),
        )
        .where(
            LedgerTransfer.org_id == current_org(),
            LedgerTransfer.reverses_id.is_(None),
            reversal.id.is_(None),
            condition,
        )
        .order_by(LedgerTransfer.id)
    ).all()
    journals: dict[UUID, list[Entry]] = {}
    for one in found:
        journals.setdefault(one.journal_id, []).append(_reversal(one, on, why))
    return post(session, journals.values(), now=now)


def _reversal(transfer: LedgerTransfer, on: date, why: str) -> Entry:
    return Entry(
        type=TransferType.REVERSAL,
        description=f"{why}: {transfer.description}",
        debit=AccountCode(transfer.credit_account),
        credit=AccountCode(transfer.debit_account),
        amount=transfer.amount,
        on=on,
        policy_id=transfer.policy_id,
        premium_line_id=transfer.premium_line_id,
        receipt_id=transfer.receipt_id,
        reference=transfer.reference,
        reverses_id=transfer.id,
    )


def post_due_premiums(
    session: Session, due: Sequence[DuePremium], *, vat_rate: Decimal | None, now: datetime
) -> None:
    """Charge premiums: debtors against income, and against VAT where the class carries it.

    `vat_rate` is in per cent, None for life business, which is exempt.
    """
    journals = [
        [
            Entry(
                type=TransferType(leg.type),
                description=f"{leg.description} {premium.policy_number} {premium.due_date:%Y/%m/%d}",
                debit=leg.debit_account,
                credit=leg.credit_account,
                amount=leg.amount,
                on=premium.due_date,
                policy_id=premium.policy_id,
                premium_line_id=premium.premium_line_id,
            )
            for leg in due_premium_legs(premium.amount, vat_rate)
        ]
        for premium in due
    ]
    post(session, journals, now=now, field="effective_date")
