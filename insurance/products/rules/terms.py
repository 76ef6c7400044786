"""What a product promises, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from insurance.core.money import ZERO, to_cents
from insurance.products.rules.objects import insures_persons, level_range, object_kinds
from insurance.products.rules.rates import RateTable

MONTHS_PER_PREMIUM = {"MONTHLY": 1, "QUARTERLY": 3, "HALF_YEARLY": 6, "ANNUAL": 12}
MAIN_MEMBER = "MAIN_MEMBER"
EVERY_LIFE = "ALL"
STILLBIRTH = "STILLBIRTH"
INSURE_NO_LIFE = ("PREMIUM_WAIVER", STILLBIRTH)
"""Benefit types whose sum is on nobody's life: premiums waived, and a child that was born dead."""
SUM_INSURED = "SUM_INSURED"
HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class BenefitTerms:
    """One benefit and its price. `rate_table` None means `flat_premium` a month.

    `object_kind` is the kind of thing it insures, None for every object of the policy. The excess
    is what the policyholder bears of each claim: an amount, or per cent of the loss if that is
    more.
    """

    code: str
    name: str
    benefit_type: str
    amount_type: str = "SUM_INSURED"
    default_amount: Decimal | None = None
    max_amount: Decimal | None = None
    waiting_period_days: int = 0
    is_mandatory: bool = True
    is_main: bool = False
    member_role: str = MAIN_MEMBER
    rate_basis: str = "PER_MILLE"
    rate_table: RateTable | None = None
    flat_premium: Decimal | None = None
    per_policy: bool = False
    object_kind: str | None = None
    excess_amount: Decimal = Decimal(0)
    excess_per_cent: Decimal = Decimal(0)

    def insures(self, kind: str) -> bool:
        """Tell whether it covers objects of a kind."""
        return self.object_kind in (None, kind)

    @property
    def has_price(self) -> bool:
        """Tell whether the benefit carries a price of its own."""
        return self.rate_table is not None or self.flat_premium is not None

    @property
    def pays_sum_assured(self) -> bool:
        """Tell whether it pays the sum that is asked for, neither fixed nor a part of another."""
        return self.amount_type == SUM_INSURED and self.benefit_type not in INSURE_NO_LIFE

    @property
    def follows_headline(self) -> bool:
        """Tell whether its cover is a share or a multiple of the headline cover."""
        return self.amount_type in ("PERCENTAGE", "MULTIPLE")

    def cover_for(self, headline: Decimal) -> Decimal:
        """Return what the benefit insures for a headline cover, in rand, rounded to the cent.

        Percentages are 100 and multiples 1 where no amount is stated.
        """
        if self.amount_type == "FIXED":
            return self.default_amount or ZERO
        if self.amount_type == "PERCENTAGE":
            share = HUNDRED if self.default_amount is None else self.default_amount
            return to_cents(headline * share / HUNDRED)
        if self.amount_type == "MULTIPLE":
            times = Decimal(1) if self.default_amount is None else self.default_amount
            return to_cents(headline * times)
        return headline


def main_benefit(benefits: Sequence[BenefitTerms]) -> BenefitTerms | None:
    """Return the benefit whose sum assured is the headline cover, None among none.

    The marked one; where none is marked the first that every policy has, on the main member
    before other lives, and one that pays the sum assured before one of a fixed amount. A waiver of
    premium and a share of the headline come last.
    """
    return min(benefits, key=_main_rank, default=None)


