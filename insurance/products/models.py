"""Products in versions, with benefits, rate tables and inception rules."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import Rate, TenantRecord, tenant_key


class ProductStatus(StrEnum):
    """The life of a product and of each of its versions."""

    DRAFT = "draft"
    LAUNCHED = "launched"
    WITHDRAWN = "withdrawn"


class VersionStatus(StrEnum):
    """A launched version is immutable; the next launch supersedes it."""

    DRAFT = "draft"
    LAUNCHED = "launched"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


class TargetMarket(StrEnum):
    """Whom a category is sold to."""

    RETAIL = "RETAIL"
    CORPORATE = "CORPORATE"


class PricingMethod(StrEnum):
    """Where the price comes from: each benefit, one amount, or one table on the version."""

    BENEFIT_LEVEL = "BENEFIT_LEVEL"
    FLAT = "FLAT"
    RATE_TABLE = "RATE_TABLE"


class ProRataMethod(StrEnum):
    """How a change inside a premium period is charged for the rest of it."""

    ACTUAL_DAYS = "ACTUAL_DAYS"
    MONTHS = "MONTHS"
    NONE = "NONE"


class CancellationBasis(StrEnum):
    """What is given back of the premium of the days without cover."""

    PRO_RATA = "PRO_RATA"
    SHORT_RATE = "SHORT_RATE"
    FLAT = "FLAT"


class MainDeath(StrEnum):
    """What the death of the main member does to a policy.

    BY_CLASS: a funeral policy goes on for the lives that are left, any other ends.
    """

    BY_CLASS = "BY_CLASS"
    END = "END"
    CONTINUE = "CONTINUE"
    PREMIUM_FREE = "PREMIUM_FREE"


class TermType(StrEnum):
    """A number of years, or as long as the person lives."""

    FIXED_TERM = "FIXED_TERM"
    WHOLE_OF_LIFE = "WHOLE_OF_LIFE"


class ProjectionType(StrEnum):
    """How a premium moves over the years."""

    LEVEL = "LEVEL"
    INDEXED = "INDEXED"
    STEPPED = "STEPPED"
    REVIEWABLE = "REVIEWABLE"


class RateBasis(StrEnum):
    """What a rate is multiplied by: per thousand or per hundred of the sum assured, or nothing."""

    PER_MILLE = "PER_MILLE"
    PER_CENT = "PER_CENT"
    FLAT = "FLAT"


class BenefitRateBasis(StrEnum):
    """The basis as a benefit states it."""

    PER_MILLE = "PER_MILLE"
    PER_CENT = "PER_CENT"
    FLAT_AMOUNT = "FLAT_AMOUNT"


class RateMethod(StrEnum):
    """One rate per combination of factors, or a base rate times a relativity per factor."""

    MATRIX = "MATRIX"
    MULTIPLICATIVE = "MULTIPLICATIVE"


class AmountType(StrEnum):
    """How a benefit's sum assured follows from the headline amount."""

    SUM_INSURED = "SUM_INSURED"
    FIXED = "FIXED"
    PERCENTAGE = "PERCENTAGE"
    MULTIPLE = "MULTIPLE"


class MemberRole(StrEnum):
    """Who is insured by a benefit."""

    MAIN_MEMBER = "MAIN_MEMBER"
    SPOUSE = "SPOUSE"
    CHILD = "CHILD"
    PARENT = "PARENT"
    EXTENDED = "EXTENDED"
    ALL = "ALL"


class ObjectKind(StrEnum):
    """What kind of thing a benefit insures."""

    VEHICLE = "VEHICLE"
    BUILDING = "BUILDING"
    CONTENTS = "CONTENTS"
    ALL_RISKS = "ALL_RISKS"


class FieldType(StrEnum):
    """What an inception rule asks for."""

    TEXT = "TEXT"
    NUMBER = "NUMBER"
    DATE = "DATE"
    CHOICE = "CHOICE"
    YES_NO = "YES_NO"


class ProductCategory(TenantRecord):
    """A tenant's own grouping of products under a class."""

    __tablename__ = "product_categories"
    __table_args__ = (
        UniqueConstraint("org_id", "category_code"),
        Index("product_categories_class_ix", "org_id", "class_code"),
    )

    class_code: Mapped[str] = mapped_column(ForeignKey("ins.product_classes.code"))
    category_code: Mapped[str]
    category_name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    target_market: Mapped[TargetMarket]
    created_at: Mapped[datetime]


