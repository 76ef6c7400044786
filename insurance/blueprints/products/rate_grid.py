"""Rate tables laid out to be read: ages down, gender and factors across."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product as combinations

from insurance.products.rules import UNISEX, RateRow, RateTable
from insurance.web.filters import words

_MOST_COLUMNS = 8

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of rates. A cell is None where the table has no rate."""

    title: str
    corner: str
    columns: list[str]
    rows: list[tuple[str, list[Decimal | None]]]


def grids_of(table: RateTable) -> list[Grid]:
    """Return a table as one grid, or one for each level of factors that do not fit across."""
    if table.method == "MULTIPLICATIVE":
        return [
            Grid(words(factor), "Level", ["Relativity"], _levels(levels, _places(levels.values())))
            for factor, levels in table.relativities.items()
        ]
    has_ages = any(row.age_from is not None or row.age_to is not None for row in table.rows)
    factors = [name for name in table.rating_factors if table.levels(name)]
    down = None if has_ages or not factors else factors.pop(0)
    across = _across(table, factors)
    titled = [name for name in factors if name not in across]
    titles = sorted({_levels_of(row, titled) for row in table.rows})
    return [_grid(table, title, titled, down, across) for title in titles]


def _levels(
    levels: Mapping[str, Decimal], places: Decimal
) -> list[tuple[str, list[Decimal | None]]]:
    return [(level, [relativity.quantize(places)]) for level, relativity in levels.items()]


def _places(rates: Iterable[Decimal]) -> Decimal:
    """Return the smallest step that shows every rate whole, at least a hundredth."""
    return Decimal(1).scaleb(min([-2, *(_exponent(rate) for rate in rates)]))


def _exponent(rate: Decimal) -> int:
    exponent = rate.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _across(table: RateTable, factors: Sequence[str]) -> list[str]:
    """Return the factors that fit across, last one first, beside gender."""
    width = max(1, len({row.gender for row in table.rows}))
    fitting: list[str] = []
    for name in reversed(factors):
        width *= max(1, len(table.levels(name)))
        if width > _MOST_COLUMNS:
            break
        fitting.insert(0, name)
    return fitting


def _levels_of(row: RateRow, names: Sequence[str]) -> Key:
    levels = dict(row.factors)
    return tuple(levels.get(name, "") for name in names)


def _grid(
    table: RateTable, title: Key, titled: Sequence[str], down: str | None, across: Sequence[str]
) -> Grid:
    rows = [row for row in table.rows if _levels_of(row, titled) == title]
    genders = sorted({row.gender for row in rows}, key=("MALE", "FEMALE", UNISEX).index)
    used = {(row.gender, *_levels_of(row, across)) for row in rows}
    levels = [sorted({level[index + 1] for level in used}) for index in range(len(across))]
    columns = [key for key in combinations(genders, *levels) if key in used]
    beside = _down(down)
    places = _places(row.rate for row in table.rows)
    rates = {
        (beside(row), (row.gender, *_levels_of(row, across))): row.rate.quantize(places)
        for row in rows
    }
    return Grid(
        title=", ".join(
            f"{words(name)} {level or 'any'}" for name, level in zip(titled, title, strict=True)
        ),
        corner=words(down) if down else "Age",
        columns=[_heading(key) for key in columns],
        rows=[
            (label[-1], [rates.get((label, column)) for column in columns])
            for label in sorted({beside(row) for row in rows})
        ],
    )


def _down(factor: str | None) -> Callable[[RateRow], tuple[int, int, str]]:
    """Return what places a row from top to bottom, its label last."""
    if factor is not None:
        return lambda row: (0, 0, dict(row.factors).get(factor, "Any"))
    return lambda row: (*row.ages, _ages(row))


def _ages(row: RateRow) -> str:
    if row.age_from is None and row.age_to is None:
        return "All ages"
    first, last = row.ages
    return str(first) if first == last else f"{first}–{last}"


def _heading(key: Key) -> str:
    gender, *levels = key
    named = [] if gender == UNISEX and levels else [words(gender)]
    return " · ".join([*named, *(level or "Any" for level in levels)])
