"""The premium lines still to come: laid from a start at an interval on a day of the month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from insurance.billing.rules.pro_rata import Step, period_charge
from insurance.core.money import to_cents
from insurance.core.period import Period, add_months

MONTHS_AHEAD = 12


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """A premium that will fall due on a day for the period that starts there.

    `whole_days` is set where the period only bridges to a new due day, or is cut short by the end
    of the term: the days a whole one has.
    """

    period: Period
    amount: Decimal
    whole_days: int | None = None


def plan_lines(
    start: date,
    *,
    due_day: int,
    months: int,
    until: date,
    expiry: date | None,
    steps: Sequence[Step],
    method: str = "ACTUAL_DAYS",
) -> list[PlannedLine]:
    """Return the lines that fall due from `start` up to, but not on, `until`.

    Due dates are counted on the due day: 31 January, 28 February, 31 March. Where `start` is not
    the due day, the first line runs to it, and the last line ends with the term: both cost their
    share of a whole period, so that no day is left out, paid twice or paid without cover.
    """
    lines, whole = [], None
    origin = add_months(start, 0, day=due_day)
    if origin != start:
        origin = origin if origin > start else add_months(start, 1, day=due_day)
        whole = Period(add_months(origin, -months, day=due_day), origin)
        lines.append(Period(start, origin))
    count = 0
    while (at := add_months(origin, months * count, day=due_day)) < until:
        count += 1
        lines.append(Period(at, add_months(origin, months * count, day=due_day)))
    found = []
    for period in lines:
        if period.start < until and (expiry is None or period.start < expiry):
            days = whole.days if whole and period.end == origin else None
            found.append(_planned(period, days, expiry, steps, method))
    return found


def _planned(
    period: Period, days: int | None, expiry: date | None, steps: Sequence[Step], method: str
) -> PlannedLine:
    if expiry is not None and period.end > expiry:
        days = days or period.days
        period = Period(period.start, expiry)
    amount = line_charge(period, steps, whole_days=days, method=method)
    return PlannedLine(period, amount, days)


def line_charge(
    period: Period, steps: Sequence[Step], *, whole_days: int | None, method: str
) -> Decimal:
    """Return what a line costs: of a part of a period its share of a whole one, by days."""
    if whole_days is None:
        return period_charge(period, steps, method=method)
    current = period_charge(Period(period.start, period.start), steps)
    charge = to_cents(current * period.days / whole_days)
    for step in sorted(steps, key=lambda one: one.on):
        if period.start < step.on < period.end and method != "NONE":
            left = (period.end - step.on).days
            charge += to_cents((step.instalment - current) * left / whole_days)
            current = step.instalment
    return charge
