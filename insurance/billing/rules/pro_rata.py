"""What a change inside a premium period costs for the rest of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from insurance.core.money import ZERO, to_cents
from insurance.core.period import Period, add_months


@dataclass(frozen=True, slots=True)
class Step:
    """From a day on, an instalment of the premium is this much."""

    on: date
    instalment: Decimal


def pro_rata(
    old: Decimal, new: Decimal, period: Period, on: date, *, method: str = "ACTUAL_DAYS"
) -> Decimal:
    """Return what a change from `on` adds to the premium of a period; negative gives back.

    `ACTUAL_DAYS`: difference × days left / days in the period, the day of the change counts as
    left. `MONTHS`: whole months left. `NONE`: the change costs from the next period on.
    """
    if method == "NONE":
        return ZERO
    left, whole = _parts(period, on, method)
    return to_cents((new - old) * left / whole)


def _parts(period: Period, on: date, method: str) -> tuple[int, int]:
    if method == "MONTHS":
        months = _months(period.start, period.end)
        if months:
            gone = next((n for n in range(months + 1) if add_months(period.start, n) >= on), months)
            return months - gone, months
    return (period.end - on).days, period.days


def _months(start: date, end: date) -> int:
    return max((end.year - start.year) * 12 + end.month - start.month, 0)


def instalment_at(steps: Iterable[Step], on: date) -> Decimal:
    """Return what an instalment costs on a day; nothing before the first step."""
    begun = [step for step in sorted(steps, key=lambda step: step.on) if step.on <= on]
    return begun[-1].instalment if begun else ZERO


def period_charge(period: Period, steps: Iterable[Step], *, method: str = "ACTUAL_DAYS") -> Decimal:
    """Return the premium of a period under every step that touches it.

    The instalment at the period's start, and pro-rata what each change inside it adds.
    """
    ordered = sorted(steps, key=lambda step: step.on)
    current, charge = ZERO, None
    for step in ordered:
        if step.on <= period.start:
            current = step.instalment
            continue
        if step.on >= period.end:
            break
        charge = current if charge is None else charge
        charge += pro_rata(current, step.instalment, period, step.on, method=method)
        current = step.instalment
    return current if charge is None else charge
