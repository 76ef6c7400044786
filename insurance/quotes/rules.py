"""What cover costs. Every benefit is rounded half up to the cent; a total adds the rounded parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from insurance.core.errors import ConflictError, DomainError, raise_all
from insurance.core.money import ZERO, format_money, to_cents, total
from insurance.core.period import age_last_birthday
from insurance.products.rules import (
    MAX_AGE,
    MONTHS_PER_PREMIUM,
    UNISEX,
    BenefitTerms,
    Factors,
    ProductTerms,
    Question,
    RateTable,
)

THOUSAND = Decimal(1000)
HUNDRED = Decimal(100)
MAIN = "MAIN_MEMBER"
MAX_TERM_YEARS = 100


@dataclass(frozen=True, slots=True)
class Life:
    """A life to be insured. Either the age or the date of birth is known."""

    relationship: str = MAIN
    age: int | None = None
    gender: str | None = None
    date_of_birth: date | None = None
    first_name: str = ""
    last_name: str = ""

    @property
    def name(self) -> str:
        """Return the full name, empty where it was not given."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """What a customer asks for. Overrides are sums assured per benefit code."""

    effective_date: date
    age: int | None = None
    gender: str | None = None
    sum_assured: Decimal | None = None
    term_years: int | None = None
    frequency: str = "MONTHLY"
    rating_inputs: Mapping[str, str] = field(default_factory=dict)
    benefit_overrides: Mapping[str, Decimal] = field(default_factory=dict)
    excluded_benefits: frozenset[str] = frozenset()
    lives: tuple[Life, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PricedBenefit:
    """The price of one benefit on one life, and how it came about. `life` is None per policy."""

    benefit_code: str
    benefit_name: str
    benefit_type: str
    member_role: str
    life: int | None
    life_name: str
    sum_assured: Decimal
    rate: Decimal | None
    rate_basis: str
    monthly_premium: Decimal
    pricing_method: str
    waiting_period_days: int
    worksheet: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PricedQuote:
    """A price. `instalment` is what falls due each time at the chosen frequency."""

    monthly_premium: Decimal
    annual_premium: Decimal
    instalment: Decimal
    frequency: str
    sum_assured: Decimal
    age: int | None
    gender: str | None
    term_years: int
    pricing_method: str
    lives: tuple[Life, ...]
    benefits: tuple[PricedBenefit, ...]


def benefit_premium(basis: str, sum_assured: Decimal, rate: Decimal) -> Decimal:
    """Return the exact monthly premium before rounding.

    PER_MILLE: sum assured / 1000 × rate; PER_CENT: sum assured × rate / 100; FLAT: the rate.
    """
    if basis == "PER_MILLE":
        return sum_assured / THOUSAND * rate
    if basis == "PER_CENT":
        return sum_assured * rate / HUNDRED
    return rate


def price_quote(terms: ProductTerms, request: QuoteRequest) -> PricedQuote:
    """Price a request. Raises DomainError(s) naming the field of everything that is not right."""
    request = _with_ages(request)
    main = _main_life(terms, request)
    headline = _headline(terms, request)
    errors = [
        *_limit_errors(terms, main, headline, request),
        *_code_errors(terms, request),
        *answer_errors(terms.questions, request.answers),
    ]
    raise_all(errors)
    priced: list[PricedBenefit] = []
    for benefit in terms.priced_benefits:
        if benefit.code not in request.excluded_benefits:
            for index, life in _insured_by(benefit, main, request.lives):
                try:
                    priced.append(_price_benefit(benefit, headline, index, life, request))
                except DomainError as error:
                    errors += error.errors
    raise_all(errors)
    if not priced:
        raise DomainError("Nothing is insured: choose a benefit.", field="excluded_benefits")
    monthly = total(part.monthly_premium for part in priced)
    return PricedQuote(
        monthly_premium=monthly,
        annual_premium=12 * monthly,
        instalment=instalment(priced, request.frequency, terms.modal_loadings),
        frequency=request.frequency,
        sum_assured=headline,
        age=main.age,
        gender=main.gender,
        term_years=request.term_years or terms.default_term_years,
        pricing_method=terms.pricing_method,
        lives=request.lives,
        benefits=tuple(priced),
    )


def instalment(
    benefits: Sequence[PricedBenefit], frequency: str, loadings: Mapping[str, Decimal]
) -> Decimal:
    """Return what falls due each time: months × premium × (1 + loading), rounded per benefit.

    A modal loading is in per cent of the premium.
    """
    factor = MONTHS_PER_PREMIUM[frequency] * (1 + loadings.get(frequency, ZERO) / HUNDRED)
    return total(to_cents(part.monthly_premium * factor) for part in benefits)


def answer_errors(
    questions: Sequence[Question], answers: Mapping[str, str]
) -> list[DomainError]:
    """Return what is missing or not acceptable among the answers to the inception rules."""
    errors = []
    for question in questions:
        answer = answers.get(question.code, "")
        where = f"inception_answers.{question.code}"
        if not str(answer).strip():
            if question.is_required:
                errors.append(DomainError(f"Answer “{question.label}”.", field=where))
        elif problem := _answer_problem(question, str(answer)):
            errors.append(DomainError(problem, field=where))
    known = {question.code for question in questions}
    for code in sorted(set(answers) - known):
        errors.append(
            DomainError(f"This product does not ask for {code}.", field=f"inception_answers.{code}")
        )
    return errors


def check_posted_premium(posted: Decimal | None, computed: Decimal) -> None:
    """Refuse a premium that the price rules do not give. Raises DomainError with both figures."""
    if posted is not None and posted != computed:
        raise DomainError(
            f"The premium is {format_money(computed)} a month, not {format_money(posted)}.",
            field="monthly_premium",
        )


def check_can_be_accepted(status: str, expires_on: date, version_status: str, on: date) -> None:
    """Refuse what is not open any more. Raises ConflictError with the way out."""
    if status == "accepted":
        raise ConflictError("This quote has already been accepted.")
    if status != "quoted":
        raise ConflictError(f"A {status} quote cannot be accepted.")
    if on > expires_on:
        raise ConflictError(
            f"This quote expired on {expires_on:%Y/%m/%d}. Re-price it before it is accepted.",
            detail={"expires_on": expires_on.isoformat()},
        )
    if version_status not in ("launched", "superseded"):
        raise ConflictError("This product has been withdrawn. Quote another product.")


def _with_ages(request: QuoteRequest) -> QuoteRequest:
    """Work out ages from dates of birth, and refuse an age that disagrees with one."""
    errors: list[DomainError] = []
    lives = []
    for index, life in enumerate(request.lives):
        where = f"insured_lives.{index}"
        age = life.age
        if life.date_of_birth is not None:
            if life.date_of_birth > request.effective_date:
                errors.append(DomainError("Born after cover starts.", field=f"{where}.date_of_birth"))
                continue
            born = age_last_birthday(life.date_of_birth, request.effective_date)
            if age is not None and age != born:
                errors.append(
                    DomainError(f"The date of birth gives age {born}.", field=f"{where}.age")
                )
            age = born
        if age is not None and not 0 <= age <= MAX_AGE:
            errors.append(DomainError(f"Enter an age up to {MAX_AGE}.", field=f"{where}.age"))
        lives.append(_replaced(life, age))
    raise_all(errors)
    return QuoteRequest(
        **{name: getattr(request, name) for name in QuoteRequest.__slots__ if name != "lives"},
        lives=tuple(lives),
    )


def _replaced(life: Life, age: int | None) -> Life:
    return Life(
        life.relationship, age, life.gender, life.date_of_birth, life.first_name, life.last_name
    )


def _main_life(terms: ProductTerms, request: QuoteRequest) -> Life:
    """Return the main member: among the lives given, else from the quote's own age and gender."""
    given = [life for life in request.lives if life.relationship == MAIN]
    if len(given) > 1:
        raise DomainError("A policy has one main member.", field="insured_lives")
    main = given[0] if given else Life(age=request.age, gender=request.gender)
    if given and request.age is not None and main.age is not None and request.age != main.age:
        raise DomainError(f"The main member is {main.age}.", field="age")
    age = main.age if main.age is not None else request.age
    gender = main.gender or request.gender
    if terms.category == "LIFE" and age is None:
        raise DomainError("Enter the age or the date of birth of the main member.", field="age")
    return Life(MAIN, age, gender, main.date_of_birth, main.first_name, main.last_name)


