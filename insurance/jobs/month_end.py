"""Keeping every schedule to the business date, and the work of month-end runs."""

from uuid import UUID

from insurance.core import clock
from insurance.core.db import db, transaction
from insurance.core.jobs import enqueue
from insurance.month_end import services
from insurance.organizations.models import OrganizationKind
from insurance.organizations.queries import get_organization
from insurance.policies.services.schedule_steps import keep_schedules as keep

_A_WHILE = 45.0
"""Seconds: well within what the queue gives a job, and what another waits before it takes over."""


def keep_schedules() -> None:
    """Extend, charge and mark what today asks for; a second run finds nothing to do."""
    organization = get_organization(db.session())
    if organization.kind is OrganizationKind.INSURER:
        keep(on=clock.today(organization.timezone), now=clock.now())


def work(run_id: str) -> None:
    """Do chunks of a run for a while, and ask for more; a second run shares what is left."""
    if not services.work_on(UUID(run_id), now=clock.now, seconds=_A_WHILE):
        with transaction() as session:
            enqueue(session, "month_end.work", run_id=run_id)
