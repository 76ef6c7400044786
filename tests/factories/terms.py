"""Product terms and rate tables as plain values, for tests of rules."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from insurance.products.rules import BenefitTerms, ProductTerms, RateRow, RateTable

TABLE_ID = UUID(int=1)


def row(
    rate: str,
    ages: tuple[int | None, int | None] = (None, None),
    gender: str = "UNISEX",
    **levels: str,
) -> RateRow:
    """Return a row; levels are named by their factors."""
    return RateRow(Decimal(rate), ages[0], ages[1], gender, tuple(levels.items()))


def matrix(*rows: RateRow, basis: str = "PER_MILLE", **changes: Any) -> RateTable:
    """Return a table of rows, rated by the factors its rows state."""
    names = dict.fromkeys(name for one in rows for name, _level in one.factors)
    facts: dict[str, Any] = {
        "id": TABLE_ID,
        "code": "death-rates",
        "name": "Death rates",
        "version": 3,
        "basis": basis,
        "method": "MATRIX",
        "factors": ("age", "gender", *names),
        "rows": rows,
    }
    return RateTable(**facts | changes)


def relativities(base_rate: str, basis: str = "PER_CENT", **factors: dict[str, str]) -> RateTable:
    """Return a multiplicative table: per factor, a relativity per level."""
    return RateTable(
        id=TABLE_ID,
        code="motor-rates",
        name="Motor rates",
        version=1,
        basis=basis,
        method="MULTIPLICATIVE",
        factors=tuple(factors),
        base_rate=Decimal(base_rate),
        relativities={
            name: {level: Decimal(text) for level, text in levels.items()}
            for name, levels in factors.items()
        },
    )


DEATH_RATES = matrix(
    row("0.52", (18, 35), "MALE"),
    row("0.71", (36, 65), "MALE"),
    row("0.40", (18, 65), "FEMALE"),
)


def death(**changes: Any) -> BenefitTerms:
    """Return the main member's death benefit: men 0.52, from 36 on 0.71, women 0.40 per mille."""
    facts: dict[str, Any] = {
        "code": "DEATH_MAIN",
        "name": "Main Member Death",
        "benefit_type": "DEATH",
        "waiting_period_days": 180,
        "rate_table": DEATH_RATES,
    }
    return BenefitTerms(**facts | changes)


def funeral_expenses(**changes: Any) -> BenefitTerms:
    """Return R15 000 for a flat R50.00 a month."""
    facts: dict[str, Any] = {
        "code": "FUNERAL_EXP",
        "name": "Funeral Expenses",
        "benefit_type": "ACCIDENTAL_DEATH",
        "amount_type": "FIXED",
        "default_amount": Decimal(15_000),
        "is_mandatory": False,
        "flat_premium": Decimal(50),
    }
    return BenefitTerms(**facts | changes)


def product(*benefits: BenefitTerms, **changes: Any) -> ProductTerms:
    """Return a term life product for ages 18 to 65 and R10 000 to R5 000 000."""
    facts: dict[str, Any] = {
        "version_id": UUID(int=2),
        "product_id": UUID(int=3),
        "product_name": "Term Life",
        "class_code": "RISK",
        "category": "LIFE",
        "pricing_method": "BENEFIT_LEVEL",
        "benefits": benefits,
        "min_entry_age": 18,
        "max_entry_age": 65,
        "min_sum_assured": Decimal(10_000),
        "max_sum_assured": Decimal(5_000_000),
    }
    return ProductTerms(**facts | changes)
