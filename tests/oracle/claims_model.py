"""What is left of a cover and what a claim may be paid: a plain model, from the rules of the trade.

It knows nothing of the product, as `model.py`, and nothing is stored that follows from the
contract: cover on a day is worked out from its steps each time it is asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from tests.oracle.calendar_and_cents import ZERO, cents
from tests.oracle.model import Refused

ACCIDENT = "ACCIDENT"


@dataclass(frozen=True)
class Layer:
    """Cover that was added on a day, and the first day on which natural causes are paid."""

    amount: Decimal
    waits_until: date


@dataclass
class Cover:
    """A benefit: its sum assured from day to day, its waiting period and its excess."""

    steps: list[tuple[date, Decimal]]
    waiting_days: int = 0
    excess_amount: Decimal = ZERO
    excess_per_cent: Decimal = ZERO

    def layers_on(self, day: date) -> list[Layer]:
        """Return the layers in force on a day: a rise adds one, a cut takes the newest first."""
        layers: list[Layer] = []
        for effective, amount in self.steps:
            if effective > day:
                break
            more = amount - sum((one.amount for one in layers), ZERO)
            if more > 0:
                layers.append(Layer(more, effective + timedelta(days=self.waiting_days)))
            while more < 0:
                newest = layers.pop()
                if newest.amount + more > 0:
                    layers.append(Layer(newest.amount + more, newest.waits_until))
                more = min(ZERO, newest.amount + more)
        return layers

    def amount_on(self, day: date) -> Decimal:
        """Return the sum assured on a day."""
        return sum((one.amount for one in self.layers_on(day)), ZERO)

    def payable_on(self, day: date, cause: str) -> Decimal:
        """Return what is past its waiting period for a cause; one not stated waits as natural."""
        return sum(
            (
                one.amount
                for one in self.layers_on(day)
                if cause == ACCIDENT or day >= one.waits_until
            ),
            ZERO,
        )

    def excess_of(self, loss: Decimal) -> Decimal:
        """Return what the holder bears of a loss."""
        part = cents(Fraction(loss) * Fraction(self.excess_per_cent) / 100)
        return min(loss, max(self.excess_amount, part))


@dataclass
class Payment:
    """What was paid at once, and what of it settled premiums."""

    gross: Decimal
    deducted: Decimal
    is_void: bool = False


@dataclass
class Claim:
    """A claim on one benefit."""

    code: str
    requested: Decimal
    event: date
    cause: str
    status: str = "SUBMITTED"
    decision: str | None = None
    cover: Decimal = ZERO
    claimed: Decimal = ZERO
    remaining: Decimal = ZERO
    excess: Decimal = ZERO
    payable: Decimal = ZERO
    waits: bool = False
    reserve: Decimal = ZERO
    approved: Decimal = ZERO
    payments: list[Payment] = field(default_factory=list)

    @property
    def paid(self) -> Decimal:
        """Return what was paid of it and stays paid."""
        return sum((one.gross for one in self.payments if not one.is_void), ZERO)


OPEN = ("SUBMITTED", "UNDER_ASSESSMENT")
PAYABLE = ("APPROVED", "PARTIALLY_APPROVED", "PART_PAID")


@dataclass
class Insured:
    """A policy as a claim sees it: when it was in force, its covers, and its claims."""

    start: date
    today: date
    covers: dict[str, Cover]
    owed: Decimal = ZERO
    grace_days: int = 31
    suspended: list[list[date | None]] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)

    @property
    def lapse_date(self) -> date | None:
        """Return the first day without cover where the first premium stays unpaid."""
        return self.start + timedelta(days=self.grace_days + 1) if self.owed else None

    @property
    def is_suspended(self) -> bool:
        """Say whether cover is stopped for the time being."""
        return bool(self.suspended) and self.suspended[-1][1] is None

    def is_in_force(self, day: date) -> bool:
        """Say whether there was cover on a day."""
        # A suspension stops collecting; cover and premium both go on.
        return day >= self.start and (self.lapse_date is None or day < self.lapse_date)

    def used(self, code: str, besides: Claim | None = None) -> Decimal:
        """Return what was paid of a cover or is approved and not yet paid."""
        return sum(
            (
                max(one.approved, one.paid)
                for one in self.claims
                if one.code == code and one is not besides
            ),
            ZERO,
        )

    def remaining(self, code: str) -> Decimal:
        """Return what is left of a cover today."""
        cover = self.covers[code].amount_on(self.today)
        return max(ZERO, cover - self.used(code))

    def submit(self, code: str, requested: Decimal, event: date, cause: str) -> Claim:
        """Register a claim as at its event, capped at what is left of the cover."""
        if event > self.today:
            raise Refused("it has not happened yet")
        claim = Claim(code, requested, event, cause)
        self._measure(claim)
        claim.reserve = claim.claimed
        self.claims.append(claim)
        return claim

    def _measure(self, claim: Claim) -> None:
        cover, there = self.covers[claim.code], self.is_in_force(claim.event)
        used = self.used(claim.code, besides=claim)
        amount = cover.amount_on(claim.event) if there else ZERO
        past = cover.payable_on(claim.event, claim.cause) if there else ZERO
        claim.cover = amount
        claim.remaining = max(ZERO, amount - used)
        claim.claimed = min(claim.requested, claim.remaining)
        claim.excess = cover.excess_of(claim.requested) if there else ZERO
        claim.payable = min(claim.requested - claim.excess, max(ZERO, past - used))
        claim.waits = past < amount

    def assess(self, claim: Claim, amount: Decimal, cause: str | None = None) -> None:
        """Approve an amount of a claim, or nothing; what is approved is held of the cover."""
        if claim.status not in OPEN:
            raise Refused(f"a claim that is {claim.status} is not assessed")
        claim.cause = cause or claim.cause
        self._measure(claim)
        if amount > claim.payable or amount < claim.paid:
            raise Refused(f"{claim.payable} may be approved, {claim.paid} is paid")
        claim.approved = amount
        claim.reserve = amount - claim.paid
        whole = claim.requested - claim.excess
        claim.decision = (
            "REJECTED" if not amount else "APPROVED" if amount == whole else "PARTIALLY_APPROVED"
        )
        claim.status = self._standing(claim)

    def _standing(self, claim: Claim) -> str:
        if claim.decision == "REJECTED":
            return "REJECTED"
        assert claim.decision is not None
        if not claim.paid:
            return claim.decision
        return "PAID" if claim.paid == claim.approved else "PART_PAID"

    def pay(self, claim: Claim, amount: Decimal) -> Payment:
        """Pay of what was approved; the premium owed on the day of the event is kept back."""
        if claim.status not in PAYABLE:
            raise Refused(f"a claim that is {claim.status} is not paid")
        if amount > claim.approved - claim.paid:
            raise Refused(f"{claim.approved - claim.paid} is left to pay")
        payment = Payment(amount, min(amount, self.owed))
        self.owed -= payment.deducted
        claim.payments.append(payment)
        claim.reserve -= amount
        claim.status = self._standing(claim)
        return payment

    def void(self, claim: Claim, payment: Payment) -> None:
        """Take a payment back that did not arrive: it is owed again, and so is the premium."""
        if payment.is_void:
            raise Refused("it is void already")
        payment.is_void = True
        self.owed += payment.deducted
        claim.reserve += payment.gross
        claim.status = self._standing(claim)

    def reopen(self, claim: Claim) -> None:
        """Assess anew what was not approved."""
        if claim.status in OPEN:
            raise Refused("it is open")
        if claim.decision == "APPROVED" and claim.status != "CLOSED":
            raise Refused("everything was approved")
        self._measure(claim)
        claim.status, claim.decision = "UNDER_ASSESSMENT", None
        claim.reserve = max(claim.claimed, claim.approved) - claim.paid

    def close(self, claim: Claim) -> None:
        """End a claim: what is reserved and not paid is released."""
        if claim.status in ("CLOSED", "PAID", "REJECTED"):
            raise Refused(f"a claim that is {claim.status} is not closed")
        claim.status, claim.reserve, claim.approved = "CLOSED", ZERO, claim.paid

    def change_cover(self, code: str, amount: Decimal) -> None:
        """Change the sum assured from today on: what happened today is read on the new cover.

        A claim is read at its notice, at its decision, and where the contract changes between.
        """
        if self.is_suspended:
            raise Refused("it is suspended")
        self.covers[code].steps.append((self.today, amount))
        for claim in self.claims:
            if claim.status in OPEN and claim.event >= self.today:
                self._measure(claim)

    def suspend(self) -> None:
        """Stop cover from today on."""
        if self.is_suspended:
            raise Refused("it is suspended")
        self.suspended.append([self.today, None])

    def reinstate(self) -> None:
        """Let cover go on from today on."""
        if not self.is_suspended:
            raise Refused("it is in force")
        self.suspended[-1][1] = self.today


def parts_are_right(total: Decimal, shares: list[Decimal], parts: list[Decimal]) -> bool:
    """Say whether parts add up to a total and none is a cent or more beside its share.

    Three shares of 33.33, 33.33 and 33.34 are a third each: hundredths cannot say it better.
    """
    are_equal = max(shares) - min(shares) <= Decimal("0.01")
    wholes = [Fraction(1, len(shares)) if are_equal else Fraction(one) / 100 for one in shares]
    exact: Iterator[Fraction] = (Fraction(total) * one for one in wholes)
    return sum(parts, ZERO) == total and all(
        abs(Fraction(part) - right) < Fraction(1, 100)
        for part, right in zip(parts, exact, strict=True)
    )
