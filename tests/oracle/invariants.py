"""What holds of every policy's money whatever happened: asked of the ledger, not of the code."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tests.oracle.calendar_and_cents import ZERO


def balances_of(transfers: Sequence[dict[str, Any]]) -> dict[str, Decimal]:
    """Return each account's debits less credits."""
    balances: dict[str, Decimal] = {}
    for one in transfers:
        amount = Decimal(one["amount"])
        balances[one["debit_account"]] = balances.get(one["debit_account"], ZERO) + amount
        balances[one["credit_account"]] = balances.get(one["credit_account"], ZERO) - amount
    return balances


def broken(transfers: Sequence[dict[str, Any]]) -> str | None:
    """Return the first promise about money that a policy's transfers break, in words.

    Nothing is paid back that did not come in; the money of a policy is never less than nothing;
    income is never less than nothing beyond what was given back; nobody is promised more than is
    there; and the accounts add up to nothing.
    """
    balances = balances_of(transfers)
    came_in = _sum(transfers, debit="BANK") - _reversed_receipts(transfers)
    went_back = _sum(transfers, credit="BANK") - _reversed_receipts(transfers)
    held = -balances.get("REFUNDS_PAYABLE", ZERO) - balances.get("UNAPPLIED_CREDIT", ZERO)
    promises = (
        (0 <= went_back <= came_in, f"{went_back} went back of {came_in} that came in"),
        (balances.get("BANK", ZERO) >= 0, f"the bank stands at {balances.get('BANK')}"),
        (
            balances.get("PREMIUM_INCOME", ZERO) <= _given_back(transfers),
            f"income stands at {-balances.get('PREMIUM_INCOME', ZERO)}",
        ),
        (held >= 0, f"{held} is held for the holder"),
        (sum(balances.values(), ZERO) == 0, "the accounts do not add up to nothing"),
    )
    return next((words for holds, words in promises if not holds), None)


def _sum(transfers: Sequence[dict[str, Any]], **sides: str) -> Decimal:
    return sum(
        (
            Decimal(one["amount"])
            for one in transfers
            if all(one[f"{side}_account"] == account for side, account in sides.items())
        ),
        ZERO,
    )


def _given_back(transfers: Sequence[dict[str, Any]]) -> Decimal:
    """Return what was taken off income by credit notes and reversals."""
    return sum(
        (
            Decimal(one["amount"])
            for one in transfers
            if one["debit_account"] == "PREMIUM_INCOME"
            and one["type"] in ("CREDIT_NOTE", "REVERSAL")
        ),
        ZERO,
    )


def _reversed_receipts(transfers: Sequence[dict[str, Any]]) -> Decimal:
    return sum(
        (
            Decimal(one["amount"])
            for one in transfers
            if one["type"] == "REVERSAL" and one["credit_account"] == "BANK"
        ),
        ZERO,
    )
