"""The business day of the organization in scope."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import g

from insurance.core import clock
from insurance.core.db import db
from insurance.core.tenancy import current_org
from insurance.organizations.queries import get_organization


def business_day() -> date:
    """Return today in the organization's time zone, which is read once a request."""
    tenant = g.get("tenant")
    return clock.today(tenant.timezone if tenant else _zone())


def first_moment(day: date) -> datetime:
    """Return midnight at the beginning of a day in the organization's time zone."""
    tenant = g.get("tenant")
    zone = ZoneInfo(tenant.timezone if tenant else _zone())
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _zone() -> str:
    zones: dict[object, str] = g.setdefault("zones", {})
    org_id = current_org()
    if org_id not in zones:
        zones[org_id] = get_organization(db.session()).timezone
    return zones[org_id]
