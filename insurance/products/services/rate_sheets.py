"""Rates as people paste them from a spreadsheet: a list with one rate a row, or ages by gender."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from insurance.core.errors import DomainError, raise_all
from insurance.products.rules import GENDERS, MAX_AGE, UNISEX
from insurance.products.services.facts import NewRate, NewRelativity

_RATE = re.compile(r"[0-9]{1,9}([.,][0-9]{1,8})?", re.ASCII)
_AGE = re.compile(r"[0-9]{1,3}", re.ASCII)
_BAND = re.compile(r"([0-9]{1,3})(?: ?[-–] ?([0-9]{1,3})| ?\+)?", re.ASCII)
_FACTOR = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_GENDERS = {"M": "MALE", "F": "FEMALE", "U": UNISEX, "": UNISEX} | {name: name for name in GENDERS}
_RATE_NAMES = ("rate", "rate_per_thousand", "rate_per_mille", "rate_per_cent")
_KNOWN = ("age", "age_from", "age_to", "gender", *_RATE_NAMES)
_SAME_COLUMN = {
    "ages": "age",
    "age_band": "age",
    "age_last_birthday": "age",
    "age_at_last_birthday": "age",
    "attained_age": "age",
    "alb": "age",
    "from_age": "age_from",
    "min_age": "age_from",
    "to_age": "age_to",
    "max_age": "age_to",
    "sex": "gender",
    "males": "male",
    "females": "female",
}
"""What sheets call a column, and the name it has here. Ages are those of the last birthday."""
_OTHER_AGES = ("anb", "age_next_birthday", "age_at_next_birthday", "age_nearest_birthday")
AGE_COLUMNS = frozenset(
    [*_OTHER_AGES, *(name for name, ours in _SAME_COLUMN.items() if ours.startswith("age"))]
)
"""Names that mean an age, and so are no rating factors."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the sheet, its cells by column name."""

    number: int
    cells: dict[str, str]


def read_rates(text: str, *, field: str = "rates") -> list[NewRate]:
    """Return the rates of a pasted sheet. Raises DomainError(s) that name line and cell.

    The first line names the columns: `age_from, age_to, gender, rate` and any further factor, or
    `age, male, female` with a rate in each cell.
    """
    columns, lines = _read(text, field)
    by_gender = [name for name in columns if name.upper() in GENDERS]
    has_rate = any(name in columns for name in _RATE_NAMES)
    if not has_rate and not by_gender:
        raise DomainError(
            "The first line must name the columns, with one called rate or with male and female.",
            field=field,
        )
    factors = [name for name in columns if name not in _KNOWN and name not in by_gender]
    errors = [
        DomainError(f"“{name}” is not a column name: use small letters.", field=field)
        for name in factors
        if not _FACTOR.fullmatch(name)
    ]
    raise_all(errors)
    rates: list[NewRate] = []
    for line in lines:
        try:
            rates += _rates_of(line, factors, [] if has_rate else by_gender)
        except ValueError as problem:
            errors.append(DomainError(f"Line {line.number}: {problem}", field=field))
    raise_all(errors)
    return rates


def find_age_gaps(rates: Sequence[NewRate]) -> list[str]:
    """Return in words where ages between two lines have no rate, and which lines these are.

    A line for both genders, or for more levels, covers what one of its own lines leaves out.
    """
    groups: dict[tuple[str, tuple[tuple[str, str], ...]], list[NewRate]] = {}
    for one in rates:
        groups.setdefault((one.gender, tuple(sorted(one.factors.items()))), []).append(one)
    gaps: dict[str, None] = {}
    for (gender, factors), rows in groups.items():
        general = [
            rate
            for rate in rates
            if rate.gender in (gender, UNISEX) and set(rate.factors.items()) <= set(factors)
        ]
        ordered = sorted(rows, key=lambda one: _span(one))
        for before, after in pairwise(ordered):
            first, last = _span(before)[1] + 1, _span(after)[0] - 1
            missing = [age for age in range(first, last + 1) if not _covers(general, age)]
            if missing:
                gaps[_gap_words(missing, before, after)] = None
    return list(gaps)


def _span(rate: NewRate) -> tuple[int, int]:
    first = 0 if rate.age_from is None else rate.age_from
    return first, MAX_AGE if rate.age_to is None else rate.age_to


def _covers(rates: Sequence[NewRate], age: int) -> bool:
    return any(_span(rate)[0] <= age <= _span(rate)[1] for rate in rates)


