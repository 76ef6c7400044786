"""What a business is on a day, so that two moments can be compared."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

_BUSINESS = (
    "SELECT id, to_jsonb(p) - 'current_version' - 'updated_at' FROM ins.policies p",
    "SELECT id, to_jsonb(l) FROM ins.premium_lines l",
    "SELECT id, to_jsonb(b) FROM ins.policy_benefits b",
    "SELECT id, to_jsonb(y) FROM ins.policy_benefit_layers y",
    "SELECT id, to_jsonb(m) FROM ins.policy_members m",
    "SELECT id, to_jsonb(r) FROM ins.receipts r WHERE status = 'POSTED'",
    "SELECT receipt_id, premium_line_id, sum(amount) FROM ins.allocations"
    " GROUP BY 1, 2 HAVING sum(amount) <> 0",
    "SELECT policy_id, account, sum(amount) FROM ("
    " SELECT policy_id, debit_account AS account, amount FROM ins.ledger_transfers UNION ALL"
    " SELECT policy_id, credit_account, -amount FROM ins.ledger_transfers) b"
    " GROUP BY 1, 2 HAVING sum(amount) <> 0",
    "SELECT product_id, status, sum(policies), sum(monthly_premium) FROM ins.portfolio_counts"
    " GROUP BY 1, 2 HAVING sum(policies) <> 0",
)


def business_of(session: Session) -> list[list[Any]]:
    """Return policies, premiums, money and balances, without versions, audit and history."""
    return [sorted(map(str, session.execute(text(one)))) for one in _BUSINESS]