def _headline(terms: ProductTerms, request: QuoteRequest) -> Decimal:
    if request.sum_assured is not None:
        return request.sum_assured
    if terms.coverage_amount is not None:
        return terms.coverage_amount
    if any(
        benefit.amount_type != "FIXED" and benefit.code not in request.benefit_overrides
        for benefit in terms.priced_benefits
        if benefit.code not in request.excluded_benefits and benefit.rate_table is not None
    ):
        raise DomainError("Enter the sum assured.", field="sum_assured")
    fixed = [part.default_amount for part in terms.priced_benefits if part.default_amount]
    return max(fixed, default=ZERO)


def _limit_errors(
    terms: ProductTerms, main: Life, headline: Decimal, request: QuoteRequest
) -> list[DomainError]:
    errors = []
    if main.age is not None:
        low, high = terms.min_entry_age or 0, terms.max_entry_age or MAX_AGE
        if not low <= main.age <= high:
            errors.append(
                DomainError(f"Entry age is {low} to {high}; this is {main.age}.", field="age")
            )
    low_sum, high_sum = terms.min_sum_assured, terms.max_sum_assured
    if low_sum is not None and headline < low_sum:
        errors.append(
            DomainError(f"The smallest cover is {format_money(low_sum)}.", field="sum_assured")
        )
    if high_sum is not None and headline > high_sum:
        errors.append(
            DomainError(f"The largest cover is {format_money(high_sum)}.", field="sum_assured")
        )
    if request.term_years is not None and not 1 <= request.term_years <= MAX_TERM_YEARS:
        errors.append(
            DomainError(f"A term has 1 to {MAX_TERM_YEARS} years.", field="term_years")
        )
    if request.frequency not in MONTHS_PER_PREMIUM:
        errors.append(
            DomainError(f"Choose one of {', '.join(MONTHS_PER_PREMIUM)}.", field="frequency")
        )
    return errors


