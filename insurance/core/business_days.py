"""Business days: neither Saturday, Sunday nor a South African public holiday."""

from collections.abc import Set
from datetime import date, timedelta
from functools import cache

import holidays

_SATURDAY = 5


@cache
def public_holidays(first_year: int, last_year: int) -> frozenset[date]:
    """Return the public holidays of some years, observed Mondays included."""
    return frozenset(holidays.country_holidays("ZA", years=range(first_year, last_year + 1)))


def is_business_day(day: date, closed: Set[date]) -> bool:
    """Tell whether work is done on a day. `closed` holds the public holidays around it."""
    return day.weekday() < _SATURDAY and day not in closed


def add_business_days(origin: date, days: int, closed: Set[date]) -> date:
    """Return the business day that many after a day, which is itself not counted."""
    day, left = origin, days
    while left > 0:
        day += timedelta(days=1)
        left -= is_business_day(day, closed)
    return day
