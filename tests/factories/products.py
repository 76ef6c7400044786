"""Products for tests. Call these in an organization's scope."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from insurance.core.db import db
from insurance.products import queries, services
from insurance.products.models import (
    AmountType,
    FieldType,
    MemberRole,
    PricingMethod,
    Product,
    ProductVersion,
    RateBasis,
    RateMethod,
    RateTable,
)

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def make_rate_table(
    code: str = "term-rates",
    *,
    basis: RateBasis = RateBasis.PER_MILLE,
    rows: list[services.NewRate] | None = None,
    factors: tuple[str, ...] = ("age", "gender"),
) -> RateTable:
    """Return a table for ages 18 to 65: men 0.52, women 0.40 per mille, unless rows are given."""
    entries = rows or [
        services.NewRate(rate=Decimal("0.52"), age_from=18, age_to=65, gender="MALE"),
        services.NewRate(rate=Decimal("0.40"), age_from=18, age_to=65, gender="FEMALE"),
    ]
    return services.create_rate_table(
        services.NewRateTable(
            table_code=code,
            table_name=f"{code} table",
            rate_basis=basis,
            rating_factors=factors,
            entries=entries,
        ),
        now=NOW,
    )


def make_motor_table(code: str = "motor-rates") -> RateTable:
    """Return a multiplicative table: 0.45 per cent by vehicle group and rating zone."""
    levels = {
        "vehicle_group": {"A": "0.9", "B": "1.2"},
        "rating_zone": {"URBAN": "1.1", "RURAL": "0.8"},
    }
    return services.create_rate_table(
        services.NewRateTable(
            table_code=code,
            table_name="Motor rates",
            rate_basis=RateBasis.PER_CENT,
            method=RateMethod.MULTIPLICATIVE,
            base_rate=Decimal("0.45"),
            relativities=[
                services.NewRelativity(factor=factor, level=level, relativity=Decimal(text))
                for factor, by_level in levels.items()
                for level, text in by_level.items()
            ],
        ),
        now=NOW,
    )


def make_draft(name: str = "Term Life", **terms: Any) -> Product:
    """Return a draft of a term life product for ages 18 to 65, without benefits."""
    product_type = terms.pop("product_type", "TERM_LIFE")
    class_code = terms.pop("class_code", None)
    facts = {
        "min_entry_age": 18,
        "max_entry_age": 65,
        "min_sum_assured": Decimal(10_000),
        "max_sum_assured": Decimal(5_000_000),
    } | terms
    return services.create_product(
        services.NewProduct(
            name=name,
            product_type=product_type,
            class_code=class_code,
            terms=services.Terms(**facts),
        ),
        now=NOW,
    )


def add_death_benefit(product: Product, table: RateTable, **changes: Any) -> UUID:
    """Add the main member's death benefit, priced by a table."""
    facts = {
        "benefit_code": "DEATH_MAIN",
        "benefit_name": "Main Member Death",
        "benefit_type_code": "DEATH",
        "rate_table_id": table.id,
    } | changes
    return services.add_benefit(product.id, services.NewBenefit(**facts), now=NOW).id


def make_ready_draft(name: str = "Term Life") -> Product:
    """Return a draft that passes every launch check: one death benefit by age and gender."""
    product = make_draft(name)
    add_death_benefit(product, make_rate_table(f"{product.slug}-rates"))
    return product


def make_launched_product(name: str = "Term Life") -> Product:
    """Return a launched term life product: death at 0.52 (men) and 0.40 (women) per mille."""
    return services.launch_product(make_ready_draft(name).id, now=NOW)


def make_family_product(name: str = "Family Cover") -> Product:
    """Return a launched life product for a family: 310.00 for a man of 35 and R500 000.

    Death of the main member on the sum assured (0.52 per mille for men), R15 000 of accidental
    death at a flat R50.00, optional spouse and child death, and a question about smoking.
    """
    product = make_draft(name)
    table = make_rate_table(f"{product.slug}-rates")
    add_death_benefit(product, table, waiting_period_days=180)
    for benefit in (
        services.NewBenefit(
            benefit_code="ACCIDENT",
            benefit_name="Accidental Death",
            benefit_type_code="ACCIDENTAL_DEATH",
            benefit_amount_type=AmountType.FIXED,
            default_amount=Decimal(15_000),
            flat_premium=Decimal(50),
            display_order=2,
        ),
        services.NewBenefit(
            benefit_code="DEATH_SPOUSE",
            benefit_name="Spouse Death",
            benefit_type_code="DEATH",
            member_role=MemberRole.SPOUSE,
            is_mandatory=False,
            rate_table_id=table.id,
            display_order=3,
        ),
        services.NewBenefit(
            benefit_code="DEATH_CHILD",
            benefit_name="Child Death",
            benefit_type_code="DEATH",
            benefit_amount_type=AmountType.FIXED,
            default_amount=Decimal(20_000),
            member_role=MemberRole.CHILD,
            is_mandatory=False,
            flat_premium=Decimal(10),
            display_order=4,
        ),
    ):
        services.add_benefit(product.id, benefit, now=NOW)
    return services.launch_product(product.id, now=NOW)


def ask(product: Product, **changes: Any) -> UUID:
    """Add an inception rule to a product's draft: does the customer smoke?"""
    facts = {
        "field_code": "smoker",
        "label": "Do you smoke?",
        "field_type": FieldType.YES_NO,
    } | changes
    return services.add_inception_rule(product.id, services.NewInceptionRule(**facts), now=NOW).id


def make_motor_product(name: str = "Motor") -> Product:
    """Return a launched motor product (for a non-life insurer) with relativities."""
    product = services.create_product(
        services.NewProduct(
            name=name,
            product_type="MOTOR",
            terms=services.Terms(max_sum_assured=Decimal(2_000_000), default_term_years=1),
        ),
        now=NOW,
    )
    services.add_benefit(
        product.id,
        services.NewBenefit(
            benefit_code="OWN_DAMAGE",
            benefit_name="Own damage",
            benefit_type_code="PROPERTY_DAMAGE",
            rate_table_id=make_motor_table(f"{product.slug}-rates").id,
        ),
        now=NOW,
    )
    return services.launch_product(product.id, now=NOW)


def make_flat_product(name: str = "Flat Cover", premium: Decimal = Decimal("199.00")) -> Product:
    """Return a launched simple product with one price for everybody."""
    return services.create_product(
        services.NewProduct(
            name=name,
            product_type="TERM_LIFE",
            is_active=True,
            terms=services.Terms(
                pricing_method=PricingMethod.FLAT,
                base_premium=premium,
                coverage_amount=Decimal(100_000),
                min_entry_age=18,
                max_entry_age=65,
            ),
        ),
        now=NOW,
    )


def launched_version(product: Product) -> ProductVersion:
    """Return the version of a product that is sold."""
    version = queries.find_launched(db.session(), product.id)
    assert version is not None
    return version


def draft_version(product: Product) -> ProductVersion:
    """Return the version of a product that is being drafted."""
    version = queries.find_draft(db.session(), product.id)
    assert version is not None
    return version
