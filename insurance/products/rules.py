"""What a product promises, as plain values, and the checks it must pass before it is sold."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from insurance.core.errors import DomainError
from insurance.core.money import format_money

UNISEX = "UNISEX"
GENDERS = ("MALE", "FEMALE", UNISEX)
MAX_AGE = 120
KNOWN_FACTORS = ("rating_zone", "occupation_class", "vehicle_group", "smoker_status")
MONTHS_PER_PREMIUM = {"MONTHLY": 1, "QUARTERLY": 3, "HALF_YEARLY": 6, "ANNUAL": 12}

Factors = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RateRow:
    """One rate. Ages are inclusive, last birthday; None means every age."""

    rate: Decimal
    age_from: int | None = None
    age_to: int | None = None
    gender: str = UNISEX
    factors: Factors = ()

    @property
    def ages(self) -> tuple[int, int]:
        """Return the first and the last age."""
        return (
            0 if self.age_from is None else self.age_from,
            MAX_AGE if self.age_to is None else self.age_to,
        )

    def __str__(self) -> str:
        first, last = self.ages
        ages = "all ages" if self.age_from is None and self.age_to is None else f"{first}–{last}"
        return ", ".join([ages, self.gender, *(f"{name} {level}" for name, level in self.factors)])


@dataclass(frozen=True, slots=True)
class RateTable:
    """Rates on a basis, for the factors it declares. Immutable, with its look-up prepared.

    MATRIX: one row per combination of age, gender and factors. MULTIPLICATIVE: `base_rate` times
    the relativity of each factor's level.
    """

    id: UUID
    code: str
    name: str
    version: int
    basis: str
    method: str
    factors: tuple[str, ...]
    rows: tuple[RateRow, ...] = ()
    base_rate: Decimal | None = None
    relativities: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    _bands: dict[tuple[str, Factors], tuple[list[int], list[RateRow]]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        grouped: dict[tuple[str, Factors], list[RateRow]] = defaultdict(list)
        for row in self.rows:
            grouped[(row.gender, row.factors)].append(row)
        for key, rows in grouped.items():
            rows.sort(key=lambda row: row.ages)
            self._bands[key] = ([row.ages[0] for row in rows], rows)

    @property
    def rating_factors(self) -> tuple[str, ...]:
        """Return the factors a quote must answer; age and gender come from the person."""
        return tuple(name for name in self.factors if name not in ("age", "gender"))

    def levels(self, factor: str) -> list[str]:
        """Return the values a factor may take."""
        if self.method == "MULTIPLICATIVE":
            return sorted(self.relativities.get(factor, {}))
        return sorted({level for row in self.rows for name, level in row.factors if name == factor})

    def find_row(self, age: int | None, gender: str | None, factors: Factors) -> RateRow | None:
        """Return the row for an age last birthday, gender (an exact match first) and factors."""
        for wanted in dict.fromkeys((gender or UNISEX, UNISEX)):
            starts, rows = self._bands.get((wanted, factors), ((), ()))
            at = bisect_right(starts, 0 if age is None else age) - 1
            if at >= 0:
                row = rows[at]
                is_every_age = row.age_from is None and row.age_to is None
                if is_every_age or (age is not None and age <= row.ages[1]):
                    return row
        return None


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
    member_role: str = "MAIN_MEMBER"
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


def conflicting_rows(rows: Sequence[RateRow]) -> list[tuple[int, int]]:
    """Return the index pairs of rows that match some person equally well."""
    grouped: dict[tuple[str, Factors], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        grouped[(row.gender, row.factors)].append(index)
    conflicts = []
    for indexes in grouped.values():
        indexes.sort(key=lambda index: rows[index].ages)
        for earlier, later in zip(indexes, indexes[1:], strict=False):
            if rows[later].ages[0] <= rows[earlier].ages[1]:
                conflicts.append((min(earlier, later), max(earlier, later)))
    return conflicts


def check_rate_table(table: RateTable) -> list[DomainError]:
    """Return what is wrong with a table by itself: empty, overlapping, incomplete rows."""
    if table.method == "MULTIPLICATIVE":
        return _check_multiplicative(table)
    problems = [] if table.rows else [DomainError("A rate table needs a row.", field="entries")]
    names = set(table.rating_factors)
    for index, row in enumerate(table.rows):
        if {name for name, _level in row.factors} != names:
            problems.append(
                DomainError(
                    f"Row {index + 1} must state {_list(sorted(names)) or 'no factor'}.",
                    field=f"entries.{index}",
                )
            )
    for first, second in conflicting_rows(table.rows):
        problems.append(
            DomainError(
                f"Rows {first + 1} and {second + 1} match the same person: {table.rows[second]}.",
                field=f"entries.{second}",
            )
        )
    return problems


def _check_multiplicative(table: RateTable) -> list[DomainError]:
    problems = []
    if table.base_rate is None:
        problems.append(DomainError("Enter the base rate.", field="base_rate"))
    for name in table.rating_factors:
        if not table.relativities.get(name):
            problems.append(
                DomainError(f"{name} has no relativities.", field=f"relativities.{name}")
            )
    return problems


def coverage_gaps(table: RateTable, min_age: int, max_age: int) -> list[str]:
    """Return in words where a MATRIX table has no rate for an entry age, per combination."""
    if table.method == "MULTIPLICATIVE":
        return []
    gaps = []
    combinations = sorted({row.factors for row in table.rows})
    genders = sorted({row.gender for row in table.rows})
    wanted = ["MALE", "FEMALE"] if set(genders) - {UNISEX} else [UNISEX]
    for factors in combinations:
        for gender in wanted:
            missing = [
                age
                for age in range(min_age, max_age + 1)
                if table.find_row(age, gender, factors) is None
            ]
            if missing:
                where = ", ".join([gender, *(f"{name} {level}" for name, level in factors)])
                gaps.append(f"{_ranges(missing)} ({where})")
    return gaps


def max_waiting_days(class_code: str, term_type: str, term_years: int) -> int | None:
    """Return the longest waiting period for natural causes, or None where the contract decides.

    FUNERAL: the shorter of a quarter of the term and six months (LT PPR rule 2A); six months
    count as 183 days.
    """
    if class_code != "FUNERAL":
        return None
    six_months = 183
    return six_months if term_type == "WHOLE_OF_LIFE" else min(six_months, term_years * 365 // 4)


@dataclass(frozen=True, slots=True)
class LaunchFacts:
    """What the launch checks need beyond the product itself."""

    licensed_classes: frozenset[str]
    allowed_benefit_types: frozenset[str]
    funeral_cover_cap: Decimal


@dataclass(frozen=True, slots=True)
class LaunchCheck:
    """One check: what was looked at, and what failed (empty when it holds)."""

    code: str
    title: str
    problems: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether the check holds."""
        return not self.problems


