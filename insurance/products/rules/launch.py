"""The checks a product must pass before it is sold."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from insurance.core.errors import DomainError, ForbiddenError
from insurance.core.money import ZERO, format_money
from insurance.products.rules.rates import (
    RateTable,
    age_span,
    check_rate_table,
    coverage_gaps,
)
from insurance.products.rules.terms import (
    EVERY_LIFE,
    INSURE_NO_LIFE,
    MAIN_MEMBER,
    STILLBIRTH,
    BenefitTerms,
    ProductTerms,
)

FUNERAL = "FUNERAL"
LIFE_ANNUITIES = "LIFE_ANNUITIES"
ANNUITY_INCOME = "ANNUITY_INCOME"
_DEATHS = ("DEATH", "ACCIDENTAL_DEATH", "FUNERAL")
SIX_MONTHS = 181
"""The shortest six months there are, from 1 September."""


def max_waiting_days(
    class_code: str, term_type: str, term_years: int, *, is_micro: bool = False
) -> int | None:
    """Return the longest waiting period for natural causes, or None where the contract decides.

    FUNERAL and micro-insurance: the shorter of a quarter of the term and six months (LT PPR
    rule 2A).
    """
    if class_code != FUNERAL and not is_micro:
        return None
    return SIX_MONTHS if term_type == "WHOLE_OF_LIFE" else min(SIX_MONTHS, term_years * 365 // 4)


def check_launcher(authors: Collection[str], person: str) -> None:
    """Refuse to let somebody who worked on a draft be its second person. Raises ForbiddenError."""
    if person in authors:
        raise ForbiddenError(
            "You worked on this draft or its rates, so somebody else must agree to its launch."
        )


@dataclass(frozen=True, slots=True)
class LaunchFacts:
    """What the launch checks need beyond the product itself."""

    licensed_classes: frozenset[str]
    allowed_benefit_types: frozenset[str]
    funeral_cover_cap: Decimal
    stillborn_cap: Decimal | None = None
    is_micro: bool = False


@dataclass(frozen=True, slots=True)
class LaunchCheck:
    """One check: what was looked at, and what failed (empty when it holds).

    A note is worth knowing and stops nothing.
    """

    code: str
    title: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether the check holds."""
        return not self.problems


