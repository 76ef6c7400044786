"""The demo tenants' product ranges."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from insurance.products import services
from insurance.products.models import (
    AmountType,
    BenefitRateBasis,
    FieldType,
    MemberRole,
    ObjectKind,
    PricingMethod,
    RateBasis,
    RateMethod,
    TermType,
)
from insurance.products.services import (
    NewBenefit,
    NewInceptionRule,
    NewProduct,
    NewRate,
    NewRateTable,
    NewRelativity,
    Terms,
)

_BANDS = ((18, 24), (25, 29), (30, 34), (35, 39), (40, 44), (45, 49), (50, 54), (55, 59), (60, 65))


def seed_life_products(now: datetime) -> dict[str, UUID]:
    """Make and launch term life, funeral and credit life; returns their ids by name."""
    mortality = _age_gender_table("mortality-2026", "Mortality 2026", "0.22", "1.34", now)
    illness = _age_gender_table(
        "critical-illness-2026", "Critical illness 2026", "0.31", "1.41", now
    )
    return {
        "term": _term_life(mortality, illness, now),
        "funeral": _funeral(now),
        "credit": _credit_life(now),
    }


def seed_non_life_products(now: datetime) -> dict[str, UUID]:
    """Make and launch motor (base rate and relativities) and household (a rate matrix)."""
    return {"motor": _motor(now), "household": _household(now)}


def _age_gender_table(code: str, name: str, start: str, growth: str, now: datetime) -> UUID:
    rate = Decimal(start)
    entries = []
    for low, high in _BANDS:
        entries.append(
            NewRate(rate=rate.quantize(Decimal("0.01")), age_from=low, age_to=high, gender="FEMALE")
        )
        male = (rate * Decimal("1.18")).quantize(Decimal("0.01"))
        entries.append(NewRate(rate=male, age_from=low, age_to=high, gender="MALE"))
        rate *= Decimal(growth)
    facts = NewRateTable(
        table_code=code,
        table_name=name,
        rate_basis=RateBasis.PER_MILLE,
        rating_factors=("age", "gender"),
        entries=entries,
    )
    return services.create_rate_table(facts, now=now).id


def _term_life(mortality: UUID, illness: UUID, now: datetime) -> UUID:
    product = services.create_product(
        NewProduct(
            name="Ubuntu Term Life",
            slug="ubuntu-term-life",
            description="Level cover for a number of years, with optional illness and disability.",
            product_type="TERM_LIFE",
            class_code="RISK",
            terms=Terms(
                min_entry_age=18,
                max_entry_age=65,
                min_sum_assured=Decimal(50_000),
                max_sum_assured=Decimal(5_000_000),
                default_term_years=20,
            ),
        ),
        now=now,
    )
    for order, (code, name, kind, table, mandatory) in enumerate(
        (
            ("DEATH_MAIN", "Death", "DEATH", mortality, True),
            ("CRITICAL_ILLNESS", "Critical illness", "CRITICAL_ILLNESS", illness, False),
        ),
        1,
    ):
        services.add_benefit(
            product.id,
            NewBenefit(
                benefit_code=code,
                benefit_name=name,
                benefit_type_code=kind,
                is_mandatory=mandatory,
                is_main=mandatory,
                display_order=order,
                waiting_period_days=0 if mandatory else 90,
                rate_table_id=table,
                benefit_amount_type=AmountType.SUM_INSURED if mandatory else AmountType.PERCENTAGE,
                default_amount=None if mandatory else Decimal(50),
            ),
            now=now,
        )
    services.add_inception_rule(
        product.id,
        NewInceptionRule(field_code="smoker", label="Do you smoke?", field_type=FieldType.YES_NO),
        now=now,
    )
    services.launch_product(product.id, now=now)
    return product.id


def _funeral(now: datetime) -> UUID:
    product = services.create_product(
        NewProduct(
            name="Ubuntu Family Funeral",
            slug="ubuntu-family-funeral",
            description="Funeral cover for the whole family, paid within two business days.",
            product_type="FUNERAL",
            class_code="FUNERAL",
            terms=Terms(
                coverage_amount=Decimal(30_000),
                min_entry_age=18,
                max_entry_age=65,
                min_sum_assured=Decimal(5_000),
                max_sum_assured=Decimal(100_000),
                term_type=TermType.WHOLE_OF_LIFE,
            ),
        ),
        now=now,
    )
    for order, (code, name, role, premium, cover) in enumerate(
        (
            ("MAIN", "Main member funeral", MemberRole.MAIN_MEMBER, "59.00", None),
            ("SPOUSE", "Spouse funeral", MemberRole.SPOUSE, "42.00", None),
            ("CHILD", "Child funeral", MemberRole.CHILD, "12.50", "15000"),
            ("PARENT", "Parent funeral", MemberRole.PARENT, "89.00", "15000"),
        ),
        1,
    ):
        services.add_benefit(
            product.id,
            NewBenefit(
                benefit_code=code,
                benefit_name=name,
                benefit_type_code="FUNERAL",
                member_role=role,
                is_main=role is MemberRole.MAIN_MEMBER,
                display_order=order,
                waiting_period_days=180,
                flat_premium=Decimal(premium),
                rate_basis=BenefitRateBasis.FLAT_AMOUNT,
                benefit_amount_type=AmountType.FIXED if cover else AmountType.SUM_INSURED,
                default_amount=Decimal(cover) if cover else None,
            ),
            now=now,
        )
    services.launch_product(product.id, now=now)
    return product.id


def _credit_life(now: datetime) -> UUID:
    product = services.create_product(
        NewProduct(
            name="Ubuntu Credit Life",
            slug="ubuntu-credit-life",
            description="Settles a loan on death, disability or retrenchment.",
            product_type="CREDIT_LIFE",
            class_code="CREDIT_LIFE",
            terms=Terms(
                pricing_method=PricingMethod.RATE_TABLE,
                min_entry_age=18,
                max_entry_age=60,
                min_sum_assured=Decimal(1_000),
                max_sum_assured=Decimal(500_000),
                default_term_years=5,
            ),
            rate_rows=[NewRate(rate=Decimal("3.50"), age_from=18, age_to=60)],
        ),
        now=now,
    )
    services.launch_product(product.id, now=now)
    return product.id


def _motor(now: datetime) -> UUID:
    groups = {"A": "0.85", "B": "1.00", "C": "1.30", "D": "1.75"}
    zones = {"URBAN": "1.20", "PERI_URBAN": "1.00", "RURAL": "0.80"}
    table = services.create_rate_table(
        NewRateTable(
            table_code="motor-2026",
            table_name="Motor 2026",
            rate_basis=RateBasis.PER_CENT,
            method=RateMethod.MULTIPLICATIVE,
            rating_factors=("vehicle_group", "rating_zone"),
            base_rate=Decimal("0.36"),
            relativities=[
                *(
                    NewRelativity(factor="vehicle_group", level=level, relativity=Decimal(value))
                    for level, value in groups.items()
                ),
                *(
                    NewRelativity(factor="rating_zone", level=level, relativity=Decimal(value))
                    for level, value in zones.items()
                ),
            ],
        ),
        now=now,
    )
    product = services.create_product(
        NewProduct(
            name="Karoo Motor",
            slug="karoo-motor",
            description="Comprehensive cover for private vehicles.",
            product_type="MOTOR",
            class_code="MOTOR",
            terms=Terms(
                min_sum_assured=Decimal(20_000),
                max_sum_assured=Decimal(3_000_000),
                default_term_years=1,
            ),
        ),
        now=now,
    )
    for order, (code, name, kind, flat) in enumerate(
        (
            ("DAMAGE", "Damage to the vehicle", "PROPERTY_DAMAGE", None),
            ("LIABILITY", "Liability to others", "THIRD_PARTY_LIABILITY", "65.00"),
        ),
        1,
    ):
        services.add_benefit(
            product.id,
            NewBenefit(
                benefit_code=code,
                benefit_name=name,
                benefit_type_code=kind,
                display_order=order,
                is_main=not flat,
                rate_table_id=None if flat else table.id,
                flat_premium=Decimal(flat) if flat else None,
                rate_basis=BenefitRateBasis.FLAT_AMOUNT if flat else None,
                benefit_amount_type=AmountType.FIXED if flat else AmountType.SUM_INSURED,
                default_amount=Decimal(2_500_000) if flat else None,
                object_kind=ObjectKind.VEHICLE,
                excess_amount=Decimal(0 if flat else 5_000),
                excess_per_cent=Decimal(0 if flat else 5),
            ),
            now=now,
        )
    services.launch_product(product.id, now=now)
    return product.id


def _household(now: datetime) -> UUID:
    table = services.create_rate_table(
        NewRateTable(
            table_code="household-2026",
            table_name="Household 2026",
            rate_basis=RateBasis.PER_MILLE,
            rating_factors=("rating_zone", "construction"),
            entries=[
                NewRate(
                    rate=Decimal(rate), factors={"rating_zone": zone, "construction": construction}
                )
                for zone, construction, rate in (
                    ("URBAN", "BRICK", "0.85"),
                    ("URBAN", "TIMBER", "1.40"),
                    ("RURAL", "BRICK", "0.70"),
                    ("RURAL", "THATCH", "2.10"),
                    ("RURAL", "TIMBER", "1.25"),
                    ("URBAN", "THATCH", "2.45"),
                )
            ],
        ),
        now=now,
    )
    product = services.create_product(
        NewProduct(
            name="Karoo Household",
            slug="karoo-household",
            description="Contents of a home against fire, theft and storm.",
            product_type="HOUSEHOLD",
            class_code="PROPERTY",
            terms=Terms(
                min_sum_assured=Decimal(50_000),
                max_sum_assured=Decimal(4_000_000),
                default_term_years=1,
            ),
        ),
        now=now,
    )
    services.add_benefit(
        product.id,
        NewBenefit(
            benefit_code="CONTENTS",
            benefit_name="Household contents",
            benefit_type_code="PROPERTY_DAMAGE",
            is_main=True,
            rate_table_id=table.id,
            object_kind=ObjectKind.CONTENTS,
            excess_amount=Decimal(1_000),
        ),
        now=now,
    )
    services.launch_product(product.id, now=now)
    return product.id
