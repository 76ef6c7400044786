"""What the columns of a file that we do not know mean: saved by a person, proposed from its rows."""

import re
from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass

from insurance.core.errors import DomainError

FIELDS = {
    "paid_date": "Date paid",
    "amount": "Amount (money out has a minus)",
    "credit": "Money in",
    "debit": "Money out",
    "policy_number": "Policy number",
    "reference": "Reference of the payer",
    "description": "Description of the bank",
    "bank_reference": "Bank's own number of the movement",
    "due_date": "Date due",
    "status": "Status (PAID, UNPAID, DISPUTED)",
    "reason_code": "Reason code",
}
"""What a column may be, in words."""
_WORDS: dict[str, tuple[str, ...]] = {
    "bank_reference": ("transaction_id", "bank_reference", "trace", "movement_number"),
    "due_date": ("due_date", "due"),
    "paid_date": (
        "paid_date",
        "payment_date",
        "transaction_date",
        "value_date",
        "date",
        "day",
        "when",
        "on",
    ),
    "credit": ("credit", "money_in", "deposit", "received", "in"),
    "debit": ("debit", "money_out", "withdrawal", "out"),
    "policy_number": ("policy",),
    "amount": ("amount", "rand", "value", "premium", "total", "paid"),
    "reason_code": ("reason", "code"),
    "status": ("status", "result"),
    "reference": ("reference", "ref", "payer", "name", "member"),
    "description": ("description", "narrative", "details", "text", "remark", "particulars"),
}


@dataclass(frozen=True, slots=True)
class Mapping:
    """Which column is what, in files whose heading is exactly `heading`.

    `columns` gives the field of each column that matters, by its place. `is_month_first` reads
    11/27/2026 as the 27th of November.
    """

    name: str
    heading: tuple[str, ...]
    columns: ReadOnly[int, str]
    is_month_first: bool = False

    def place(self, field: str) -> int | None:
        """Return where a field stands, or None."""
        return next((at for at, name in self.columns.items() if name == field), None)


def plain_names(cells: Sequence[str]) -> list[str]:
    """Return the names of a heading's columns as they are compared, without the empty ones at its end."""
    names = [re.sub(r"[\s_]+", "_", cell.strip().strip("'").strip().lower()) for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def propose(heading: Sequence[str]) -> dict[int, str]:
    """Return what columns probably are, by the words of their names; each field once."""
    proposed: dict[int, str] = {}
    for field, words in _WORDS.items():
        for word in words:
            place = next(
                (
                    at
                    for at, name in enumerate(heading)
                    if at not in proposed and word in (name, *name.split("_"))
                ),
                None,
            )
            if place is not None:
                proposed[place] = field
                break
    if "amount" in proposed.values():
        return {at: field for at, field in proposed.items() if field not in ("credit", "debit")}
    return proposed


def check(name: str, heading: Sequence[str], columns: ReadOnly[int, str]) -> None:
    """Refuse a mapping that cannot be read by, in words at the field."""
    fields = list(columns.values())
    if not name.strip():
        raise DomainError("Give the mapping a name.", field="name")
    if not heading or any(not 0 <= place < len(heading) for place in columns):
        raise DomainError("The columns are not those of the heading.", field="columns")
    unknown = [field for field in fields if field not in FIELDS]
    if unknown:
        raise DomainError(f"A column is one of {', '.join(FIELDS)}.", field="columns")
    twice = next((field for field in fields if fields.count(field) > 1), None)
    if twice:
        raise DomainError(f"Two columns are {FIELDS[twice]}.", field="columns")
    if "paid_date" not in fields:
        raise DomainError("Say which column is the date paid.", field="columns")
    if ("amount" in fields) == ("credit" in fields):
        raise DomainError("Say which column is the amount, or which is money in.", field="columns")
    if not {"policy_number", "reference", "description"} & set(fields):
        raise DomainError(
            "Say which column names the policy or the payer: a policy number, a reference or a"
            " description.",
            field="columns",
        )
