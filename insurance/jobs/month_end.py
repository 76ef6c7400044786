"""Keeping every schedule to the business date."""

from insurance.core import clock
from insurance.core.db import db
from insurance.organizations.models import OrganizationKind
from insurance.organizations.queries import get_organization
from insurance.policies.services.schedule_steps import keep_schedules as keep


def keep_schedules() -> None:
    """Extend, charge and mark what today asks for; a second run finds nothing to do."""
    organization = get_organization(db.session())
    if organization.kind is OrganizationKind.INSURER:
        keep(on=clock.today(organization.timezone), now=clock.now())