def launch_checks(terms: ProductTerms, facts: LaunchFacts) -> list[LaunchCheck]:
    """Return every check a product must pass before it is sold."""
    return [
        LaunchCheck("benefits", "At least one benefit", tuple(_benefit_problems(terms))),
        LaunchCheck(
            "headline",
            "The cover that is stated is priced and insured",
            tuple(_headline_problems(terms)),
        ),
        LaunchCheck(
            "rates",
            "Every rate is bound and complete",
            tuple(_rate_problems(terms)),
            tuple(_rate_notes(terms)),
        ),
        LaunchCheck("class", "The class is licensed", tuple(_class_problems(terms, facts))),
        LaunchCheck("payments", "What is sold can be paid", tuple(_payment_problems(terms))),
        LaunchCheck(
            "benefit_types",
            "Benefit types belong to the class",
            tuple(_type_problems(terms, facts)),
        ),
        LaunchCheck(
            "waiting", "Waiting periods are within the law", tuple(_waiting_problems(terms, facts))
        ),
        LaunchCheck("limits", "Ages and cover are limited", tuple(_limit_problems(terms, facts))),
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
    if not terms.uses_own_rates:
        return
    if terms.pricing_method == "FLAT" and terms.base_premium is None:
        yield "Enter the base premium, or price a benefit that pays the sum assured."
    if terms.pricing_method == "RATE_TABLE" and terms.rate_table is None:
        yield "Enter the rate table, or price a benefit that pays the sum assured."


def _headline_problems(terms: ProductTerms) -> Iterable[str]:
    """Look for a cover that a quote or the product would state and nothing would insure."""
    main = terms.main_benefit
    if main is None:
        return
    if not main.is_mandatory:
        yield (
            f"{main.name} is the main benefit and may be left out: every policy needs the benefit"
            " that its cover is read from."
        )
    if main.follows_headline:
        yield f"{main.name} is the main benefit and cannot be a part or a multiple of itself."
    if main.benefit_type in INSURE_NO_LIFE:
        yield f"{main.name} insures nobody's life: mark a benefit that does as the main one."
    if terms.uses_own_rates and not main.pays_sum_assured:
        yield (
            f"{main.name} is marked as the main benefit, but the product's own rates price another"
            " cover: take the mark off, or give every benefit its own price."
        )
    if main.amount_type == "FIXED":
        yield from _fixed_problems(terms, main, main.default_amount)


def _fixed_problems(
    terms: ProductTerms, main: BenefitTerms, amount: Decimal | None
) -> Iterable[str]:
    if not amount:
        yield f"{main.name} is the main benefit: enter the fixed amount that it insures."
        return
    says = f"{main.name} always insures {format_money(amount)}"
    usual, low, high = terms.coverage_amount, terms.min_sum_assured, terms.max_sum_assured
    if usual is not None and usual != amount:
        yield f"{says}; the usual sum assured says {format_money(usual)}."
    if low is not None and amount < low:
        yield f"{says}; the smallest sum assured is {format_money(low)}."
    if high is not None and amount > high:
        yield f"{says}; the largest sum assured is {format_money(high)}."


def _payment_problems(terms: ProductTerms) -> Iterable[str]:
    """Refuse what no part of the system would ever pay: instalments, and a joint life's one sum."""
    incomes = [one.name for one in terms.priced_benefits if one.benefit_type == ANNUITY_INCOME]
    if terms.class_code == LIFE_ANNUITIES:
        yield (
            "An annuity pays its holder month by month, with tax and proof of life. These payments"
            " are not made here, so the class LIFE_ANNUITIES cannot be sold."
        )
    elif incomes:
        yield f"{', '.join(incomes)}: the payments of an annuity income are not made here."
    for benefit in terms.priced_benefits:
        if _is_joint(terms, benefit):
            yield (
                f"{benefit.name}: one cover on the lives together would be rated on all their ages"
                " and paid at the first death. Joint lives are not sold here: give each life a"
                " benefit of its own."
            )


def _is_joint(terms: ProductTerms, benefit: BenefitTerms) -> bool:
    """Tell whether one cover is to be on the deaths of several lives.

    Under a funeral policy each life has such a cover whole, up to its own cap.
    """
    is_of_several = benefit.per_policy and benefit.member_role == EVERY_LIFE
    is_on_death = benefit.benefit_type in (*_DEATHS, "TERMINAL_ILLNESS")
    return (
        terms.category == "LIFE" and terms.class_code != FUNERAL and is_of_several and is_on_death
    )


def _rate_notes(terms: ProductTerms) -> Iterable[str]:
    own = terms.rate_table if terms.pricing_method == "RATE_TABLE" else terms.base_premium
    pays = terms.priced_on_its_own
    if terms.pricing_method != "BENEFIT_LEVEL" and own is not None and pays is not None:
        what = "rate table" if terms.pricing_method == "RATE_TABLE" else "base premium"
        yield (
            f"The product's own {what} is not used: {pays.name} pays the sum assured at a price of"
            " its own."
        )


def _rate_problems(terms: ProductTerms) -> Iterable[str]:
    for benefit in terms.priced_benefits:
        table = benefit.rate_table
        if table is None:
            if benefit.flat_premium is None and not _awaits_own_price(terms, benefit):
                yield f"{benefit.name}: bind a rate table or enter a flat premium."
            continue
        if benefit.amount_type == "FIXED" and table.basis != "FLAT" and not benefit.default_amount:
            yield f"{benefit.name}: enter the fixed amount that its rate works on."
        if problems := check_rate_table(table):
            yield from (f"{benefit.name}: {problem.message}" for problem in problems)
        else:
            yield from _gap_problems(terms, benefit, table)


def _awaits_own_price(terms: ProductTerms, benefit: BenefitTerms) -> bool:
    """Tell whether the price that a benefit lacks is the product's own, which is asked for."""
    main = terms.main_benefit
    return terms.uses_own_rates and main is not None and benefit.code == main.code


def _gap_problems(terms: ProductTerms, benefit: BenefitTerms, table: RateTable) -> Iterable[str]:
    """Look for holes over the product's entry ages; for other lives, over the table's own ages."""
    if table.method == "MULTIPLICATIVE":
        return
    ages = (0, 0)
    if table.is_by_age and benefit.member_role not in (MAIN_MEMBER, EVERY_LIFE):
        ages = age_span(table)
    elif table.is_by_age:
        if terms.min_entry_age is None or terms.max_entry_age is None:
            yield f"{benefit.name}: its rates depend on age, so entry ages must be set."
            return
        ages = (terms.min_entry_age, terms.max_entry_age)
    if gaps := coverage_gaps(table, *ages):
        yield f"{benefit.name}: no rate for {'; '.join(gaps[:3])}."


def _class_problems(terms: ProductTerms, facts: LaunchFacts) -> Iterable[str]:
    if terms.class_code not in facts.licensed_classes:
        yield f"The organization is not licensed for {terms.class_code}."


def _type_problems(terms: ProductTerms, facts: LaunchFacts) -> Iterable[str]:
    for benefit in terms.priced_benefits:
        if benefit.benefit_type not in facts.allowed_benefit_types:
            yield f"{benefit.name}: {benefit.benefit_type} is not allowed in {terms.class_code}."
        if terms.category == "LIFE" and (benefit.excess_amount or benefit.excess_per_cent):
            yield f"{benefit.name}: life cover has no excess."


def _waiting_problems(terms: ProductTerms, facts: LaunchFacts) -> Iterable[str]:
    most = max_waiting_days(
        terms.class_code, terms.term_type, terms.default_term_years, is_micro=facts.is_micro
    )
    for benefit in terms.priced_benefits:
        if most is not None and benefit.waiting_period_days > most:
            yield (
                f"{benefit.name}: waits {benefit.waiting_period_days} days; the law allows {most}."
            )


def _limit_problems(terms: ProductTerms, facts: LaunchFacts) -> Iterable[str]:
    if terms.category == "LIFE" and (terms.min_entry_age is None or terms.max_entry_age is None):
        yield "Set the youngest and the oldest entry age."
    if _is_reversed(terms.min_entry_age, terms.max_entry_age):
        yield "The oldest entry age is below the youngest."
    if _is_reversed(terms.min_sum_assured, terms.max_sum_assured):
        yield "The largest sum assured is below the smallest."
    if terms.class_code != FUNERAL:
        return
    cap = facts.funeral_cover_cap
    if terms.max_sum_assured is None:
        yield f"Set the largest sum assured; funeral cover is at most {format_money(cap)} a life."
    fixed = [part.default_amount for part in terms.benefits if part.amount_type == "FIXED"]
    yield from _stillbirth_problems(terms, facts.stillborn_cap)
    for amount in (terms.max_sum_assured, *fixed):
        if amount is not None and amount > cap:
            yield f"{format_money(amount)} is more than the {format_money(cap)} allowed a life."


def _stillbirth_problems(terms: ProductTerms, cap: Decimal | None) -> Iterable[str]:
    """Hold the benefit of a stillborn child to a fixed amount on the policy, within its cap."""
    for benefit in terms.priced_benefits:
        if benefit.benefit_type != STILLBIRTH:
            continue
        if benefit.amount_type != "FIXED" or benefit.member_role != MAIN_MEMBER:
            yield f"{benefit.name}: a stillbirth pays a fixed amount, once for the policy."
        if cap is not None and (benefit.default_amount or ZERO) > cap:
            yield f"{benefit.name}: at most {format_money(cap)} is paid for a stillborn child."


def _is_reversed(low: Decimal | int | None, high: Decimal | int | None) -> bool:
    return low is not None and high is not None and low > high