def _code_errors(terms: ProductTerms, request: QuoteRequest) -> list[DomainError]:
    known = {benefit.code: benefit for benefit in terms.priced_benefits}
    errors = [
        DomainError(f"This product has no benefit {code}.", field="benefit_overrides")
        for code in sorted(set(request.benefit_overrides) - set(known))
    ]
    for code in sorted(request.excluded_benefits):
        if code not in known:
            errors.append(
                DomainError(f"This product has no benefit {code}.", field="excluded_benefits")
            )
        elif known[code].is_mandatory:
            errors.append(
                DomainError(f"{known[code].name} cannot be left out.", field="excluded_benefits")
            )
    return errors


def _insured_by(
    benefit: BenefitTerms, main: Life, lives: Sequence[Life]
) -> list[tuple[int | None, Life]]:
    """Return the lives a benefit is priced on, with their places among the lives given."""
    if benefit.member_role == MAIN:
        place = next((i for i, life in enumerate(lives) if life.relationship == MAIN), None)
        return [(place, main)]
    insured: list[tuple[int | None, Life]] = [
        (index, main if life.relationship == MAIN else life)
        for index, life in enumerate(lives)
        if benefit.member_role in (life.relationship, "ALL")
    ]
    if benefit.member_role == "ALL" and all(life is not main for _index, life in insured):
        insured.insert(0, (None, main))
    if benefit.per_policy and insured:
        return [(None, insured[0][1])]
    return insured


def _price_benefit(
    benefit: BenefitTerms, headline: Decimal, index: int | None, life: Life, request: QuoteRequest
) -> PricedBenefit:
    amount, how = _cover(benefit, headline, request)
    if benefit.max_amount is not None and amount > benefit.max_amount:
        raise DomainError(
            f"{benefit.name} is at most {format_money(benefit.max_amount)}.",
            field=f"benefit_overrides.{benefit.code}",
        )
    if benefit.rate_table is None:
        rate, method, exact = None, "FLAT", benefit.flat_premium or ZERO
        lookup: dict[str, Any] = {"flat_premium": str(exact)}
    else:
        rate, lookup = _look_up(benefit.rate_table, benefit, life, request)
        method = "RATE_TABLE"
        exact = benefit_premium(benefit.rate_table.basis, amount, rate)
    premium = to_cents(exact)
    return PricedBenefit(
        benefit_code=benefit.code,
        benefit_name=benefit.name,
        benefit_type=benefit.benefit_type,
        member_role=life.relationship if benefit.member_role == "ALL" else benefit.member_role,
        life=index,
        life_name=life.name,
        sum_assured=amount,
        rate=rate,
        rate_basis=benefit.rate_table.basis if benefit.rate_table else benefit.rate_basis,
        monthly_premium=premium,
        pricing_method=method,
        waiting_period_days=benefit.waiting_period_days,
        worksheet={
            **lookup,
            "cover": how,
            "age": life.age,
            "gender": life.gender,
            "exact": f"{exact.normalize():f}",
            "rounded": str(premium),
        },
    )


