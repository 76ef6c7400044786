"""The business day of the organization in scope."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import g

from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.organizations.queries import get_organization


def business_day() -> date:
    """Return today in the organization's time zone, which the sign-in has read."""
    return clock.today(_zone())


def first_moment(day: date) -> datetime:
    """Return midnight at the beginning of a day in the organization's time zone."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(_zone()))


def _zone() -> str:
    tenant = g.get("tenant")
    known = tenant.timezone if tenant else current_actor().timezone
    return known or get_organization(db.session()).timezone
