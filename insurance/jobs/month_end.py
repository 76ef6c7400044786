"""Keeping every schedule to the business date, and the work of month-end runs."""

from uuid import UUID

from psycopg import OperationalError as PsycopgOperationalError
from sqlalchemy.exc import OperationalError

from insurance.core import clock
from insurance.core.db import db, transaction
from insurance.core.jobs import enqueue
from insurance.jobs.periodic import Periodic
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
    """Do chunks of a run for a while, and ask for more; a second run shares what is left.

    What the database or its connection interrupts is tried again; anything else ends the run.
    """
    try:
        is_over = services.work_on(UUID(run_id), now=clock.now, seconds=_A_WHILE)
    except (OperationalError, PsycopgOperationalError):
        raise
    except Exception as error:
        services.fail_run(UUID(run_id), f"{type(error).__name__}: {error}", now=clock.now())
        raise
    if not is_over:
        with transaction() as session:
            enqueue(session, "month_end.work", run_id=run_id)


def report(run_id: str) -> None:
    """Make the pack of a run that ended, and tell the operations list."""
    services.report_run(UUID(run_id), now=clock.now())


def plan_month_end() -> None:
    """Plan the month that ended, where the organization wants plans unasked; a person approves."""
    organization = get_organization(db.session())
    if organization.kind is OrganizationKind.INSURER:
        services.plan_last_month(on=clock.today(organization.timezone), now=clock.now())


def watch() -> None:
    """Wake a run whose workers died."""
    services.wake_stalled_run(now=clock.now())


PERIODIC = (
    Periodic(3600, keep_schedules),
    Periodic(3600, plan_month_end),
    Periodic(15, watch),
)
