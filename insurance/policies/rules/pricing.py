"""What cover costs that is added to a policy in force."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from insurance.core.errors import DomainError
from insurance.core.money import ZERO, format_money
from insurance.core.period import age_last_birthday
from insurance.policies.rules.contract import (
    Contract,
    ContractBenefit,
    ContractMember,
    ContractObject,
)
from insurance.products.rules import MAIN_MEMBER, BenefitTerms, ProductTerms
from insurance.quotes.rules import Life, PricedBenefit, QuoteRequest, modal_factor, price_cover


@dataclass(frozen=True, slots=True)
class Pricer:
    """The product version a policy is pinned to, and what it was rated on.

    `main_born_about` stands in for the birthday of a main member of whom only the age at issue is
    known. `cover_cap` is the most that a law lets one life be insured for, None without one.
    """

    terms: ProductTerms
    rating_inputs: Mapping[str, str] = field(default_factory=dict)
    term_years: int | None = None
    main_born_about: date | None = None
    gender: str | None = None
    cover_cap: Decimal | None = None

    def benefit_terms(self, code: str) -> BenefitTerms | None:
        """Return the product's benefit by its code."""
        return next((one for one in self.terms.priced_benefits if one.code == code), None)

    def is_flat(self, code: str) -> bool:
        """Tell whether a benefit costs the same whatever its cover."""
        found = self.benefit_terms(code)
        return found is None or found.rate_table is None

    def factor(self, frequency: str) -> Decimal:
        """Return the months of a frequency with its loading."""
        return modal_factor(frequency, self.terms.modal_loadings)

    def price(
        self,
        code: str,
        *,
        amount: Decimal | None,
        total_cover: Decimal | None,
        headline: Decimal,
        life: ContractMember | None,
        on: date,
        insured: ContractObject | None = None,
    ) -> PricedBenefit:
        """Price cover that starts on a day, at the age the life has then.

        `amount` None takes what the product gives; `insured` is the object that the benefit is on,
        rated on what it is. Raises DomainError where the benefit's limit, the entry age or the
        rate table has no room for it.
        """
        benefit = self.benefit_terms(code)
        if benefit is None:
            raise DomainError("The product does not have this benefit any more.")
        aged = self._aged(life, on)
        self._check_age(aged, life)
        inputs = {**self.rating_inputs, **insured.facts(on)} if insured else self.rating_inputs
        request = QuoteRequest(effective_date=on, rating_inputs=inputs, term_years=self.term_years)
        return price_cover(
            self.terms, benefit, amount, aged, request, headline=headline, total_cover=total_cover
        )

    def _aged(self, life: ContractMember | None, on: date) -> Life:
        born = life.date_of_birth if life else None
        is_main = life is None or life.role == MAIN_MEMBER
        if born is None and is_main:
            born = self.main_born_about
        gender = (life.gender if life else None) or (self.gender if is_main else None)
        age = age_last_birthday(born, on) if born and born <= on else None
        return Life(relationship=life.role if life else MAIN_MEMBER, age=age, gender=gender)

    def _check_age(self, aged: Life, life: ContractMember | None) -> None:
        low, high = self.terms.min_entry_age, self.terms.max_entry_age
        if life is None or life.role != MAIN_MEMBER or aged.age is None:
            return
        if (low is not None and aged.age < low) or (high is not None and aged.age > high):
            raise DomainError(
                f"Cover can be added from age {low or 0} to {high or 'any'}; this is {aged.age}.",
                field="effective_date",
            )

    def at_any_age(self) -> "Pricer":
        """Return the same pricer for cover in force: the ages of entry do not hold for it."""
        return replace(self, terms=replace(self.terms, min_entry_age=None, max_entry_age=None))

    def room(self, contract: Contract, benefit: ContractBenefit) -> Decimal | None:
        """Return what the law's cap leaves for the life of a benefit, None without a cap."""
        if self.cover_cap is None:
            return None
        if benefit.benefit_type_code == "PREMIUM_WAIVER":
            return ZERO
        main = next((one.id for one in contract.members if one.role == MAIN_MEMBER), None)
        life = benefit.member_id or main
        covered = sum(
            (
                one.sum_assured
                for one in contract.active_benefits
                if (one.member_id or main) == life and one.benefit_type_code != "PREMIUM_WAIVER"
            ),
            ZERO,
        )
        return self.cover_cap - covered

    def check_limits(self, contract: Contract) -> None:
        """Hold a contract to the law's cap on one life. A waiver of premium insures no sum."""
        if self.cover_cap is None:
            return
        covered: dict[object, Decimal] = defaultdict(lambda: ZERO)
        main = next((one.id for one in contract.members if one.role == MAIN_MEMBER), None)
        for benefit in contract.active_benefits:
            if benefit.benefit_type_code != "PREMIUM_WAIVER":
                covered[benefit.member_id or main] += benefit.sum_assured
        if any(amount > self.cover_cap for amount in covered.values()):
            raise DomainError(
                f"Cover on one life is at most {format_money(self.cover_cap)};"
                f" this would be {format_money(max(covered.values()))}.",
                field="new_sum_assured",
            )

    def check_headline(self, cover: Decimal) -> None:
        """Hold the headline cover, in rand, to the product's limits."""
        low, high = self.terms.min_sum_assured, self.terms.max_sum_assured
        if low is not None and cover < low:
            raise DomainError(
                f"The smallest cover is {format_money(low)}.", field="new_sum_assured"
            )
        if high is not None and cover > high:
            raise DomainError(
                f"The largest cover is {format_money(high)}.", field="new_sum_assured"
            )
