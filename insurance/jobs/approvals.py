"""Reminding of requests that wait for other people, and ending those that nobody decides."""

from insurance.approvals import services
from insurance.core import clock
from insurance.jobs.periodic import Periodic


def expire_requests() -> None:
    """End what nobody decided in time; a second run finds nothing left to end."""
    services.expire_requests(now=clock.now())


def remind_deciders() -> None:
    """Remind of what has waited long, once a request; a second run reminds nobody."""
    services.remind_deciders(now=clock.now())


PERIODIC = (
    Periodic(3600, expire_requests),
    Periodic(3600, remind_deciders),
)
