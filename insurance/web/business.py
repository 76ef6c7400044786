"""The business day of the organization in view."""

from datetime import date

from insurance.core import clock
from insurance.web.access import current_tenant


def business_day() -> date:
    """Return today in the organization's time zone."""
    return clock.today(current_tenant().timezone)
