"""The time an insurer has to decide: business days from the day the documents are complete."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from insurance.core.business_days import add_business_days

WARN_AFTER = 0.8
"""The part of the time after which a claim is warned of."""


@dataclass(frozen=True, slots=True)
class Clock:
    """When a decision is due and when somebody is warned."""

    warn_at: datetime
    due_at: datetime


def due_on(complete_on: date, days: int, closed: Set[date]) -> date:
    """Return the last day of the time to decide, in business days after the day of completion."""
    return add_business_days(complete_on, days, closed)


def clock_of(complete_at: datetime, days: int, closed: Set[date], zone: tzinfo) -> Clock:
    """Return the clock that starts at a moment: due at the end of the last day."""
    last = due_on(complete_at.astimezone(zone).date(), days, closed)
    due_at = datetime.combine(last + timedelta(days=1), time(), zone)
    return Clock(complete_at + (due_at - complete_at) * WARN_AFTER, due_at)
