"""Noting how the book stands, for the trends of the start page."""

from insurance.core import clock
from insurance.core.db import db
from insurance.jobs.periodic import Periodic
from insurance.organizations.models import OrganizationKind
from insurance.organizations.queries import get_organization
from insurance.policies.portfolio_days import keep_portfolio_day as keep


def keep_portfolio_day() -> None:
    """Note how the book stands today; a second run notes it anew."""
    organization = get_organization(db.session())
    if organization.kind is OrganizationKind.INSURER:
        keep(on=clock.today(organization.timezone), now=clock.now())


PERIODIC = (Periodic(3600, keep_portfolio_day),)
