"""Pictures of figures, drawn by the server: two bars a month, or a bar a row; the figures beside them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal

from insurance.core.money import ZERO

HEIGHT = 160
_TALLEST, _LONGEST = 3, 10
"""A bar so many times the next lower one would flatten the rest, so it is broken off.

A bar of a row has the whole width, in which a tenth is still seen.
"""


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
    """The two bars of a month, and where their middle stands, in per cent of the width."""

    month: date
    middle: float
    first: Bar
    second: Bar


@dataclass(frozen=True, slots=True)
class MonthChart:
    """The months in their order, and the amount at the top of the scale, in rand."""

    months: tuple[MonthPair, ...]
    top: Decimal


def chart_months(amounts: Mapping[date, tuple[Decimal, Decimal]]) -> MonthChart | None:
    """Return the chart of two amounts a month, None where there is nothing to see.

    What is below zero has no bar. One bar that towers over all others is broken off above them.
    """
    top = _top((amount for pair in amounts.values() for amount in pair), _TALLEST)
    if top is None:
        return None

    def bar(amount: Decimal) -> Bar:
        return Bar(int(min(max(amount, ZERO), top) * HEIGHT / top), amount, amount > top)

    step = 100 / len(amounts)
    return MonthChart(
        tuple(
            MonthPair(month, round((place + 0.5) * step, 2), bar(first), bar(second))
            for place, (month, (first, second)) in enumerate(sorted(amounts.items()))
        ),
        top,
    )


@dataclass(frozen=True, slots=True)
class Figure:
    """What a row of a chart is to show: its amounts, all of them in words, and where it leads."""

    name: str
    amounts: tuple[Decimal | int, ...]
    says: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a row's bar: where it begins and how long it is, in per cent of the width."""

    left: float
    width: float


@dataclass(frozen=True, slots=True)
class BarRow:
    """A row: its figure and the parts of its bar, one after the other."""

    figure: Figure
    parts: tuple[Part, ...]
    is_broken: bool


@dataclass(frozen=True, slots=True)
class BarChart:
    """A bar a row, of one part or several: what it shows in a sentence, its rows, its scale.

    `of` is what the rows are, `measures` what each part of a bar is; `kind` is how they are printed: number
    or percent.
    """

    title: str
    of: str
    measures: Sequence[str]
    kind: str
    rows: tuple[BarRow, ...]
    top: Decimal


def chart_rows(
    title: str, of: str, measures: Sequence[str], figures: Sequence[Figure], kind: str = "number"
) -> BarChart | None:
    """Return the chart of a bar a figure, None where there is nothing to see.

    What is below zero has no bar. One bar that towers over all others is broken off above them.
    """
    lengths = [sum((max(Decimal(amount), ZERO) for amount in one.amounts), ZERO) for one in figures]
    top = _top(lengths, _LONGEST)
    if top is None:
        return None
    if kind == "number":
        top = top.to_integral_value(ROUND_CEILING)

    def row(figure: Figure) -> BarRow:
        parts, left = [], 0.0
        for amount in figure.amounts:
            width = min(float(max(Decimal(amount), ZERO) * 100 / top), 100 - left)
            parts.append(Part(round(left, 2), round(width, 2)))
            left += width
        return BarRow(figure, tuple(parts), sum(map(Decimal, figure.amounts)) > top)

    return BarChart(title, of, measures, kind, tuple(map(row, figures)), top)


def _top(amounts: Iterable[Decimal], outlier: int) -> Decimal | None:
    """Return the amount at the top of a scale, None where none is above zero."""
    every = sorted((max(amount, ZERO) for amount in amounts), reverse=True)
    if not every or every[0] <= ZERO:
        return None
    highest, *lower = every
    following = lower[0] if lower else ZERO
    if following > ZERO and highest > outlier * following:
        return following * Decimal("1.2")
    return highest