class Product(TenantRecord):
    """A product. `version` counts edits of it and of its terms, which live in its versions."""

    __tablename__ = "products"
    __table_args__ = (
        UniqueConstraint("org_id", "slug"),
        Index("products_status_ix", "org_id", "status", "name"),
        Index("products_category_ix", "org_id", "category_id"),
        Index("products_class_ix", "org_id", "class_code"),
        tenant_key("product_categories", "category_id"),
    )

    name: Mapped[str]
    slug: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    class_code: Mapped[str] = mapped_column(ForeignKey("ins.product_classes.code"))
    category_id: Mapped[UUID | None]
    product_type: Mapped[str]
    status: Mapped[ProductStatus]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ProductVersion(TenantRecord):
    """The terms of a product from one launch to the next; `drafted_by` are those who wrote them."""

    __tablename__ = "product_versions"
    __table_args__ = (
        UniqueConstraint("org_id", "product_id", "number", name="product_versions_number_key"),
        Index(
            "product_versions_launched_key",
            "org_id",
            "product_id",
            unique=True,
            postgresql_where=text("status = 'launched'"),
        ),
        Index(
            "product_versions_draft_key",
            "org_id",
            "product_id",
            unique=True,
            postgresql_where=text("status = 'draft'"),
        ),
        Index("product_versions_rate_table_ix", "org_id", "rate_table_id"),
        tenant_key("products", "product_id", ondelete="CASCADE"),
        tenant_key("rate_tables", "rate_table_id"),
        CheckConstraint("min_entry_age <= max_entry_age", name="entry_ages"),
        CheckConstraint("min_sum_assured <= max_sum_assured", name="sums_assured"),
    )

    product_id: Mapped[UUID]
    number: Mapped[int]
    status: Mapped[VersionStatus]
    pricing_method: Mapped[PricingMethod]
    base_premium: Mapped[Decimal | None]
    rate_table_id: Mapped[UUID | None]
    coverage_amount: Mapped[Decimal | None]
    min_entry_age: Mapped[int | None]
    max_entry_age: Mapped[int | None]
    role_ages: Mapped[dict[str, Any]] = mapped_column(
        default=dict, server_default=text("'{}'::jsonb")
    )
    min_sum_assured: Mapped[Decimal | None]
    max_sum_assured: Mapped[Decimal | None]
    waiting_period_days: Mapped[int] = mapped_column(default=0)
    term_type: Mapped[TermType]
    default_term_years: Mapped[int]
    premium_projection_type: Mapped[ProjectionType]
    quote_valid_days: Mapped[int] = mapped_column(default=30)
    backdating_limit_days: Mapped[int] = mapped_column(default=30)
    pro_rata_method: Mapped[ProRataMethod] = mapped_column(
        default=ProRataMethod.ACTUAL_DAYS, server_default=ProRataMethod.ACTUAL_DAYS.value
    )
    cancellation_basis: Mapped[CancellationBasis] = mapped_column(
        default=CancellationBasis.PRO_RATA, server_default=CancellationBasis.PRO_RATA.value
    )
    short_rate_per_cent: Mapped[Decimal] = mapped_column(Rate, default=90, server_default="90")
    modal_loadings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    main_death: Mapped[MainDeath] = mapped_column(
        default=MainDeath.BY_CLASS, server_default=MainDeath.BY_CLASS.value
    )
    premium_free_months: Mapped[int] = mapped_column(default=0, server_default="0")
    newborn_cover_days: Mapped[int] = mapped_column(default=0, server_default="0")
    drafted_by: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime]
    launched_at: Mapped[datetime | None]


class RateTable(TenantRecord):
    """Rates under a code; a new upload is a new version and never touches the old one."""

    __tablename__ = "rate_tables"
    __table_args__ = (UniqueConstraint("org_id", "table_code", "version"),)

    table_code: Mapped[str]
    table_name: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    rate_basis: Mapped[RateBasis]
    method: Mapped[RateMethod]
    rating_factors: Mapped[list[Any]]
    base_rate: Mapped[Decimal | None] = mapped_column(Rate)
    made_by: Mapped[UUID | None]
    created_at: Mapped[datetime]


