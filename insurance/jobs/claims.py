"""Watching the clocks of claims; keeping the sums of reports on them."""

from insurance.claims import services
from insurance.core import clock
from insurance.jobs.periodic import Periodic


def watch_deadlines() -> None:
    """Note on claims that their time is nearly or wholly over; a second run notes nothing."""
    services.watch_deadlines(now=clock.now())


def count_claims() -> None:
    """Count the claims that changed in the sums of reports; a second run finds nothing to add."""
    services.count_claims()


PERIODIC = (
    Periodic(60, watch_deadlines),
    Periodic(5, count_claims),
)
