"""What is given back where cover stops early."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from insurance.core.money import ZERO, to_cents, total
from insurance.core.period import Period

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class CoveredPremium:
    """A premium that was charged or paid, for a period of cover.

    `given_up` of it was waived or written off: nobody paid it, so it never goes back.
    """

    period: Period
    amount: Decimal
    paid: Decimal
    given_up: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Refund:
    """How the premium divides when cover stops. Money is in rand.

    `unearned` belongs to the days without cover; the contract keeps `retained` of it; `arrears`
    are what was owed before. `credit` is what the policy is credited; `refund` is what goes back.
    """

    unearned: Decimal
    retained: Decimal
    credit: Decimal
    arrears: Decimal
    refund: Decimal


def cancellation_refund(
    premiums: Iterable[CoveredPremium],
    on: date,
    *,
    basis: str = "PRO_RATA",
    short_rate_per_cent: Decimal = HUNDRED,
    unapplied: Decimal = ZERO,
) -> Refund:
    """Divide the premiums where `on` is the first day without cover.

    PRO_RATA gives the unearned part back, SHORT_RATE its per cent, FLAT none of it. The earned
    part is rounded nowhere: what is unearned is rounded half up by actual days and the rest is
    earned, so that the two add up. What was never really paid for is not given back, and what is
    still owed is settled first.
    """
    held = list(premiums)
    unearned = total(_unearned(one, on) for one in held)
    credit = unearned
    if basis == "SHORT_RATE":
        credit = to_cents(unearned * short_rate_per_cent / HUNDRED)
    elif basis == "FLAT":
        credit = ZERO
    owed = total(one.amount - one.paid for one in held)
    available = credit + unapplied
    return Refund(
        unearned=unearned,
        retained=unearned - credit,
        credit=credit,
        arrears=max(owed - available, ZERO),
        refund=max(available - owed, ZERO),
    )


def _unearned(premium: CoveredPremium, on: date) -> Decimal:
    period = premium.period
    if on >= period.end:
        return ZERO
    share = premium.amount
    if on > period.start:
        share = to_cents(premium.amount * (period.end - on).days / period.days)
    return min(share, max(premium.amount - premium.given_up, ZERO))
