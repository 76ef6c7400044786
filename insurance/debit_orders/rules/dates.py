"""The day on which a premium is debited. The due date itself never moves."""

from calendar import monthrange
from datetime import date, timedelta
from enum import StrEnum

from insurance.core.business_days import is_business_day

_DAY = timedelta(days=1)


class Convention(StrEnum):
    """Where a debit goes that falls on a day without processing."""

    PRECEDING = "PRECEDING"
    FOLLOWING = "FOLLOWING"


def action_date(nominal: date, convention: Convention, holidays: frozenset[date]) -> date:
    """Return the business day on which a debit nominal on a day is presented."""
    step = _DAY if convention is Convention.FOLLOWING else -_DAY
    day = nominal
    while not is_business_day(day, holidays):
        day += step
    return day


def collection_date(due: date, collection_day: int | None) -> date:
    """Return the nominal day: the due date, or the first collection day on or after it.

    A collection day that a month does not have is that month's last day. Nothing is collected
    before it is due.
    """
    if collection_day is None:
        return due
    this_month = _in_month(due.year, due.month, collection_day)
    if this_month >= due:
        return this_month
    year, month = divmod(due.year * 12 + due.month, 12)
    return _in_month(year, month + 1, collection_day)


def nominal_window(
    action: date, convention: Convention, holidays: frozenset[date]
) -> tuple[date, date]:
    """Return the first and last nominal day that a convention moves to a business day."""
    first = last = action
    if convention is Convention.FOLLOWING:
        while not is_business_day(first - _DAY, holidays):
            first -= _DAY
    else:
        while not is_business_day(last + _DAY, holidays):
            last += _DAY
    return first, last


def collection_days(first: date, last: date) -> frozenset[int]:
    """Return the collection days that fall in a span: on its last day, a month stands for more."""
    days: set[int] = set()
    day = first
    while day <= last and len(days) < 31:
        days.add(day.day)
        if day.day == monthrange(day.year, day.month)[1]:
            days.update(range(day.day, 32))
        day += _DAY
    return frozenset(days)


def _in_month(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))