class RateTableEntry(TenantRecord):
    """One rate of a MATRIX table. `factors` maps every declared factor to its level."""

    __tablename__ = "rate_table_entries"
    __table_args__ = (
        Index("rate_table_entries_table_ix", "org_id", "rate_table_id", "age_from"),
        tenant_key("rate_tables", "rate_table_id", ondelete="CASCADE"),
        CheckConstraint("age_from <= age_to", name="ages"),
        CheckConstraint("rate >= 0", name="rate"),
    )

    rate_table_id: Mapped[UUID]
    age_from: Mapped[int | None]
    age_to: Mapped[int | None]
    gender: Mapped[str]
    factors: Mapped[dict[str, Any]]
    rate: Mapped[Decimal] = mapped_column(Rate)


class RateRelativity(TenantRecord):
    """The multiplier of one level of one factor of a MULTIPLICATIVE table."""

    __tablename__ = "rate_relativities"
    __table_args__ = (
        UniqueConstraint(
            "org_id", "rate_table_id", "factor", "level", name="rate_relativities_level_key"
        ),
        tenant_key("rate_tables", "rate_table_id", ondelete="CASCADE"),
        CheckConstraint("relativity > 0", name="relativity"),
    )

    rate_table_id: Mapped[UUID]
    factor: Mapped[str]
    level: Mapped[str]
    relativity: Mapped[Decimal] = mapped_column(Rate)


class ProductBenefit(TenantRecord):
    """One benefit of a product version, with its own price. `version` counts its edits.

    The sum assured of the main benefit is the headline cover of a policy. `object_kind` is the kind
    of thing it insures; without one it covers every object of a policy. The excess is what the
    policyholder bears of each claim: an amount in rand, or per cent of the loss where that is more.
    """

    __tablename__ = "product_benefits"
    __table_args__ = (
        UniqueConstraint(
            "org_id", "product_version_id", "benefit_code", name="product_benefits_code_key"
        ),
        Index(
            "product_benefits_main_key",
            "org_id",
            "product_version_id",
            unique=True,
            postgresql_where=text("is_main"),
        ),
        Index("product_benefits_rate_table_ix", "org_id", "rate_table_id"),
        Index("product_benefits_type_ix", "org_id", "benefit_type_code"),
        tenant_key("product_versions", "product_version_id", ondelete="CASCADE"),
        tenant_key("rate_tables", "rate_table_id"),
        CheckConstraint("excess_amount >= 0", name="excess_amount"),
        CheckConstraint("excess_per_cent BETWEEN 0 AND 100", name="excess_per_cent"),
    )

    product_version_id: Mapped[UUID]
    benefit_code: Mapped[str]
    benefit_name: Mapped[str]
    benefit_type_code: Mapped[str] = mapped_column(ForeignKey("ins.benefit_types.code"))
    benefit_amount_type: Mapped[AmountType]
    default_amount: Mapped[Decimal | None]
    max_amount: Mapped[Decimal | None]
    waiting_period_days: Mapped[int] = mapped_column(default=0)
    is_mandatory: Mapped[bool] = mapped_column(default=True)
    is_main: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    display_order: Mapped[int] = mapped_column(default=1)
    member_role: Mapped[MemberRole]
    rate_table_id: Mapped[UUID | None]
    rate_basis: Mapped[BenefitRateBasis]
    flat_premium: Mapped[Decimal | None]
    per_policy: Mapped[bool] = mapped_column(default=False)
    object_kind: Mapped[ObjectKind | None]
    excess_amount: Mapped[Decimal] = mapped_column(default=0, server_default="0")
    excess_per_cent: Mapped[Decimal] = mapped_column(Rate, default=0, server_default="0")
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class InceptionRule(TenantRecord):
    """An answer that a quote must carry, or may. `version` counts edits of this rule."""

    __tablename__ = "inception_rules"
    __table_args__ = (
        UniqueConstraint(
            "org_id", "product_version_id", "field_code", name="inception_rules_field_key"
        ),
        tenant_key("product_versions", "product_version_id", ondelete="CASCADE"),
    )

    product_version_id: Mapped[UUID]
    field_code: Mapped[str]
    label: Mapped[str]
    field_type: Mapped[FieldType]
    is_required: Mapped[bool] = mapped_column(default=True)
    options: Mapped[list[Any]] = mapped_column(default=list)
    min_value: Mapped[Decimal | None]
    max_value: Mapped[Decimal | None]
    display_order: Mapped[int] = mapped_column(default=1)
    version: Mapped[int] = mapped_column(default=1, server_default="1")
