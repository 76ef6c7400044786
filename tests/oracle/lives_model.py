"""Deaths of the lives of one policy: what falls due, what is left, and what it costs from then on.

A plain model, as its neighbours: the contract and its money are `model.py`, the cover of a benefit
and what a claim may be paid are `claims_model.py`. A policy is told again from its sale whenever a
death turns out to be none, so that nothing of it can be left behind.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.calendar_and_cents import ZERO, cents, months_after
from tests.oracle.claims_model import OPEN, PAYABLE, Claim, Cover, Insured, Payment
from tests.oracle.model import Ending, Policy, Refused, Step

MAIN = "MAIN"
ONE_DAY = timedelta(days=1)


def life_of(code: str) -> str:
    """Return whose a benefit is: all that name no other life are the main member's."""
    return code if code.split(":")[0] in ("SPOUSE", "CHILD") else MAIN


@dataclass
class FamilyPolicy(Policy):
    """A contract on several lives, which outlives the one whom it was made with, or does not."""

    followed: list[tuple[date, str]] = field(default_factory=list)
    """From which day on which life took the main member's place."""
    free_until: date = date.min
    free_from: date = date.min

    def sums_on(self, day: date) -> dict[str, Decimal]:
        """Return each benefit's cover; a part of the main cover outlives the main member."""
        sums, main = {}, ZERO
        for step in sorted(self.steps, key=lambda one: (one.effective, one.order)):
            if step.effective > day:
                break
            if step.sum_assured is None:
                sums.pop(step.code, None)
                continue
            sums[step.code] = step.sum_assured
            main = step.sum_assured if step.code == MAIN else main
        for code in sums:
            part = self.benefit(code).per_cent_of_main
            if part is not None:
                sums[code] = cents(Fraction(main) * Fraction(part) / 100)
        return sums

    def instalment_on(self, day: date, frequency: str) -> Decimal:
        """Return what a whole premium period costs on a day: nothing while it goes on free."""
        is_free = self.free_from <= day < self.free_until
        return ZERO if is_free else super().instalment_on(day, frequency)

    def cover_on(self, day: date) -> Decimal:
        """Return the headline cover: what the main member of today is insured for."""
        return self.sums_on(day).get(self.main_on(day), ZERO)

    def main_on(self, day: date) -> str:
        """Return the life that is the main member on a day."""
        return next((one for since, one in reversed(self.followed) if since <= day), MAIN)

    def lives_on(self, day: date) -> list[str]:
        """Return who is insured on a day."""
        return list(dict.fromkeys(life_of(code) for code in self.sums_on(day)))

    def take_off(self, life: str, stop: date) -> None:
        """Let a life's benefits end: a death is a fact, whatever the state of the policy.

        The money of a policy that has ended is divided: a person sees to what is left of it.
        """
        if self.ended_on is not None:
            return
        status, self.status = self.status, "active"
        gone = {code: None for code in self.sums_on(stop) if life_of(code) == life}
        if gone:
            self.change(dict(gone), stop)
        self.status = status

    def end_by_death(self, stop: date) -> None:
        """End the contract: what was paid for periods after that of the death goes back.

        The premium of the period in which the insured event fell is consumed by it: the contract
        keeps it, as it pays the benefit for it, at the price of the last day: what was changed from
        a later day on is no part of a contract that had ended by then. What was divided at an earlier end stays divided:
        a person sees to the premiums since the death.
        """
        if self.ended_on is not None:
            return
        self.use_credit()
        contract = replace(self, steps=[one for one in self.steps if one.effective < stop])
        demanded = sum(
            (
                contract.charge(line) - self.waived.get(line.due, ZERO)
                for line in self.lines
                if line.kind == "PREMIUM" and line.due < stop
            ),
            ZERO,
        )
        balance = self.cash - demanded
        owed = max(ZERO, -balance)
        self.ending = Ending(demanded, ZERO, demanded, max(ZERO, balance), owed)
        self.status, self.ended_on = "cancelled", stop
        for line in self.lines:
            line.is_cancelled |= line.due >= stop and line.kind == "PREMIUM"
        self.payable = self.ending.refund
        for receipt in self.receipts:
            receipt.unused = ZERO

    def free_for(self, months: int, stop: date) -> None:
        """Let no premium be due for the months after a death."""
        before = {id(one): self.charge(one) for one in self.lines if one.kind == "PREMIUM"}
        self.free_from, self.free_until = stop, months_after(stop, months)
        self._order += 1
        # The main benefits are gone already: this marks the day on which the price is another.
        self.steps.append(Step(self.free_until, self._order, MAIN, None))
        adjustment = ZERO
        for line in self.lines:
            if line.kind != "PREMIUM" or line.is_cancelled or line.end <= stop:
                continue
            difference = self.charge(line) - before[id(line)]
            if line.is_charged:
                adjustment += difference
            else:
                line.amount += difference
                self._give_back_excess(line)
        self._adjust(adjustment)
        self.use_credit()


def _lapse(policy: FamilyPolicy) -> None:
    policy.hold_off_lapse()
    policy.lapse()


@dataclass
class Told:
    """Something that happened to the contract or its money, because of a claim or not."""

    day: date
    act: Callable[[FamilyPolicy], Any]
    claim: Claim | None = None