def _gap_words(missing: Sequence[int], before: NewRate, after: NewRate) -> str:
    ages = f"age {missing[0]}" if len(missing) == 1 else f"ages {missing[0]}–{missing[-1]}"
    verb = "has" if len(missing) == 1 else "have"
    return f"Between lines {before.line} and {after.line}: {ages} {verb} no rate."


def read_relativities(text: str, *, field: str = "relativities") -> list[NewRelativity]:
    """Return relativities from lines of `factor, level, relativity`, with or without a heading."""
    errors: list[DomainError] = []
    found = []
    for number, cells in _cells(text):
        if [cell.lower() for cell in cells[:2]] == ["factor", "level"]:
            continue
        if len(cells) != 3 or not _FACTOR.fullmatch(_name(cells[0])) or not cells[1]:
            errors.append(
                DomainError(
                    f"Line {number}: write factor, level and relativity, such as"
                    " vehicle_group; A; 0,95.",
                    field=field,
                )
            )
            continue
        try:
            found.append(
                NewRelativity(factor=_name(cells[0]), level=cells[1], relativity=_number(cells[2]))
            )
        except ValueError as problem:
            errors.append(DomainError(f"Line {number}: {problem}", field=field))
    raise_all(errors)
    return found


def _read(text: str, field: str) -> tuple[list[str], list[_Line]]:
    rows = list(_cells(text))
    if len(rows) < 2:
        raise DomainError(
            "Paste a line of column names and at least one line of rates.", field=field
        )
    columns = [_SAME_COLUMN.get(_name(cell), _name(cell)) for cell in rows[0][1]]
    for cell in rows[0][1]:
        if _name(cell) in _OTHER_AGES:
            raise DomainError(
                f"Line {rows[0][0]}: “{cell}” is not the age by which rates are looked up: that is"
                " the age last birthday. Move the rates to it and call the column age.",
                field=field,
            )
    if len(set(columns)) < len(columns) or "" in columns:
        raise DomainError("Every column needs a name of its own.", field=field)
    errors = [
        DomainError(f"Line {number}: {len(cells)} cells for {len(columns)} columns.", field=field)
        for number, cells in rows[1:]
        if len(cells) != len(columns)
    ]
    raise_all(errors)
    return columns, [
        _Line(number, dict(zip(columns, cells, strict=True))) for number, cells in rows[1:]
    ]


def _cells(text: str) -> list[tuple[int, list[str]]]:
    """Return the cells of each line that has any, with its number."""
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    heading = lines[0][1] if lines else ""
    delimiter = next((mark for mark in ("\t", ";") if mark in heading), ",")
    return [
        (number, [cell.strip().strip('"').strip() for cell in line.split(delimiter)])
        for number, line in lines
    ]


def _name(cell: str) -> str:
    return re.sub(r"[\s-]+", "_", cell.strip().lower())


def _rates_of(line: _Line, factors: Sequence[str], by_gender: Sequence[str]) -> list[NewRate]:
    age_from, age_to = _ages(line.cells)
    levels = {name: line.cells[name] for name in factors if line.cells[name]}
    if by_gender:
        priced = [(name.upper(), line.cells[name]) for name in by_gender if line.cells[name]]
    else:
        gender = line.cells.get("gender", "").upper()
        if gender not in _GENDERS:
            raise ValueError(f"“{gender}” is not a gender; use MALE, FEMALE or UNISEX.")
        column = next(name for name in _RATE_NAMES if name in line.cells)
        priced = [(_GENDERS[gender], line.cells[column])]
    return [
        NewRate(
            rate=_number(cell),
            age_from=age_from,
            age_to=age_to,
            gender=gender,
            factors=levels,
            line=line.number,
        )
        for gender, cell in priced
    ]


def _ages(cells: dict[str, str]) -> tuple[int | None, int | None]:
    if cells.get("age"):
        band = _BAND.fullmatch(cells["age"])
        if band is None:
            raise ValueError(f"“{cells['age']}” is not an age or a band such as 18–25.")
        first = int(band[1])
        if cells["age"].endswith("+"):
            return first, None
        return first, int(band[2] or first)
    return _age(cells.get("age_from", "")), _age(cells.get("age_to", ""))


def _age(cell: str) -> int | None:
    if cell and not _AGE.fullmatch(cell):
        raise ValueError(f"“{cell}” is not an age.")
    return int(cell) if cell else None


def _number(cell: str) -> Decimal:
    if not _RATE.fullmatch(cell):
        raise ValueError(f"“{cell}” is not a rate.")
    return Decimal(cell.replace(",", "."))
