"""Finding the rate of a benefit for a life, and saying where it stands."""

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

from insurance.core.errors import DomainError, raise_all
from insurance.core.money import ZERO
from insurance.products.rules import MAIN_MEMBER, UNISEX, BenefitTerms, Factors, RateTable
from insurance.quotes.rules.requests import Life

EXACT = Context(prec=400)
"""Wide enough that a base rate times every relativity of a table is never rounded."""


def look_up(
    table: RateTable,
    benefit: BenefitTerms,
    index: int | None,
    life: Life,
    inputs: Mapping[str, str],
) -> tuple[Decimal, dict[str, Any]]:
    """Return the rate and its part of the worksheet.

    Raises DomainError(s) at the factor that is missing or unknown, or naming the combination of
    age, gender and factors that the table has no rate for.
    """
    factors = _factor_levels(table, inputs)
    found: dict[str, Any] = {
        "table": table.code,
        "table_name": table.name,
        "table_version": table.version,
        "table_id": str(table.id),
        "basis": table.basis,
        "factors": dict(factors),
    }
    if table.method == "MULTIPLICATIVE":
        return _multiplied(table, factors, found)
    row = table.find_row(life.age, life.gender, factors)
    if row is None:
        raise _no_rate(table, benefit, index, life, factors)
    return row.rate, found | {"row": str(row), "rate": _plain(row.rate)}


def _multiplied(
    table: RateTable, factors: Factors, found: dict[str, Any]
) -> tuple[Decimal, dict[str, Any]]:
    base = table.base_rate or ZERO
    rate, steps = base, []
    for name, level in factors:
        relativity = table.relativities[name][level]
        rate = EXACT.multiply(rate, relativity)
        steps.append({"factor": name, "level": level, "relativity": _plain(relativity)})
    return rate, found | {"base_rate": _plain(base), "relativities": steps, "rate": _plain(rate)}


def _factor_levels(table: RateTable, inputs: Mapping[str, str]) -> Factors:
    """Return the level of each factor of the table that was given. Raises DomainError(s)."""
    errors: list[DomainError] = []
    levels = []
    for name in table.rating_factors:
        allowed = table.levels(name)
        given = str(inputs.get(name) or "")
        if level := table.level_of(name, given):
            levels.append((name, level))
        elif given or not table.is_open(name):
            what = f"“{given}” is not known: choose" if given else "Choose"
            errors.append(
                DomainError(f"{what} one of {', '.join(allowed)}.", field=f"rating_inputs.{name}")
            )
    raise_all(errors)
    return tuple(levels)


def _no_rate(
    table: RateTable, benefit: BenefitTerms, index: int | None, life: Life, factors: Factors
) -> DomainError:
    """Return the refusal, at the fact of the life that is missing or at the factors."""
    name = "rating_inputs" if factors else "age"
    if life.age is None and table.is_by_age:
        name = "age"
    elif life.gender in (None, UNISEX) and table.is_by_gender:
        name = "gender"
    is_of_other_life = index is not None and life.relationship != MAIN_MEMBER
    age = "no age" if life.age is None else f"age {life.age}"
    levels = [f"{factor} {level}" for factor, level in factors]
    combination = ", ".join([age, life.gender or UNISEX, *levels])
    return DomainError(
        f"{table.name} has no rate for {combination} ({benefit.name}).",
        field=f"insured_lives.{index}.{name}"
        if is_of_other_life and name != "rating_inputs"
        else name,
    )


def _plain(number: Decimal) -> str:
    return f"{number:f}"