@dataclass
class Family(Insured):
    """A policy on several lives as claims see it."""

    sold: FamilyPolicy | None = None
    goes_on: bool = False
    free_months: int = 0
    told: list[Told] = field(default_factory=list)
    dead: dict[str, date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start with the policy as it was sold."""
        assert self.sold is not None
        self.policy = deepcopy(self.sold)

    def tell(self, act: Callable[[FamilyPolicy], Any], claim: Claim | None = None) -> Any:
        """Do something to the policy, and remember it."""
        result = act(self.policy)
        self.told.append(Told(self.today, act, claim))
        return result

    def pass_to(self, day: date) -> None:
        """Let a day come."""
        self.today = day
        self.policy.pass_to(day)

    def add(self, code: str, cover: Cover) -> None:
        """Insure one more life from a day on; what happened since is read on the new contract."""
        day, amount = cover.steps[0]
        self.tell(lambda policy: policy.change({code: amount}, day))
        self.covers[code] = cover
        self._read_again(day)

    def is_in_force(self, day: date) -> bool:
        """Say whether there was cover on a day, as it is known today."""
        policy = self.policy
        ends = [policy.ended_on, policy.lapsed_on]
        if policy.ended_on is None and policy.lapsed_on is None:
            ends.append(policy.lapse_date)
        return day >= self.start and all(end is None or day < end for end in ends)

    def pay(self, claim: Claim, amount: Decimal) -> Payment:
        """Pay a claim, less what was due and unpaid on the day of the event; who died is dead."""
        if claim.status not in PAYABLE:
            raise Refused(f"a claim that is {claim.status} is not paid")
        if amount > claim.approved - claim.paid:
            raise Refused(f"{claim.approved - claim.paid} is left to pay")
        self._die(life_of(claim.code), claim)
        owed = self._owed_at(claim.event)
        payment = Payment(amount, min(amount, owed))
        claim.payments.append(payment)
        claim.reserve -= amount
        claim.status = self._standing(claim)
        if payment.deducted:
            name = f"of {claim.code} {len(self.told)}"
            self.tell(lambda policy: policy.pay(payment.deducted, name), claim)
        return payment

    def _owed_at(self, day: date) -> Decimal:
        """Return what is unpaid of the premiums due by a day, as the contract now stands."""
        policy = self.policy.settled()
        due = sum((one.outstanding for one in policy.open_lines(day)), ZERO)
        if policy.ending is None or policy.ended_on is None:
            return due
        if policy.ended_on <= day + ONE_DAY:
            return policy.ending.owed
        return min(due, policy.ending.owed)

    def _die(self, life: str, claim: Claim) -> None:
        if life in self.dead:
            return
        self.dead[life] = claim.event
        stop = claim.event + ONE_DAY
        left = [one for one in self.policy.lives_on(stop) if one != life]
        is_main = life == self.policy.main_on(claim.event)
        if not left or (is_main and not self.goes_on):
            self.tell(lambda policy: policy.end_by_death(stop), claim)
        else:
            self.tell(lambda policy: policy.take_off(life, stop), claim)
            if is_main:
                self.tell(lambda policy: self._follow(policy, left, stop), claim)
        self._read_again(stop)

    def _follow(self, policy: FamilyPolicy, left: list[str], stop: date) -> None:
        policy.followed.append((stop, "SPOUSE" if "SPOUSE" in left else left[0]))
        if self.free_months:
            policy.free_for(self.free_months, stop)

    def _measure(self, claim: Claim) -> None:
        died = self.dead.get(life_of(claim.code))
        kept = self.covers[claim.code]
        if died is not None:
            self.covers[claim.code] = Cover(
                [*kept.steps, (died + ONE_DAY, ZERO)], kept.waiting_days
            )
        super()._measure(claim)
        self.covers[claim.code] = kept

    def _read_again(self, since: date) -> None:
        """Read what is open again where the contract changed."""
        for claim in self.claims:
            if claim.status in OPEN and claim.event >= since:
                self._measure(claim)

    def lapse(self) -> None:
        """End cover for want of a premium; what happened since is read on what is left."""
        self.tell(_lapse)
        assert self.policy.lapsed_on is not None
        self._read_again(self.policy.lapsed_on)

    def cancel(self, day: date) -> None:
        """End the contract as its holder wants; what happened since has no cover."""
        had_lapsed = self.policy.lapsed_on is not None
        self.tell(lambda policy: policy.cancel("VOLUNTARY", day))
        if not had_lapsed:
            self._read_again(day)

    def undo_death(self, claim: Claim) -> None:
        """Restore everything as if this life had never been taken for dead."""
        life = life_of(claim.code)
        if life not in self.dead or not claim.paid:
            raise Refused("nobody was taken for dead")
        stop = self.dead.pop(life) + ONE_DAY
        for payment in claim.payments:
            payment.is_void = True
        claim.reserve = claim.approved
        claim.status = self._standing(claim)
        self.told = [one for one in self.told if one.claim is not claim]
        self.policy, today = deepcopy(self.sold), self.today  # type: ignore[assignment]
        for one in self.told:
            self.pass_to(one.day)
            one.act(self.policy)
        self.pass_to(today)
        self._read_again(stop)
