"""The business day of the organization in scope."""

from datetime import date

from flask import g

from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.organizations.queries import get_organization


def business_day() -> date:
    """Return today in the organization's time zone, which the sign-in has read."""
    tenant = g.get("tenant")
    known = tenant.timezone if tenant else current_actor().timezone
    return clock.today(known or get_organization(db.session()).timezone)
