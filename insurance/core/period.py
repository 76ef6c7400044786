"""Spans of days, half-open, and dates counted from their origin."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `start` up to, but not including, `end`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.start > self.end:
            raise ValueError("A period cannot end before it starts.")

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    @property
    def days(self) -> int:
        """Return how many days there are."""
        return (self.end - self.start).days


@lru_cache(maxsize=4096)
def add_months(origin: date, months: int, *, day: int | None = None) -> date:
    """Return the same day some months later, or the month's last day where there is none.

    Count from the origin, never from the previous result: 31 January, 28 February, 31 March.
    `day` is the day of the month wanted, by default the origin's.
    """
    year, month = divmod(origin.year * 12 + origin.month - 1 + months, 12)
    wanted = day or origin.day
    return date(year, month + 1, min(wanted, monthrange(year, month + 1)[1]))


def add_years(origin: date, years: int) -> date:
    """Return the anniversary: 29 February falls on the 28th in common years."""
    return add_months(origin, 12 * years)


def age_last_birthday(born: date, on: date) -> int:
    """Return completed years on a day. Who was born on 29 February turns on the 28th."""
    if on < born:
        raise ValueError("A person has no age before birth.")
    age = on.year - born.year
    return age if add_years(born, age) <= on else age - 1
