"""Quotes per second for a product of five benefits, below HTTP."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import cycle, islice
from time import process_time
from uuid import UUID

from insurance.products.rules import BenefitTerms, ProductTerms, RateRow, RateTable
from insurance.quotes.rules import Life, QuoteRequest, price_quote

TARGET = 1_000
"""Quotes a second on one core."""


def run(seconds: float = 2.0) -> float:
    """Price varied quotes for about some seconds of processor time; print and return the rate."""
    terms = five_benefits()
    requests = cycle(list(_requests()))
    batch, quotes, started = 200, 0, process_time()
    while (used := process_time() - started) < seconds:
        for request in islice(requests, batch):
            price_quote(terms, request)
        quotes += batch
    rate = quotes / used
    print(f"pricing: {rate:,.0f} quotes/s on one core, 5 benefits (target {TARGET:,})")
    return rate


def five_benefits() -> ProductTerms:
    """Return a life product with four rated benefits, one of them for a spouse, and a flat one."""
    table = _rates()
    return ProductTerms(
        version_id=UUID(int=1),
        product_id=UUID(int=2),
        product_name="Family Cover",
        class_code="RISK",
        category="LIFE",
        pricing_method="BENEFIT_LEVEL",
        benefits=(
            BenefitTerms("DEATH_MAIN", "Death", "DEATH", rate_table=table),
            _part("DISABILITY", "DISABILITY", table, "50"),
            _part("CRITICAL_ILLNESS", "CRITICAL_ILLNESS", table, "25"),
            _part("DEATH_SPOUSE", "DEATH", table, "50", role="SPOUSE"),
            BenefitTerms(
                "FUNERAL_EXP",
                "Funeral expenses",
                "ACCIDENTAL_DEATH",
                amount_type="FIXED",
                default_amount=Decimal(15_000),
                flat_premium=Decimal(50),
            ),
        ),
        min_entry_age=18,
        max_entry_age=65,
        min_sum_assured=Decimal(10_000),
        max_sum_assured=Decimal(5_000_000),
    )


def _part(
    code: str, benefit_type: str, table: RateTable, percent: str, role: str = "MAIN_MEMBER"
) -> BenefitTerms:
    return BenefitTerms(
        code,
        code.replace("_", " ").title(),
        benefit_type,
        amount_type="PERCENTAGE",
        default_amount=Decimal(percent),
        member_role=role,
        rate_table=table,
    )


def _rates() -> RateTable:
    """Return a rate per year of age, gender and smoker status: 192 rows."""
    rows = tuple(
        RateRow(
            Decimal("0.20") + Decimal(age) / 100 + Decimal(len(gender) + len(status)) / 50,
            age,
            age,
            gender,
            (("smoker_status", status),),
        )
        for age in range(18, 66)
        for gender in ("MALE", "FEMALE")
        for status in ("SMOKER", "NON_SMOKER")
    )
    return RateTable(
        id=UUID(int=3),
        code="family-rates",
        name="Family rates",
        version=1,
        basis="PER_MILLE",
        method="MATRIX",
        factors=("age", "gender", "smoker_status"),
        rows=rows,
    )


def _requests() -> Iterator[QuoteRequest]:
    on = date(2026, 11, 21)
    for age in range(18, 66):
        yield QuoteRequest(
            effective_date=on,
            sum_assured=Decimal(100_000 + 12_345 * age),
            frequency=("MONTHLY", "ANNUAL")[age % 2],
            rating_inputs={"smoker_status": ("SMOKER", "NON_SMOKER")[age % 2]},
            lives=(
                Life("MAIN_MEMBER", None, "MALE", date(on.year - age, 3, 15)),
                Life("SPOUSE", None, "FEMALE", date(on.year - age, 6, 20)),
            ),
        )


if __name__ == "__main__":
    run()
