"""Keeping the sums of the ledger."""

from insurance.jobs.periodic import Periodic
from insurance.ledger import services


def count_transfers() -> None:
    """Add what was posted to the sums by day and month; a second run finds nothing to add."""
    services.count_transfers()


PERIODIC = (Periodic(5, count_transfers),)
