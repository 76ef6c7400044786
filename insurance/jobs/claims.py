"""Watching the clocks of claims; keeping the sums of the loss ratio."""

from insurance.claims import services
from insurance.core import clock


def watch_deadlines() -> None:
    """Note on claims that their time is nearly or wholly over; a second run notes nothing."""
    services.watch_deadlines(now=clock.now())


def count_loss_figures() -> None:
    """Add what was posted to the sums of the loss ratio; a second run finds nothing to add."""
    services.count_loss_figures()
