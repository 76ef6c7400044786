"""The periodic jobs of all areas, and how one runs: organization by organization."""

from importlib import import_module
from pkgutil import iter_modules
from uuid import UUID

from sqlalchemy import select

from insurance import jobs
from insurance.core.context import Actor, Channel, acting_as
from insurance.core.db import db
from insurance.core.tenancy import platform_scope, tenant_scope
from insurance.jobs.periodic import Periodic
from insurance.organizations.models import OrganizationEntry

PERIODIC: tuple[Periodic, ...] = tuple(
    job
    for module in iter_modules(jobs.__path__)
    for job in getattr(import_module(f"{jobs.__name__}.{module.name}"), "PERIODIC", ())
    if module.name != "schedule"
)


def run_due(job: Periodic) -> None:
    """Run a periodic job everywhere it is meant to run."""
    if not job.per_organization:
        with platform_scope():
            job.run()
        return
    for org_id in _organizations():
        actor = Actor(is_system=True, org_id=org_id, channel=Channel.JOB)
        with tenant_scope(org_id), acting_as(actor):
            job.run()


def _organizations() -> list[UUID]:
    with platform_scope():
        return list(db.session.scalars(select(OrganizationEntry.org_id)))
