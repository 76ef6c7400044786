"""Posting. Every step writes whole transfers inside the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from insurance.core.context import current_actor
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org
from insurance.ledger.models import AccountKind, LedgerAccount, LedgerTransfer
from insurance.ledger.rules import due_premium_legs

CHART = (
    ("BANK", "Bank", AccountKind.ASSET),
    ("PREMIUM_DEBTORS", "Premium debtors", AccountKind.ASSET),
    ("UNAPPLIED_CREDIT", "Unapplied premium credit", AccountKind.LIABILITY),
    ("SUSPENSE", "Receipts nobody has matched yet", AccountKind.LIABILITY),
    ("REFUNDS_PAYABLE", "Refunds to be paid out", AccountKind.LIABILITY),
    ("VAT_OUTPUT", "VAT output", AccountKind.LIABILITY),
    ("PREMIUM_INCOME", "Premium income", AccountKind.INCOME),
    ("PREMIUM_WAIVED", "Premiums waived and written off", AccountKind.EXPENSE),
)
"""The accounts every organization starts with."""


@dataclass(frozen=True, slots=True)
class DuePremium:
    """A premium line that has fallen due and is to be charged."""

    policy_id: UUID
    policy_number: str
    premium_line_id: UUID
    due_date: date
    amount: Decimal


def open_chart(session: Session) -> None:
    """Give a new organization its accounts."""
    rows = [
        {"org_id": current_org(), "code": code, "name": name, "kind": kind}
        for code, name, kind in CHART
    ]
    session.execute(insert(LedgerAccount), rows)


def post_due_premiums(
    session: Session, due: Sequence[DuePremium], *, vat_rate: Decimal | None, now: datetime
) -> None:
    """Charge premiums: debtors against income, and against VAT where the class carries it.

    `vat_rate` is in per cent, None for life business, which is exempt.
    """
    rows = [row for premium in due for row in _due_premium_rows(premium, vat_rate, now)]
    if rows:
        session.execute(insert(LedgerTransfer), rows)


def _due_premium_rows(
    premium: DuePremium, vat_rate: Decimal | None, now: datetime
) -> list[dict[str, object]]:
    journal_id = new_id()
    request_id = current_actor().request_id
    return [
        {
            "org_id": current_org(),
            "id": new_id(),
            "journal_id": journal_id,
            "posted_at": now,
            "effective_date": premium.due_date,
            "type": leg.type,
            "description": f"{leg.description} {premium.policy_number} {premium.due_date}",
            "debit_account": leg.debit_account,
            "credit_account": leg.credit_account,
            "amount": leg.amount,
            "policy_id": premium.policy_id,
            "premium_line_id": premium.premium_line_id,
            "reference": None,
            "request_id": request_id,
            "reverses_id": None,
        }
        for leg in due_premium_legs(premium.amount, vat_rate)
    ]
