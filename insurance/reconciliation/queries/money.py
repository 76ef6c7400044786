"""What files come to, and the bank account they tie to."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from insurance.core.money import ZERO, total
from insurance.core.tenancy import current_org
from insurance.reconciliation.models import (
    ReconciliationFile,
    ReconciliationRow,
)
from insurance.reconciliation.rules import (
    PAYING,
    RowVerdict,
)

_MONEY = text(
    """
    SELECT verdict, coalesce(sum(amount), 0), count(*) FILTER (WHERE amount IS NULL)
    FROM ins.reconciliation_rows
    WHERE org_id = :org AND file_id = :file AND is_receipt
    GROUP BY verdict
    """
)
_BANK_MONEY = text(
    """
    SELECT status, sum(amount) AS amount FROM ins.receipts
    WHERE org_id = :org AND kind = 'PAYMENT' AND reason_code IS DISTINCT FROM 'SAME_PAYMENT'
    GROUP BY status
    """
)
# A row that failed may have come in a later, corrected file: then it is known by what it says.
_NOT_POSTED = text(
    """
    SELECT coalesce(sum(w.amount), 0)
    FROM ins.reconciliation_rows w
    JOIN ins.reconciliation_files f ON f.org_id = w.org_id AND f.id = w.file_id
    WHERE w.org_id = :org AND w.is_receipt AND w.verdict = 'ERROR' AND f.status = 'COMMITTED'
    """
)


def count_verdicts(session: Session, file_id: UUID) -> dict[str, dict[str, Any]]:
    """Add up a file's rows by verdict."""
    found = session.execute(
        select(
            ReconciliationRow.verdict,
            func.count(),
            func.coalesce(func.sum(ReconciliationRow.amount), 0),
        )
        .where(ReconciliationRow.org_id == current_org(), ReconciliationRow.file_id == file_id)
        .group_by(ReconciliationRow.verdict)
        .order_by(ReconciliationRow.verdict)
    )
    return {
        verdict.value: {"rows": rows, "amount": f"{amount:.2f}"} for verdict, rows, amount in found
    }


@dataclass(frozen=True, slots=True)
class FileMoney:
    """What the rows of a file say came in, and where it is, in rand.

    `received` is what the others add up to. `unreadable` rows have no amount that can be read.
    """

    received: Decimal
    posted: Decimal
    suspense: Decimal
    duplicates: Decimal
    not_posted: Decimal
    unreadable: int


def get_file_money(session: Session, file_id: UUID) -> FileMoney:
    """Add up the money that the rows of a file say came in, by where it is (or would be)."""
    amounts: dict[RowVerdict, Decimal] = {}
    unreadable = 0
    for verdict, amount, without in session.execute(
        _MONEY, {"org": current_org(), "file": file_id}
    ):
        amounts[RowVerdict(verdict)] = amount
        unreadable += without
    posted = total(amounts.get(verdict, ZERO) for verdict in PAYING)
    return FileMoney(
        received=total(amounts.values()),
        posted=posted,
        suspense=amounts.get(RowVerdict.SUSPENSE, ZERO),
        duplicates=amounts.get(RowVerdict.DUPLICATE, ZERO),
        not_posted=amounts.get(RowVerdict.ERROR, ZERO),
        unreadable=unreadable,
    )


@dataclass(frozen=True, slots=True)
class BankMoney:
    """All money that came in, and where it is, in rand; `not_posted` is what files could not post."""

    received: Decimal
    posted: Decimal
    suspense: Decimal
    gone_back: Decimal
    not_posted: Decimal


def get_bank_money(session: Session) -> BankMoney:
    """Add up the organization's receipts by where they are."""
    values = {"org": current_org()}
    by_status: dict[str, Decimal] = {
        row.status: row.amount for row in session.execute(_BANK_MONEY, values)
    }
    return BankMoney(
        received=total(by_status.values()),
        posted=by_status.get("POSTED", ZERO),
        suspense=by_status.get("SUSPENSE", ZERO),
        gone_back=by_status.get("REVERSED", ZERO),
        not_posted=session.execute(_NOT_POSTED, values).scalar_one(),
    )


NO_MONEY = frozenset({RowVerdict.IGNORED, RowVerdict.ERROR})
"""What stays as it is when its file comes again."""
REPEATED = "This file was posted before; nothing is posted again."


def count_again(file: ReconciliationFile) -> dict[str, dict[str, Any]]:
    """Return the totals of a posted file that comes again: what was money is a duplicate now."""
    again = {verdict: one for verdict, one in file.totals.items() if verdict not in NO_MONEY}
    totals = {verdict: one for verdict, one in file.totals.items() if verdict in NO_MONEY}
    if again:
        amount = sum((Decimal(one["amount"]) for one in again.values()), Decimal("0.00"))
        rows = sum(one["rows"] for one in again.values())
        totals[RowVerdict.DUPLICATE.value] = {"rows": rows, "amount": f"{amount:.2f}"}
    return totals


def money_again(money: FileMoney) -> FileMoney:
    """Return the money of a posted file that comes again: all but its errors is known."""
    return replace(
        money,
        posted=ZERO,
        suspense=ZERO,
        duplicates=money.posted + money.suspense + money.duplicates,
    )
