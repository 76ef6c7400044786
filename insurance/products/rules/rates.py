"""Rate tables: what they hold, how a rate is found, and what is wrong with one."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations_with_replacement, pairwise
from uuid import UUID

from insurance.core.errors import DomainError
from insurance.products.rules.objects import level_range

UNISEX = "UNISEX"
GENDERS = ("MALE", "FEMALE", UNISEX)
MAX_AGE = 120
MAX_PATTERNS = 16
MAX_WHOLE = 10**12
KNOWN_FACTORS = ("rating_zone", "occupation_class", "vehicle_group", "smoker_status")

Factors = tuple[tuple[str, str], ...]
Pattern = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RateRow:
    """One rate. Ages are inclusive, last birthday; None means every age.

    A factor of the table that the row does not state matches every level of it.
    """

    rate: Decimal
    age_from: int | None = None
    age_to: int | None = None
    gender: str = UNISEX
    factors: Factors = ()

    @property
    def ages(self) -> tuple[int, int]:
        """Return the first and the last age."""
        return (
            0 if self.age_from is None else self.age_from,
            MAX_AGE if self.age_to is None else self.age_to,
        )

    @property
    def is_every_age(self) -> bool:
        """Tell whether the rate does not depend on age."""
        return self.age_from is None and self.age_to is None

    @property
    def pattern(self) -> Pattern:
        """Return the names of the factors the row states."""
        return tuple(name for name, _level in self.factors)

    def __str__(self) -> str:
        first, last = self.ages
        ages = "all ages" if self.is_every_age else f"{first}–{last}"
        return ", ".join([ages, self.gender, *(f"{name} {level}" for name, level in self.factors)])


@dataclass(frozen=True, slots=True)
class RateTable:
    """Rates on a basis, for the factors it declares. Immutable, with its look-up prepared.

    MATRIX: one row per combination of age, gender and factors. MULTIPLICATIVE: `base_rate` times
    the relativity of each factor's level.
    """

    id: UUID
    code: str
    name: str
    version: int
    basis: str
    method: str
    factors: tuple[str, ...]
    rows: tuple[RateRow, ...] = ()
    base_rate: Decimal | None = None
    relativities: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    _bands: dict[tuple[str, Factors], tuple[list[int], list[RateRow]]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    _patterns: list[Pattern] = field(init=False, repr=False, compare=False, default_factory=list)
    _levels: dict[str, tuple[str, ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        grouped: dict[tuple[str, Factors], list[RateRow]] = defaultdict(list)
        for row in self.rows:
            grouped[(row.gender, row.factors)].append(row)
        for key, rows in grouped.items():
            rows.sort(key=lambda row: row.ages)
            self._bands[key] = ([row.ages[0] for row in rows], rows)
        self._patterns.extend(sorted({row.pattern for row in self.rows}, key=len, reverse=True))
        levels: dict[str, set[str]] = {name: set() for name in self.rating_factors}
        for name, by_level in self.relativities.items():
            levels.setdefault(name, set()).update(by_level)
        for _gender, factors in self._bands:
            for name, level in factors:
                levels.setdefault(name, set()).add(level)
        self._levels.update({name: tuple(sorted(found)) for name, found in levels.items()})

    @property
    def rating_factors(self) -> tuple[str, ...]:
        """Return the factors that are asked for; age and gender come from the person."""
        return tuple(name for name in self.factors if name not in ("age", "gender"))

    @property
    def is_by_age(self) -> bool:
        """Tell whether any rate depends on age."""
        return any(not row.is_every_age for row in self.rows)

    @property
    def is_by_gender(self) -> bool:
        """Tell whether any rate depends on gender."""
        return any(row.gender != UNISEX for row in self.rows)

    def levels(self, factor: str) -> tuple[str, ...]:
        """Return the values a factor may take, in order."""
        return self._levels.get(factor, ())

    def level_of(self, factor: str, given: str) -> str | None:
        """Return the level of a factor that a value falls into, None where it falls into none.

        The very text goes first, then the text without regard to case, then the range, such as
        `2015-2019` or `500000+`, that holds the whole number before the decimals.
        """
        allowed = self.levels(factor)
        if given in allowed:
            return given
        folded = given.casefold()
        if same := next((one for one in allowed if one.casefold() == folded), None):
            return same
        whole = given.split(".")[0]
        if not (whole.isascii() and whole.isdigit()):
            return None
        return next((one for one in allowed if _is_in_range(int(whole), one)), None)

    def is_open(self, factor: str) -> bool:
        """Tell whether some row leaves the factor out, so that a quote may too."""
        return self.method == "MATRIX" and any(factor not in names for names in self._patterns)

    def find_row(self, age: int | None, gender: str | None, factors: Factors) -> RateRow | None:
        """Return the row for an age last birthday, a gender and levels in the table's order.

        A row of the very gender goes before a UNISEX one, then the row that states more factors.
        """
        given = tuple(name for name, _level in factors)
        for wanted in dict.fromkeys((gender or UNISEX, UNISEX)):
            for names in self._patterns:
                stated = (
                    factors
                    if names == given
                    else tuple(factor for factor in factors if factor[0] in names)
                )
                if len(stated) == len(names) and (row := self._row_in((wanted, stated), age)):
                    return row
        return None

    def _row_in(self, band: tuple[str, Factors], age: int | None) -> RateRow | None:
        starts, rows = self._bands.get(band, ((), ()))
        at = bisect_right(starts, 0 if age is None else age) - 1
        if at < 0:
            return None
        row = rows[at]
        is_matched = row.is_every_age or (age is not None and age <= row.ages[1])
        return row if is_matched else None


def conflicting_rows(rows: Sequence[RateRow]) -> list[tuple[int, int]]:
    """Return the index pairs of rows that match some person equally well.

    Each row that is in conflict is named with the earlier row that reaches furthest into it.
    """
    alike: dict[tuple[str, int], dict[Pattern, list[int]]] = defaultdict(dict)
    for index, row in enumerate(rows):
        alike[(row.gender, len(row.factors))].setdefault(row.pattern, []).append(index)
    found: set[tuple[int, int]] = set()
    for patterns in alike.values():
        for one, other in combinations_with_replacement(patterns, 2):
            shared = frozenset(one) & frozenset(other)
            sides = [patterns[one]] if one == other else [patterns[one], patterns[other]]
            found.update(_overlaps(rows, sides, shared))
    return sorted(found)


def _overlaps(
    rows: Sequence[RateRow], sides: Sequence[Sequence[int]], shared: frozenset[str]
) -> Iterator[tuple[int, int]]:
    """Yield pairs whose ages meet and whose shared factors agree: within one side, or across."""
    together: dict[Factors, list[tuple[tuple[int, int], int, int]]] = defaultdict(list)
    for side, indexes in enumerate(sides):
        for index in indexes:
            agreed = tuple(factor for factor in rows[index].factors if factor[0] in shared)
            together[agreed].append((rows[index].ages, index, side))
    for places in together.values():
        furthest: dict[int, int] = {}
        for (first, last), index, side in sorted(places):
            earlier = furthest.get(len(sides) - 1 - side)
            if earlier is not None and first <= rows[earlier].ages[1]:
                yield min(earlier, index), max(earlier, index)
            if side not in furthest or last > rows[furthest[side]].ages[1]:
                furthest[side] = index


def check_rate_table(table: RateTable) -> list[DomainError]:
    """Return what is wrong with a table by itself: empty, contradicting, unused factors."""
    if table.method == "MULTIPLICATIVE":
        return [*_check_multiplicative(table), *_range_problems(table)]
    if not table.rows:
        return [DomainError("A rate table needs a row.", field="entries")]
    problems = [
        DomainError(f"No row states {name}.", field="rating_factors")
        for name in table.rating_factors
        if not table.levels(name)
    ]
    problems += _range_problems(table)
    for index, row in enumerate(table.rows):
        if undeclared := set(row.pattern) - set(table.rating_factors):
            message = f"Row {index + 1} states {', '.join(sorted(undeclared))}, which is no factor."
            problems.append(DomainError(message, field=f"entries.{index}"))
    if len({row.pattern for row in table.rows}) > MAX_PATTERNS:
        message = f"Rows may leave factors out in at most {MAX_PATTERNS} different ways."
        return [*problems, DomainError(message, field="entries")]
    for first, second in conflicting_rows(table.rows):
        message = f"Rows {first + 1} and {second + 1} match the same person: {table.rows[second]}."
        problems.append(DomainError(message, field=f"entries.{second}"))
    return problems


def _is_in_range(number: int, level: str) -> bool:
    span = level_range(level)
    return span is not None and span[0] <= number and (span[1] is None or number <= span[1])


def _range_problems(table: RateTable) -> list[DomainError]:
    """Refuse ranges of one factor that hold the same number: two rates would match equally."""
    problems = []
    for name in table.rating_factors:
        spans = sorted(
            (first, last, level)
            for level in table.levels(name)
            if (span := level_range(level)) is not None
            for first, last in [(span[0], MAX_WHOLE if span[1] is None else span[1])]
        )
        for (_first, last, level), (first, _last, other) in pairwise(spans):
            if first <= last:
                words = f"{name}: {level} and {other} hold the same numbers."
                problems.append(DomainError(words, field="rating_factors"))
    return problems


def _check_multiplicative(table: RateTable) -> list[DomainError]:
    problems = []
    if table.base_rate is None:
        problems.append(DomainError("Enter the base rate.", field="base_rate"))
    for name in table.rating_factors:
        if not table.relativities.get(name):
            problems.append(
                DomainError(f"{name} has no relativities.", field=f"relativities.{name}")
            )
    return problems


def coverage_gaps(table: RateTable, min_age: int, max_age: int) -> list[str]:
    """Return in words where a MATRIX table has no rate: `ages 18–20 (MALE, rating_zone URBAN)`."""
    gaps = []
    genders = ("MALE", "FEMALE") if table.is_by_gender else (UNISEX,)
    for factors in sorted({row.factors for row in table.rows}):
        for gender in genders:
            missing = [
                age
                for age in range(min_age, max_age + 1)
                if table.find_row(age, gender, factors) is None
            ]
            if missing:
                where = ", ".join([gender, *(f"{name} {level}" for name, level in factors)])
                gaps.append(f"ages {_ranges(missing)} ({where})" if table.is_by_age else where)
    return gaps


def age_span(table: RateTable) -> tuple[int, int]:
    """Return the youngest and the oldest age a table has a rate for."""
    spans = [row.ages for row in table.rows]
    return min(span[0] for span in spans), max(span[1] for span in spans)


def _ranges(ages: Iterable[int]) -> str:
    """Return `18–20, 25` for 18, 19, 20, 25."""
    runs: list[list[int]] = []
    for age in ages:
        if runs and age == runs[-1][-1] + 1:
            runs[-1].append(age)
        else:
            runs.append([age])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)
