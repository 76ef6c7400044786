"""The product's figures beside the model's: the first that differs, in words."""

from datetime import date
from decimal import Decimal
from typing import Any

from tests.oracle.calendar_and_cents import ZERO, cents
from tests.oracle.model import Policy
from tests.oracle.office import Seen


def compare(policy: Policy, seen: Seen) -> str | None:
    """Return the first thing that differs between the model and what the product shows.

    Credit is used by the next due line. When that is booked is the product's matter: both are
    compared as they stand once it is.
    """
    policy = policy.settled()
    return (
        _contract(policy, seen.detail)
        or (_ended_lines(policy, seen) if policy.ended_on else _lines(policy, seen))
        or _accounts(policy, seen)
    )


def _contract(policy: Policy, detail: dict[str, Any]) -> str | None:
    if not detail:
        return None
    shown = detail["policy"]
    if shown["status"] != policy.status:
        return f"status should be {policy.status}, the product says {shown['status']}"
    if policy.ended_on:
        return None
    pairs = {
        "premium": (policy.monthly_on(policy.today), Decimal(shown["premium"])),
        "cover": (policy.cover_on(policy.today), Decimal(shown["coverage_amount"])),
        "expiry": (policy.expiry.isoformat(), shown["expiry_date"]),
    }
    for name, (right, said) in pairs.items():
        if right != said:
            return f"{name} should be {right}, the product says {said}"
    return None


def _lines(policy: Policy, seen: Seen) -> str | None:
    rows = [dict(one) for one in seen.lines if one["status"] != "CANCELLED"]
    rows.sort(key=lambda one: (one["due_date"], one["kind"] != "PREMIUM"))
    unused = -seen.balances.get("UNAPPLIED_CREDIT", ZERO)
    for row in rows:
        used = min(unused, Decimal(row["outstanding"]))
        if date.fromisoformat(row["due_date"]) <= policy.today and used > 0:
            row["paid_amount"] = Decimal(row["paid_amount"]) + used
            row["outstanding"] = Decimal(row["outstanding"]) - used
            row["status"] = row["status"] if row["outstanding"] else "PAID"
            unused -= used
    said = [_row(one) for one in rows]
    right = [
        (
            one.kind,
            one.due,
            one.end if one.kind == "PREMIUM" else None,
            one.amount,
            one.paid_amount,
            one.outstanding,
            _status(policy, one.due, one.outstanding),
        )
        for one in policy.lines
        if not one.is_cancelled
    ]
    for place in range(max(len(said), len(right))):
        mine = right[place] if place < len(right) else None
        theirs = said[place] if place < len(said) else None
        if mine is None or theirs is None or not _agree(mine, theirs):
            return f"line {place + 1} should be {_told(mine)}, the product says {_told(theirs)}"
    if unused != policy.credit:
        return f"credit should be {policy.credit}, the product says {unused}"
    return None


def _row(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        row["kind"],
        date.fromisoformat(row["due_date"]),
        date.fromisoformat(row["period_end"]) if row["kind"] == "PREMIUM" else None,
        Decimal(row["amount"]),
        Decimal(row["paid_amount"]),
        Decimal(row["outstanding"]),
        row["status"],
    )


def _status(policy: Policy, due: date, outstanding: Decimal) -> tuple[str, ...]:
    if not outstanding:
        return ("PAID", "PENDING")
    return ("PENDING", "OVERDUE") if due < policy.today else ("PENDING",)


def _agree(mine: tuple[Any, ...], theirs: tuple[Any, ...]) -> bool:
    return mine[:-1] == theirs[:-1] and theirs[-1] in mine[-1]


def _told(line: tuple[Any, ...] | None) -> str:
    if line is None:
        return "none"
    kind, due, end, amount, paid, outstanding, status = line
    status = status if isinstance(status, str) else " or ".join(status)
    return f"[{kind} due {due} to {end}: {amount}, paid {paid}, open {outstanding}, {status}]"


def _ended_lines(policy: Policy, seen: Seen) -> str | None:
    assert policy.ended_on is not None and policy.ending is not None
    owed = ZERO
    for one in seen.lines:
        if one["status"] == "CANCELLED":
            continue
        if one["kind"] == "PREMIUM" and date.fromisoformat(one["due_date"]) >= policy.ended_on:
            return f"after the end {_told(_row(one))} should be cancelled"
        owed += Decimal(one["outstanding"])
    if owed != policy.arrears:
        return f"still owed should be {policy.arrears}, the product says {owed}"
    return None


def _accounts(policy: Policy, seen: Seen) -> str | None:
    balances = seen.balances
    held = -balances.get("REFUNDS_PAYABLE", ZERO) - balances.get("UNAPPLIED_CREDIT", ZERO)
    pairs = {"BANK": (policy.cash, balances.get("BANK", ZERO))}
    accounts = ("PREMIUM_INCOME", "VAT_OUTPUT", "PREMIUM_WAIVED")
    income = -sum((balances.get(one, ZERO) for one in accounts), ZERO)
    if policy.ended_on:
        assert policy.ending is not None
        pairs["what is to be paid back"] = (policy.payable + policy.credit, held)
        pairs["what was charged and not waived"] = (policy.income_at_end, income)
    for name, (right, said) in pairs.items():
        if right != said:
            return f"{name} should be {right}, the product says {said}"
    vat = -balances.get("VAT_OUTPUT", ZERO)
    right = cents(income * policy.terms.vat_per_cent / (100 + policy.terms.vat_per_cent))
    slack = Decimal("0.01") * len(
        [one for one in seen.transfers if "VAT" in one["credit_account"] + one["debit_account"]]
    )
    # Each document rounds its own VAT: a waiver of what a credit note left differs by a cent.
    has_given_up = any(one["type"] in ("WAIVER", "WRITE_OFF") for one in seen.transfers)
    is_exact = income == 0 and not has_given_up
    if abs(vat - right) > slack or (is_exact and vat != 0):
        return f"VAT_OUTPUT should be {right} of {income}, the product says {vat}"
    return None
