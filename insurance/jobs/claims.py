"""Watching the clocks of claims."""

from insurance.claims import services
from insurance.core import clock


def watch_deadlines() -> None:
    """Note on claims that their time is nearly or wholly over; a second run notes nothing."""
    services.watch_deadlines(now=clock.now())
