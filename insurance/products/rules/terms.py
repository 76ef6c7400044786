"""What a product promises, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from insurance.products.rules.rates import RateTable

MONTHS_PER_PREMIUM = {"MONTHLY": 1, "QUARTERLY": 3, "HALF_YEARLY": 6, "ANNUAL": 12}
MAIN_MEMBER = "MAIN_MEMBER"
EVERY_LIFE = "ALL"


@dataclass(frozen=True, slots=True)
class BenefitTerms:
    """One benefit and its price. `rate_table` None means `flat_premium` a month."""

    code: str
    name: str
    benefit_type: str
    amount_type: str = "SUM_INSURED"
    default_amount: Decimal | None = None
    max_amount: Decimal | None = None
    waiting_period_days: int = 0
    is_mandatory: bool = True
    member_role: str = MAIN_MEMBER
    rate_basis: str = "PER_MILLE"
    rate_table: RateTable | None = None
    flat_premium: Decimal | None = None
    per_policy: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What a quote for this product must answer before it can be saved, or may."""

    code: str
    label: str
    field_type: str = "TEXT"
    is_required: bool = True
    options: tuple[str, ...] = ()
    min_value: Decimal | None = None
    max_value: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ProductTerms:
    """Everything pricing needs to know of one product version."""

    version_id: UUID
    product_id: UUID
    product_name: str
    class_code: str
    category: str
    pricing_method: str
    benefits: tuple[BenefitTerms, ...] = ()
    questions: tuple[Question, ...] = ()
    base_premium: Decimal | None = None
    rate_table: RateTable | None = None
    coverage_amount: Decimal | None = None
    min_entry_age: int | None = None
    max_entry_age: int | None = None
    min_sum_assured: Decimal | None = None
    max_sum_assured: Decimal | None = None
    waiting_period_days: int = 0
    term_type: str = "FIXED_TERM"
    default_term_years: int = 20
    modal_loadings: Mapping[str, Decimal] = field(default_factory=dict)
    quote_valid_days: int = 30
    backdating_limit_days: int = 30
    pro_rata_method: str = "ACTUAL_DAYS"
    cancellation_basis: str = "PRO_RATA"
    short_rate_per_cent: Decimal = Decimal(90)

    @property
    def priced_benefits(self) -> tuple[BenefitTerms, ...]:
        """Return the benefits to price; a simple product has one, made from its own terms."""
        if self.pricing_method == "BENEFIT_LEVEL":
            return self.benefits
        main = BenefitTerms(
            code="MAIN",
            name=self.product_name,
            benefit_type=_MAIN_TYPES.get(self.class_code, "PROPERTY_DAMAGE"),
            waiting_period_days=self.waiting_period_days,
            rate_table=self.rate_table if self.pricing_method == "RATE_TABLE" else None,
            rate_basis=self.rate_table.basis if self.rate_table else "FLAT_AMOUNT",
            flat_premium=self.base_premium if self.pricing_method == "FLAT" else None,
        )
        return self.benefits or (main,)


_MAIN_TYPES = {
    "RISK": "DEATH",
    "FUND_RISK": "DEATH",
    "CREDIT_LIFE": "DEATH",
    "FUNERAL": "FUNERAL",
    "LIFE_ANNUITIES": "ANNUITY_INCOME",
    "INDIVIDUAL_INVESTMENT": "MATURITY",
    "LEGAL_EXPENSE": "LEGAL_EXPENSES",
    "LIABILITY": "THIRD_PARTY_LIABILITY",
    "CONSUMER_CREDIT": "CREDIT_DEFAULT",
    "TRADE_CREDIT": "CREDIT_DEFAULT",
    "GUARANTEE": "CREDIT_DEFAULT",
    "ACCIDENT_HEALTH": "ACCIDENTAL_DEATH",
    "TRAVEL": "MEDICAL_EXPENSES",
}
