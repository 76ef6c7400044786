"""The one table of periodic jobs, and how one runs: organization by organization."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from insurance.core.context import Actor, Channel, acting_as
from insurance.core.db import db
from insurance.core.tenancy import platform_scope, tenant_scope
from insurance.jobs import audit_logs, claims, core, identity, lapses, ledger, month_end
from insurance.organizations.models import OrganizationEntry


@dataclass(frozen=True)
class Periodic:
    """A job that runs every so often, in each organization or (once) on the platform."""

    name: str
    every_seconds: float
    run: Callable[[], object]
    per_organization: bool = True


PERIODIC = (
    Periodic("audit_logs.seal", 1, audit_logs.seal),
    Periodic("audit_logs.anchor", 3600, audit_logs.anchor),
    Periodic("core.wake_waiting_jobs", 5, core.wake_waiting_jobs),
    Periodic("core.forget_old_keys", 3600, core.forget_old_keys),
    Periodic("claims.watch_deadlines", 60, claims.watch_deadlines),
    Periodic("ledger.count_transfers", 5, ledger.count_transfers),
    Periodic("claims.count_claims", 5, claims.count_claims),
    Periodic("lapses.send_due_notices", 3600, lapses.send_due_notices),
    Periodic("lapses.keep_arrears_list", 900, lapses.keep_arrears_list),
    Periodic("month_end.keep_schedules", 3600, month_end.keep_schedules),
    Periodic("month_end.plan_month_end", 3600, month_end.plan_month_end),
    Periodic("month_end.watch", 15, month_end.watch),
    Periodic("identity.delete_expired", 3600, identity.delete_expired, per_organization=False),
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
