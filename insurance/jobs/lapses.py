"""Telling holders of premiums that fall due or were not paid."""

from insurance.core import clock
from insurance.core.db import db
from insurance.lapses import services
from insurance.organizations.models import OrganizationKind
from insurance.organizations.queries import get_organization


def send_due_notices() -> None:
    """Send what is due today in the organization in scope; a second run sends nothing."""
    organization = get_organization(db.session())
    if organization.kind is OrganizationKind.INSURER:
        services.send_due_notices(on=clock.today(organization.timezone))
