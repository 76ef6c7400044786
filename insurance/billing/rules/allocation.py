"""Which premiums a receipt settles."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from insurance.core.money import ZERO
from insurance.core.period import add_months

MONTHS_AHEAD = 1
_FAR = 10


LineBefore = tuple[str, date | None, str | None]
"""A line's status, and the day and reference of what was paid of it last."""


@dataclass(frozen=True, slots=True)
class OpenLine:
    """A line that is still owed, wholly or in part; `before` where it was read to be settled."""

    id: UUID
    due_date: date
    outstanding: Decimal
    before: LineBefore | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Share:
    """What a receipt settles of a line."""

    line_id: UUID
    amount: Decimal


def allocate(
    amount: Decimal, lines: Sequence[OpenLine], *, first: UUID | None = None
) -> tuple[list[Share], Decimal]:
    """Divide a receipt: the named line first, then the oldest. Return the shares and the credit.

    Shares and credit add up to the amount. `lines` come in the order they fell due.
    """
    named = [line for line in lines if line.id == first]
    others = [line for line in lines if line.id != first]
    shares, left = [], amount
    for line in [*named, *others]:
        settled = min(left, line.outstanding)
        if settled > ZERO:
            shares.append(Share(line.id, settled))
            left -= settled
    return shares, left


def is_far_above(amount: Decimal, due: Decimal) -> bool:
    """Tell whether a payment is so far above what is due that a slip is likely: ten times it."""
    return amount >= _FAR * due


def is_well_above(amount: Decimal, due: Decimal) -> bool:
    """Tell whether who types a payment is asked whether it is right: more than twice what is due."""
    return amount > 2 * due


def last_in_reach(on: date) -> date:
    """Return the last due date that money which nobody ear-marked settles."""
    return add_months(on, MONTHS_AHEAD)


def may_settle(due_date: date, on: date) -> bool:
    """Tell whether money that nobody ear-marked settles a line: not more than a month ahead."""
    return due_date <= last_in_reach(on)


def open_status(due_date: date, on: date) -> str:
    """Return what an unpaid line is on a business day: the due date itself is still in time."""
    return "OVERDUE" if due_date < on else "PENDING"
