"""What is given back where cover stops early."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from insurance.billing.rules.pro_rata import Step, instalment_at
from insurance.billing.rules.schedule import line_charge
from insurance.core.money import ZERO, to_cents, total
from insurance.core.period import Period

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class CoveredPeriod:
    """A premium period in which there was cover. Money is in rand.

    `whole` is what the contract charges for all of it, `earned` for its days of cover. `given_up`
    was waived or written off: nobody paid it, so it never goes back.
    """

    whole: Decimal
    earned: Decimal
    given_up: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Refund:
    """How the premium divides when cover stops. Money is in rand.

    `unearned` belongs to the days without cover; the contract keeps `retained` of it and credits
    `credit`. `recharge` was credited before and is owed again. `arrears` stay owed; `refund` goes
    back.
    """

    unearned: Decimal
    retained: Decimal
    credit: Decimal
    recharge: Decimal
    arrears: Decimal
    refund: Decimal


def earned_charge(
    period: Period, steps: Sequence[Step], stop: date, *, whole_days: int | None, method: str
) -> Decimal:
    """Return what a line costs where `stop` is the first day without cover, in rand.

    The same as what is charged for it, with a premium of nothing from that day on. The days
    without cover count by actual days, whatever the method by which changes are charged.
    """
    if stop >= period.end:
        return line_charge(period, steps, whole_days=whole_days, method=method)
    if stop <= period.start:
        return ZERO
    before = [step for step in steps if step.on < stop]
    charge = line_charge(period, before, whole_days=whole_days, method=method)
    at_stop = instalment_at(before, period.start if method == "NONE" else stop)
    left = to_cents(at_stop * (period.end - stop).days / (whole_days or period.days))
    return max(charge - left, ZERO)


def cancellation_refund(
    periods: Iterable[CoveredPeriod],
    *,
    charged: Decimal,
    owed: Decimal,
    unapplied: Decimal,
    basis: str = "PRO_RATA",
    short_rate_per_cent: Decimal = HUNDRED,
) -> Refund:
    """Divide what was paid where cover has stopped: receipts less earned less what is kept.

    PRO_RATA gives the unearned part of each period back, SHORT_RATE its per cent, FLAT none of it.
    `charged` is what the policy was charged net of what it was credited; the difference to what
    the contract earns and keeps is credited, or charged again. `owed` is what is open of the
    charges, `unapplied` money that settles none. What was never really paid for is not given
    back, and what is owed is settled first.
    """
    held = list(periods)
    kept = [_kept(one, basis, short_rate_per_cent) for one in held]
    retained = total(kept_of - one.earned for one, kept_of in zip(held, kept, strict=True))
    keeps = total(max(kept_of, one.given_up) for one, kept_of in zip(held, kept, strict=True))
    credit, recharge = max(charged - keeps, ZERO), max(keeps - charged, ZERO)
    left = credit + unapplied - owed - recharge
    return Refund(
        unearned=credit + retained,
        retained=retained,
        credit=credit,
        recharge=recharge,
        arrears=max(-left, ZERO),
        refund=max(left, ZERO),
    )


def _kept(period: CoveredPeriod, basis: str, short_rate_per_cent: Decimal) -> Decimal:
    unearned = max(period.whole - period.earned, ZERO)
    if basis == "FLAT":
        return period.earned + unearned
    if basis == "SHORT_RATE":
        return period.earned + unearned - to_cents(unearned * short_rate_per_cent / HUNDRED)
    return period.earned
