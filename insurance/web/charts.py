"""Pictures of figures: two bars a month, drawn by the server, with the figures beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from insurance.core.money import ZERO

HEIGHT = 160
STEP = 56
_OUTLIER = 3
"""A bar this many times the next lower one would flatten the rest, so it is broken off."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its height in points, its amount in rand, and whether it is broken off."""

    height: int
    amount: Decimal
    is_broken: bool

    @property
    def top(self) -> int:
        """Return how far below the top of the chart it begins, in points."""
        return HEIGHT - self.height


@dataclass(frozen=True, slots=True)
class MonthPair:
    """The two bars of a month, and where they stand, in points from the left."""

    month: date
    left: int
    first: Bar
    second: Bar


@dataclass(frozen=True, slots=True)
class MonthChart:
    """The months in their order, and the amount at the top of the scale, in rand."""

    months: tuple[MonthPair, ...]
    top: Decimal

    @property
    def width(self) -> int:
        """Return the width in points."""
        return len(self.months) * STEP


def chart_months(amounts: Mapping[date, tuple[Decimal, Decimal]]) -> MonthChart | None:
    """Return the chart of two amounts a month, None where there is nothing to see.

    What is below zero has no bar. One bar that towers over all others is broken off above them.
    """
    every = sorted(
        (max(amount, ZERO) for pair in amounts.values() for amount in pair), reverse=True
    )
    if not every or every[0] <= ZERO:
        return None
    highest, *lower = every
    following = lower[0] if lower else ZERO
    top = (
        following * Decimal("1.2")
        if following > ZERO and highest > _OUTLIER * following
        else highest
    )

    def bar(amount: Decimal) -> Bar:
        return Bar(int(min(max(amount, ZERO), top) * HEIGHT / top), amount, amount > top)

    return MonthChart(
        tuple(
            MonthPair(month, place * STEP, bar(first), bar(second))
            for place, (month, (first, second)) in enumerate(sorted(amounts.items()))
        ),
        top,
    )
