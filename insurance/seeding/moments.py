"""When things of the demonstration happened: at office hours, and never after this moment."""

from datetime import UTC, date, datetime, time, timedelta

from insurance.core import clock


def office_hour(day: date, hour: int, minutes: int = 0) -> datetime:
    """Return a moment of a day, some minutes after an hour (UTC), or now where that is to come."""
    wished = datetime.combine(day, time(hour, tzinfo=UTC)) + timedelta(minutes=minutes)
    return min(wished, clock.now())
