"""Earning a premium: evenly over the days of its period, to the cent."""

from datetime import date, timedelta
from decimal import Decimal

from insurance.core.money import ZERO, to_cents
from insurance.core.period import Period


def earned_by(amount: Decimal, period: Period, on: date) -> Decimal:
    """Return what of a premium for a period is earned at the end of a day.

    It only grows, and at the end of the last day of the period (of the day itself, where the
    period has none) it is the whole amount; so what is earned between days, as
    the difference of two such figures, adds up to the amount to the cent.
    """
    if on < period.start:
        return ZERO
    gone = (on - period.start).days + 1
    if gone >= period.days:
        return amount
    return to_cents(amount * gone / period.days)


def earned_between(amount: Decimal, period: Period, begin: date, end: date) -> Decimal:
    """Return what of a premium is earned from the day `begin` to the day `end`."""
    before = earned_by(amount, period, begin - timedelta(days=1))
    return earned_by(amount, period, end) - before
