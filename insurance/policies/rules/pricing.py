"""What cover costs that is added to a policy in force."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from insurance.core.errors import DomainError
from insurance.core.money import ZERO, format_money
from insurance.core.period import age_last_birthday
from insurance.core.text import name_key
from insurance.policies.rules.contract import (
    Contract,
    ContractBenefit,
    ContractMember,
    ContractObject,
)
from insurance.policies.rules.lives import LifeHere
from insurance.products.rules import (
    EVERY_LIFE,
    INSURE_NO_LIFE,
    MAIN_MEMBER,
    STILLBIRTH,
    BenefitTerms,
    FuneralCaps,
    ProductTerms,
)
from insurance.quotes.rules import Life, PricedBenefit, QuoteRequest, modal_factor, price_cover


def _nobody(before: Decimal, after: Decimal, cap: Decimal) -> LifeHere:
    """Return the main member of a policy that names none."""
    return LifeHere(
        place=-1,
        member_id=None,
        first_name="The main member",
        last_name="",
        date_of_birth=None,
        before=before,
        after=after,
        cap=cap,
    )


def _is_somebody_else(before: ContractMember | None, after: ContractMember) -> bool:
    """Tell whether what policies know a life by has changed."""
    return before is not None and _known_by(before) != _known_by(after)


def _known_by(life: ContractMember) -> tuple[object, ...]:
    names = f"{life.first_name} {life.last_name}"
    return name_key(names), life.date_of_birth, life.id_number_ref, life.passport_ref


@dataclass(frozen=True, slots=True)
class Pricer:
    """The product version a policy is pinned to, and what it was rated on.

    `main_born_about` stands in for the birthday of a main member of whom only the age at issue is
    known. `caps` gives the most that a law lets one life be insured for on a day, None without one.
    """

    terms: ProductTerms
    rating_inputs: Mapping[str, str] = field(default_factory=dict)
    term_years: int | None = None
    main_born_about: date | None = None
    gender: str | None = None
    caps: Callable[[date], FuneralCaps] | None = None

    def benefit_terms(self, code: str) -> BenefitTerms | None:
        """Return the product's benefit by its code."""
        return next(
            (benefit for benefit in self.terms.priced_benefits if benefit.code == code), None
        )

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
        if benefit.benefit_type == STILLBIRTH and self.caps is not None:
            cap = self.caps(on).under_6
            if (total_cover or ZERO) > cap:
                words = f"At most {format_money(cap)} is paid for a stillborn child."
                raise DomainError(words, field="new_sum_assured")
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

    def rated_object(self, contract: Contract, benefit: ContractBenefit) -> ContractObject | None:
        """Return the object that a benefit is rated on.

        Its own; for one on the whole policy the first of a kind that it insures, as when quoted.
        """
        if benefit.object_id is not None:
            return contract.object(benefit.object_id)
        terms = self.benefit_terms(benefit.benefit_code)
        insured = (one for one in contract.live_objects if terms is None or terms.insures(one.kind))
        return next(insured, None)

    def rated_life(self, contract: Contract, benefit: ContractBenefit) -> ContractMember | None:
        """Return the life that a benefit is rated on.

        Its own; for one on the whole policy, of the lives it covers the main member or the first.
        """
        if benefit.member_id is not None:
            return contract.member(benefit.member_id)
        covered = self._covered(contract, benefit)
        return min(covered, key=lambda one: one.role != MAIN_MEMBER, default=None)

    def _covered(self, contract: Contract, benefit: ContractBenefit) -> list[ContractMember]:
        """Return the lives in the role that a benefit on the whole policy covers."""
        terms = self.benefit_terms(benefit.benefit_code)
        role = terms.member_role if terms else MAIN_MEMBER
        return [
            member
            for member in contract.members
            if member.end_date is None and role in (member.role, EVERY_LIFE)
        ]

    def covers_nobody(self, contract: Contract, benefit: ContractBenefit) -> bool:
        """Tell whether a benefit on the lives of a role together has none left, such as children."""
        terms = self.benefit_terms(benefit.benefit_code)
        if benefit.member_id or benefit.object_id or terms is None or not terms.per_policy:
            return False
        is_of_others = terms.member_role not in (MAIN_MEMBER, EVERY_LIFE)
        return is_of_others and not self._covered(contract, benefit)

    def cover_by_life(self, contract: Contract) -> dict[UUID | None, Decimal]:
        """Return what the benefits of each life insure together, in rand, by the life's id.

        A benefit on the whole policy counts on every life that it covers, and on the main member
        where it covers nobody. A waiver of premium and a stillbirth insure no life.
        """
        found: dict[UUID | None, Decimal] = defaultdict(lambda: ZERO)
        for benefit in contract.active_benefits:
            if benefit.benefit_type_code in INSURE_NO_LIFE:
                continue
            for life in self._insured(contract, benefit):
                found[life.id if life else None] += benefit.sum_assured
        return found

    def _insured(
        self, contract: Contract, benefit: ContractBenefit
    ) -> Sequence[ContractMember | None]:
        """Return the lives of a benefit; None is a main member whom the policy does not name."""
        if benefit.member_id is not None:
            return [contract.member(benefit.member_id)]
        return self._covered(contract, benefit) or [contract.main_member]

    def at_any_age(self) -> "Pricer":
        """Return the same pricer for cover in force: the ages of entry do not hold for it."""
        return replace(self, terms=replace(self.terms, min_entry_age=None, max_entry_age=None))

    def room(
        self,
        contract: Contract,
        benefit: ContractBenefit,
        on: date,
        elsewhere: Mapping[str, str],
    ) -> Decimal | None:
        """Return what the law's cap leaves on a day for the life of a benefit, None without one.

        `elsewhere` has by a life's id what other policies insure it for, in rand.
        """
        if self.caps is None:
            return None
        if benefit.benefit_type_code == STILLBIRTH:
            return self.caps(on).under_6 - benefit.sum_assured
        if benefit.benefit_type_code in INSURE_NO_LIFE:
            return ZERO
        cover = self.cover_by_life(contract)
        return min(
            self._cap(life, on)
            - cover[life.id if life else None]
            - Decimal(elsewhere.get(str(life.id), 0) if life else 0)
            for life in self._insured(contract, benefit)
        )

    def lives(self, before: Contract | None, after: Contract, on: date) -> list[LifeHere]:
        """Return the lives under a cap with their cover before and after a change, on its day.

        Somebody whose details make another person of them had none before.
        """
        if self.caps is None:
            return []
        old = self.cover_by_life(before) if before else {}
        for one in after.members:
            if before and _is_somebody_else(before.member(one.id), one):
                old.pop(one.id, None)
        new = self.cover_by_life(after)
        found = [
            LifeHere(
                place=place,
                member_id=one.id,
                first_name=one.first_name,
                last_name=one.last_name,
                date_of_birth=one.date_of_birth,
                id_number_ref=one.id_number_ref,
                passport_ref=one.passport_ref,
                before=old.get(one.id, ZERO),
                after=new[one.id],
                cap=self._cap(one, on),
            )
            for place, one in enumerate(after.members)
            if one.id in new
        ]
        if None in new:
            found.append(_nobody(old.get(None, ZERO), new[None], self._cap(None, on)))
        return found

    def _cap(self, life: ContractMember | None, on: date) -> Decimal:
        assert self.caps is not None
        aged = self._aged(life, on)
        return self.caps(on).of(aged.relationship, aged.age)

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
