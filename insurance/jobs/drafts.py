"""Tidying up after forms that nobody went on with."""

from insurance.core import clock
from insurance.drafts import services
from insurance.jobs.periodic import Periodic


def delete_expired() -> None:
    """Delete drafts that have expired; a second run finds none. Due once an hour."""
    services.delete_expired(now=clock.now())


PERIODIC = (Periodic(3600, delete_expired),)
