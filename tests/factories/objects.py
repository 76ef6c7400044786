"""Motor and household products for tests, and what they insure. Call these in a non-life scope."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from insurance.core.ids import new_id
from insurance.policies.services import accept_quote
from insurance.products import services
from insurance.products.models import (
    AmountType,
    BenefitRateBasis,
    ObjectKind,
    RateBasis,
    RateMethod,
)
from insurance.quotes.services import QuoteInput, create_quote
from tests.factories.book import NOW, TODAY, make_customer

D = Decimal
START = date(2026, 11, 1)


def make_motor_product(**terms: Any) -> UUID:
    """Return a launched motor product: 0.40 per cent of the value, and R65.00 for liability.

    Group B costs half as much again, a year before 2020 a quarter more, business use twice. The
    policyholder bears R5 000 of each damage, or 10 per cent where that is more.
    """
    tag = new_id().hex[-8:]
    levels = {
        "vehicle_group": {"A": "1.00", "B": "1.50"},
        "year": {"2000-2019": "1.25", "2020+": "1.00"},
        "use": {"PRIVATE": "1.00", "BUSINESS": "2.00"},
    }
    table = services.create_rate_table(
        services.NewRateTable(
            table_code=f"motor-{tag}",
            table_name="Motor rates",
            rate_basis=RateBasis.PER_CENT,
            method=RateMethod.MULTIPLICATIVE,
            rating_factors=tuple(levels),
            base_rate=D("0.40"),
            relativities=[
                services.NewRelativity(factor=factor, level=level, relativity=D(text))
                for factor, by_level in levels.items()
                for level, text in by_level.items()
            ],
        ),
        now=NOW,
    )
    product = services.create_product(
        services.NewProduct(
            name="Motor",
            slug=f"motor-{tag}",
            product_type="MOTOR",
            class_code="MOTOR",
            terms=services.Terms(
                **{
                    "min_sum_assured": D(20_000),
                    "max_sum_assured": D(3_000_000),
                    "default_term_years": 1,
                }
                | terms
            ),
        ),
        now=NOW,
    )
    for benefit in (
        services.NewBenefit(
            benefit_code="DAMAGE",
            benefit_name="Damage to the vehicle",
            benefit_type_code="PROPERTY_DAMAGE",
            rate_table_id=table.id,
            excess_amount=D(5_000),
            excess_per_cent=D(10),
        ),
        services.NewBenefit(
            benefit_code="LIABILITY",
            benefit_name="Liability to others",
            benefit_type_code="THIRD_PARTY_LIABILITY",
            display_order=2,
            benefit_amount_type=AmountType.FIXED,
            default_amount=D(2_500_000),
            flat_premium=D(65),
            rate_basis=BenefitRateBasis.FLAT_AMOUNT,
        ),
    ):
        services.add_benefit(product.id, benefit, now=NOW)
    return services.launch_product(product.id, now=NOW).id


def make_home_product() -> UUID:
    """Return a launched household product: buildings and contents, each on its own object."""
    tag = new_id().hex[-8:]
    table = services.create_rate_table(
        services.NewRateTable(
            table_code=f"home-{tag}",
            table_name="Household rates",
            rate_basis=RateBasis.PER_MILLE,
            rating_factors=("construction",),
            entries=[
                services.NewRate(rate=D("0.10"), factors={"construction": "BRICK"}),
                services.NewRate(rate=D("0.30"), factors={"construction": "THATCH"}),
            ],
        ),
        now=NOW,
    )
    product = services.create_product(
        services.NewProduct(
            name="Household",
            slug=f"home-{tag}",
            product_type="HOUSEHOLD",
            class_code="PROPERTY",
            terms=services.Terms(
                min_sum_assured=D(50_000), max_sum_assured=D(9_000_000), default_term_years=1
            ),
        ),
        now=NOW,
    )
    for order, (kind, name) in enumerate(
        ((ObjectKind.BUILDING, "Buildings"), (ObjectKind.CONTENTS, "Contents")), 1
    ):
        services.add_benefit(
            product.id,
            services.NewBenefit(
                benefit_code=kind.value,
                benefit_name=name,
                benefit_type_code="PROPERTY_DAMAGE",
                display_order=order,
                is_mandatory=kind is ObjectKind.BUILDING,
                rate_table_id=table.id,
                object_kind=kind,
            ),
            now=NOW,
        )
    return services.launch_product(product.id, now=NOW).id


def vehicle(**changes: Any) -> dict[str, Any]:
    """Return a Corolla of 2021, group A, privately used, worth R180 000."""
    return {
        "kind": "VEHICLE",
        "registration": "ABC 123 GP",
        "make": "Toyota",
        "model": "Corolla",
        "year": 2021,
        "use": "PRIVATE",
        "value": D("180000.00"),
        "rating_inputs": {"vehicle_group": "A"},
    } | changes


def building(**changes: Any) -> dict[str, Any]:
    """Return a brick house worth R2 000 000."""
    return {
        "kind": "BUILDING",
        "address": "12 Long Street, Gardens",
        "city": "Cape Town",
        "postal_code": "8001",
        "construction": "BRICK",
        "roof": "TILE",
        "use": "OWN_HOME",
        "value": D("2000000.00"),
    } | changes


def sell(product_id: UUID, *objects: dict[str, Any], customer: int = 1, **asked: Any) -> UUID:
    """Return a policy on objects, in force from 1 November."""
    quote = create_quote(
        QuoteInput(
            product_id=product_id, customer_id=make_customer(customer), objects=objects, **asked
        ),
        on=TODAY,
        now=NOW,
    )
    issued = accept_quote(quote.id, effective_date=START, on=TODAY, now=NOW)
    return issued.policy.id