def _main_rank(benefit: BenefitTerms) -> tuple[bool, bool, bool, bool, bool, bool]:
    return (
        not benefit.is_main,
        not benefit.is_mandatory,
        benefit.benefit_type in INSURE_NO_LIFE,
        benefit.follows_headline,
        benefit.member_role not in (MAIN_MEMBER, EVERY_LIFE),
        not benefit.pays_sum_assured,
    )


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
    role_ages: Mapping[str, tuple[int | None, int | None]] = field(default_factory=dict)
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
    main_death: str = "BY_CLASS"
    premium_free_months: int = 0
    newborn_cover_days: int = 0

    def entry_ages(self, role: str) -> tuple[int | None, int | None]:
        """Return the youngest and the oldest age at which a life of a role joins, last birthday."""
        if role == MAIN_MEMBER:
            return self.min_entry_age, self.max_entry_age
        return self.role_ages.get(role, (None, None))

    def covers_from_birth(self, role: str, born: date | None, starts: date, told: date) -> bool:
        """Tell whether a child is covered from birth without an application of its own.

        Its cover starts on the day it was born, and that is told within the days of the version.
        """
        if role != "CHILD" or born is None or starts != born or not self.newborn_cover_days:
            return False
        return 0 <= (told - born).days <= self.newborn_cover_days

    def age_problem(self, role: str, age: int | None) -> str | None:
        """Return in words why a life of a role cannot join at an age, None where it can."""
        low, high = self.entry_ages(role)
        if low is None and high is None:
            return None
        who = role.replace("_", " ").lower()
        if age is None:
            return f"Enter the age or the date of birth of the {who}."
        if (low is not None and age < low) or (high is not None and age > high):
            upper = "any" if high is None else high
            return f"A {who} joins at age {low or 0} to {upper}; this is {age}."
        return None

    @property
    def uses_own_rates(self) -> bool:
        """Tell whether the product's own rates or base premium price the headline cover.

        They do unless each benefit is to carry its price, or one that pays the sum assured does.
        """
        return self.pricing_method != "BENEFIT_LEVEL" and self.priced_on_its_own is None

    @property
    def priced_on_its_own(self) -> BenefitTerms | None:
        """Return the benefit that pays the sum assured at a price of its own, None without one."""
        return next(
            (
                benefit
                for benefit in self.benefits
                if benefit.pays_sum_assured and benefit.has_price
            ),
            None,
        )

    @property
    def object_kinds(self) -> tuple[str, ...]:
        """Return the kinds of things this product insures; none where it insures persons."""
        kinds = object_kinds(self.class_code)
        named = {benefit.object_kind for benefit in self.priced_benefits}
        return kinds if None in named else tuple(kind for kind in kinds if kind in named)

    def excess(self, code: str) -> tuple[Decimal, Decimal]:
        """Return a benefit's excess: rand, and per cent of the loss where that is more."""
        found = next((benefit for benefit in self.priced_benefits if benefit.code == code), None)
        if found is None:
            return Decimal("0.00"), Decimal(0)
        return found.excess_amount, found.excess_per_cent

    @property
    def factor_levels(self) -> dict[str, tuple[str, ...]]:
        """Return the values that the rates know of each factor, ranges of numbers left out."""
        found: dict[str, set[str]] = {}
        tables = [
            benefit.rate_table for benefit in self.priced_benefits if benefit.rate_table is not None
        ]
        for table in tables:
            for name in table.rating_factors:
                levels = {level for level in table.levels(name) if level_range(level) is None}
                found.setdefault(name, set()).update(levels)
        return {name: tuple(sorted(levels)) for name, levels in found.items()}

    @property
    def insures_persons(self) -> bool:
        """Tell whether lives are insured."""
        return insures_persons(self.category, self.class_code)

    @property
    def priced_benefits(self) -> tuple[BenefitTerms, ...]:
        """Return the benefits to price.

        The product's own rates price the benefit that pays the sum assured; where it has none,
        they price one made from the product's own terms, and the other benefits come on top.
        """
        if not self.uses_own_rates:
            return self.benefits
        own = self._own_price()
        open_ones = [benefit for benefit in self.benefits if benefit.pays_sum_assured]
        if (taker := main_benefit(open_ones)) is not None:
            return tuple(
                replace(benefit, **own) if benefit is taker else benefit
                for benefit in self.benefits
            )
        codes = {benefit.code for benefit in self.benefits}
        made = BenefitTerms(
            code=next(code for code in _MADE_CODES if code not in codes),
            name=self.product_name,
            benefit_type=_MAIN_TYPES.get(self.class_code, "PROPERTY_DAMAGE"),
            waiting_period_days=self.waiting_period_days,
            is_main=not any(benefit.is_main for benefit in self.benefits),
            **own,
        )
        return (made, *self.benefits)

    def _own_price(self) -> dict[str, Any]:
        if self.pricing_method == "FLAT":
            return {"flat_premium": self.base_premium, "rate_basis": "FLAT_AMOUNT"}
        basis = self.rate_table.basis if self.rate_table else "FLAT_AMOUNT"
        return {"rate_table": self.rate_table, "rate_basis": basis}

    @property
    def main_benefit(self) -> BenefitTerms | None:
        """Return the benefit whose sum assured is the headline cover of a policy."""
        return main_benefit(self.priced_benefits)


_MADE_CODES = ("MAIN", *(f"MAIN_{number}" for number in range(2, 1_000)))
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
