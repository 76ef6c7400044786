"""What a caller may say about products: the inputs of the commands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from insurance.products.models import (
    AmountType,
    BenefitRateBasis,
    CancellationBasis,
    FieldType,
    MainDeath,
    MemberRole,
    ObjectKind,
    PricingMethod,
    ProjectionType,
    ProRataMethod,
    RateBasis,
    RateMethod,
    TargetMarket,
    TermType,
)


class EditMode(StrEnum):
    """Where an edit of the terms goes.

    AUTO changes the draft, or clones the launched version into a new draft where there is none.
    CLONE always starts a new draft; IN_PLACE only ever changes a draft.
    """

    AUTO = "AUTO"
    CLONE = "CLONE"
    IN_PLACE = "IN_PLACE"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRate:
    """One rate of a table. A factor that is left out matches every level.

    `line` is where it stands in the sheet that it was read from.
    """

    rate: Decimal
    age_from: int | None = None
    age_to: int | None = None
    gender: str = "UNISEX"
    factors: Mapping[str, str] = field(default_factory=dict)
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRelativity:
    """The multiplier of one level of a factor."""

    factor: str
    level: str
    relativity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRateTable:
    """A rate table to be made. A known code makes its next version."""

    table_code: str
    table_name: str
    rate_basis: RateBasis
    method: RateMethod = RateMethod.MATRIX
    rating_factors: Sequence[str] = ()
    base_rate: Decimal | None = None
    entries: Sequence[NewRate] = ()
    relativities: Sequence[NewRelativity] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of a version."""

    pricing_method: PricingMethod = PricingMethod.BENEFIT_LEVEL
    base_premium: Decimal | None = None
    rate_table_id: UUID | None = None
    coverage_amount: Decimal | None = None
    min_entry_age: int | None = None
    max_entry_age: int | None = None
    role_ages: Mapping[str, Any] = field(default_factory=dict)
    min_sum_assured: Decimal | None = None
    max_sum_assured: Decimal | None = None
    waiting_period_days: int = 0
    term_type: TermType = TermType.FIXED_TERM
    default_term_years: int = 20
    premium_projection_type: ProjectionType = ProjectionType.LEVEL
    quote_valid_days: int = 30
    backdating_limit_days: int = 30
    pro_rata_method: ProRataMethod = ProRataMethod.ACTUAL_DAYS
    cancellation_basis: CancellationBasis = CancellationBasis.PRO_RATA
    short_rate_per_cent: Decimal = Decimal(90)
    main_death: MainDeath = MainDeath.BY_CLASS
    premium_free_months: int = 0
    newborn_cover_days: int = 0
    modal_loadings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProduct:
    """A product to be made. Its rate rows become a table that prices the whole version."""

    name: str
    slug: str = ""
    description: str = ""
    product_type: str = ""
    class_code: str = ""
    category_id: UUID | None = None
    terms: Terms = field(default_factory=Terms)
    rate_rows: Sequence[NewRate] = ()
    is_active: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBenefit:
    """A benefit to be added. Its type is named by code or by id."""

    benefit_code: str
    benefit_name: str
    benefit_type_code: str = ""
    benefit_type_id: UUID | None = None
    benefit_amount_type: AmountType = AmountType.SUM_INSURED
    default_amount: Decimal | None = None
    max_amount: Decimal | None = None
    waiting_period_days: int = 0
    is_mandatory: bool = True
    is_main: bool = False
    display_order: int = 1
    member_role: MemberRole = MemberRole.MAIN_MEMBER
    rate_table_id: UUID | None = None
    rate_basis: BenefitRateBasis | None = None
    flat_premium: Decimal | None = None
    per_policy: bool = False
    object_kind: ObjectKind | None = None
    excess_amount: Decimal = Decimal(0)
    excess_per_cent: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInceptionRule:
    """An answer that quotes must carry, or may."""

    field_code: str
    label: str
    field_type: FieldType
    is_required: bool = True
    options: Sequence[str] = ()
    min_value: Decimal | None = None
    max_value: Decimal | None = None
    display_order: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCategory:
    """A product category to be made. Its class is named by code or by id."""

    category_code: str
    category_name: str
    class_code: str = ""
    product_class_id: UUID | None = None
    description: str = ""
    target_market: TargetMarket = TargetMarket.RETAIL


HEADER_FIELDS = frozenset(
    {"name", "slug", "description", "product_type", "class_code", "category_id"}
)
TERM_FIELDS = frozenset(Terms.__dataclass_fields__)