def launch_checks(terms: ProductTerms, facts: LaunchFacts) -> list[LaunchCheck]:
    """Return every check a product must pass before it is sold."""
    return [
        LaunchCheck("benefits", "At least one benefit", tuple(_benefit_problems(terms))),
        LaunchCheck("rates", "Every rate is bound and complete", tuple(_rate_problems(terms))),
        LaunchCheck("class", "The class is licensed", tuple(_class_problems(terms, facts))),
        LaunchCheck(
            "benefit_types",
            "Benefit types belong to the class",
            tuple(_type_problems(terms, facts)),
        ),
        LaunchCheck(
            "waiting", "Waiting periods are within the law", tuple(_waiting_problems(terms))
        ),
        LaunchCheck(
            "limits", "Ages and sums assured are limited", tuple(_limit_problems(terms, facts))
        ),
    ]


def launch_problems(terms: ProductTerms, facts: LaunchFacts) -> list[DomainError]:
    """Return the failed checks as refusals."""
    return [
        DomainError(problem, field=check.code)
        for check in launch_checks(terms, facts)
        for problem in check.problems
    ]


def _benefit_problems(terms: ProductTerms) -> Iterable[str]:
    if terms.pricing_method == "BENEFIT_LEVEL" and not terms.benefits:
        yield "Add at least one benefit."
    if terms.pricing_method == "FLAT" and terms.base_premium is None:
        yield "Enter the base premium."
    if terms.pricing_method == "RATE_TABLE" and terms.rate_table is None:
        yield "Enter the rate table."


def _rate_problems(terms: ProductTerms) -> Iterable[str]:
    for benefit in terms.priced_benefits:
        table = benefit.rate_table
        if table is None:
            if benefit.flat_premium is None:
                yield f"{benefit.name}: bind a rate table or enter a flat premium."
            continue
        yield from (f"{benefit.name}: {problem.message}" for problem in check_rate_table(table))
        if "age" in table.factors or any(row.age_from is not None for row in table.rows):
            if terms.min_entry_age is None or terms.max_entry_age is None:
                yield f"{benefit.name}: its rates depend on age, so entry ages must be set."
            elif gaps := coverage_gaps(table, terms.min_entry_age, terms.max_entry_age):
                yield f"{benefit.name}: no rate for ages {'; '.join(gaps[:3])}."


def _class_problems(terms: ProductTerms, facts: LaunchFacts) -> Iterable[str]:
    if terms.class_code not in facts.licensed_classes:
        yield f"The organization is not licensed for {terms.class_code}."


def _type_problems(terms: ProductTerms, facts: LaunchFacts) -> Iterable[str]:
    for benefit in terms.priced_benefits:
        if benefit.benefit_type not in facts.allowed_benefit_types:
            yield f"{benefit.name}: {benefit.benefit_type} is not allowed in {terms.class_code}."


def _waiting_problems(terms: ProductTerms) -> Iterable[str]:
    most = max_waiting_days(terms.class_code, terms.term_type, terms.default_term_years)
    for benefit in terms.priced_benefits:
        if most is not None and benefit.waiting_period_days > most:
            yield (
                f"{benefit.name}: waits {benefit.waiting_period_days} days; the law allows {most}."
            )


def _limit_problems(terms: ProductTerms, facts: LaunchFacts) -> Iterable[str]:
    if terms.category == "LIFE" and (terms.min_entry_age is None or terms.max_entry_age is None):
        yield "Set the youngest and the oldest entry age."
    if terms.class_code != "FUNERAL":
        return
    cap = facts.funeral_cover_cap
    if terms.max_sum_assured is None:
        yield f"Set the largest sum assured; funeral cover is at most {format_money(cap)} a life."
    fixed = [part.default_amount for part in terms.benefits if part.amount_type == "FIXED"]
    for amount in (terms.max_sum_assured, *fixed):
        if amount is not None and amount > cap:
            yield f"{format_money(amount)} is more than the {format_money(cap)} allowed a life."


def _ranges(ages: Sequence[int]) -> str:
    """Return `18–20, 25` for 18, 19, 20, 25."""
    runs: list[list[int]] = []
    for age in ages:
        if runs and age == runs[-1][-1] + 1:
            runs[-1].append(age)
        else:
            runs.append([age])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
