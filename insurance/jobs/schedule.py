"""The periodic jobs of all areas, and how one runs: organization by organization."""

import time
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from uuid import UUID

import structlog
from flask import Flask
from sqlalchemy import select

from insurance import jobs
from insurance.core.context import Actor, Channel, acting_as
from insurance.core.db import db
from insurance.core.tenancy import platform_scope, tenant_scope
from insurance.jobs.periodic import Periodic
from insurance.organizations.models import OrganizationEntry

_log = structlog.get_logger()

PERIODIC: tuple[Periodic, ...] = tuple(
    job
    for module in iter_modules(jobs.__path__)
    for job in getattr(import_module(f"{jobs.__name__}.{module.name}"), "PERIODIC", ())
    if module.name != "schedule"
)


def keep_time(app: Flask, is_stopping: Callable[[], bool]) -> None:
    """Run each periodic job when its time has come, one after the other, until asked to stop."""
    last = dict.fromkeys(PERIODIC, float("-inf"))  # each runs at the start
    while not is_stopping():
        time.sleep(0.25)
        with app.app_context():
            for job in PERIODIC:
                due = time.monotonic() - last[job] >= job.every_seconds
                if due and not is_stopping():
                    last[job] = time.monotonic()
                    try:
                        run_due(job, is_stopping)
                    except Exception as error:
                        _log.error("periodic job failed", job=job.name, exc_info=error)


def run_due(job: Periodic, is_stopping: Callable[[], bool]) -> None:
    """Run a periodic job everywhere it is meant to run, or as far as it came when asked to stop."""
    if not job.per_organization:
        with platform_scope():
            job.run()
        return
    for org_id in _organizations():
        if is_stopping():
            return
        actor = Actor(is_system=True, org_id=org_id, channel=Channel.JOB)
        with tenant_scope(org_id), acting_as(actor):
            job.run()


def _organizations() -> list[UUID]:
    with platform_scope():
        return list(db.session.scalars(select(OrganizationEntry.org_id)))