def _cover(benefit: BenefitTerms, headline: Decimal, request: QuoteRequest) -> tuple[Decimal, str]:
    """Return a benefit's sum assured and how it was found."""
    if benefit.code in request.benefit_overrides:
        return request.benefit_overrides[benefit.code], "chosen"
    if benefit.amount_type == "FIXED":
        return benefit.default_amount or ZERO, "fixed"
    if benefit.amount_type == "PERCENTAGE":
        share = benefit.default_amount or HUNDRED
        return to_cents(headline * share / HUNDRED), f"{share.normalize():f}% of {headline}"
    if benefit.amount_type == "MULTIPLE":
        times = benefit.default_amount or Decimal(1)
        return to_cents(headline * times), f"{times.normalize():f} × {headline}"
    return headline, "sum assured"


def _look_up(
    table: RateTable, benefit: BenefitTerms, life: Life, request: QuoteRequest
) -> tuple[Decimal, dict[str, Any]]:
    """Return the rate and where it stands. Raises DomainError naming the missing combination."""
    factors = _factor_levels(table, request.rating_inputs)
    found = {
        "table": table.code,
        "table_version": table.version,
        "table_id": str(table.id),
        "basis": table.basis,
        "factors": dict(factors),
    }
    if table.method == "MULTIPLICATIVE":
        rate = table.base_rate or ZERO
        steps = []
        for name, level in factors:
            relativity = table.relativities[name][level]
            rate *= relativity
            steps.append({"factor": name, "level": level, "relativity": str(relativity)})
        return rate, found | {"base_rate": str(table.base_rate), "relativities": steps}
    row = table.find_row(life.age, life.gender or UNISEX, factors)
    if row is None:
        levels = [f"{name} {level}" for name, level in factors]
        age = "no age" if life.age is None else f"age {life.age}"
        combination = ", ".join([age, life.gender or UNISEX, *levels])
        raise DomainError(
            f"{table.name} has no rate for {combination} ({benefit.name}).",
            field="age" if not factors else "rating_inputs",
        )
    return row.rate, found | {"row": str(row), "rate": str(row.rate)}


def _factor_levels(table: RateTable, inputs: Mapping[str, str]) -> Factors:
    """Return the level of each factor the table declares. Raises DomainError(s) per factor."""
    errors: list[DomainError] = []
    levels = []
    for name in table.rating_factors:
        allowed = table.levels(name)
        given = str(inputs.get(name) or "")
        if given not in allowed:
            what = "Choose" if not given else f"“{given}” is not known: choose"
            errors.append(
                DomainError(f"{what} one of {', '.join(allowed)}.", field=f"rating_inputs.{name}")
            )
        levels.append((name, given))
    raise_all(errors)
    return tuple(levels)


def _answer_problem(question: Question, answer: str) -> str | None:
    if question.field_type == "NUMBER":
        return _number_problem(question, answer)
    if question.field_type == "DATE":
        try:
            date.fromisoformat(answer)
        except ValueError:
            return "Enter a date, such as 2026-11-20."
    if question.field_type == "YES_NO" and answer.lower() not in ("yes", "no", "true", "false"):
        return "Answer yes or no."
    if question.field_type == "CHOICE" and answer not in question.options:
        return f"Choose one of {', '.join(question.options)}."
    return None


def _number_problem(question: Question, answer: str) -> str | None:
    try:
        number = Decimal(answer.replace(" ", "").replace(",", "."))
    except ArithmeticError:
        return "Enter a number."
    if not number.is_finite():
        return "Enter a number."
    if question.min_value is not None and number < question.min_value:
        return f"At least {question.min_value.normalize():f}."
    if question.max_value is not None and number > question.max_value:
        return f"At most {question.max_value.normalize():f}."
    return None
