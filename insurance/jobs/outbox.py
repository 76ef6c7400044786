"""Running what commands asked for: the row is locked, done once, and marked in the same breath."""

from datetime import timedelta
from importlib import import_module
from uuid import UUID

from sqlalchemy import select, update

from insurance.core import clock
from insurance.core.context import Actor, Channel, acting_as
from insurance.core.db import db, transaction
from insurance.core.jobs import OutboxJob
from insurance.core.tenancy import current_org, tenant_scope

TRIED_FOR = timedelta(days=4)
"""A job that fails is tried for this long, at most an hour apart; an outage may last a weekend."""
_PATIENCE = timedelta(seconds=60)


def run(org_id: str, job_id: str) -> None:
    """Do one job of the outbox. A second run finds it done and does nothing."""
    with tenant_scope(UUID(org_id)):
        job = _take(UUID(job_id))
        if job is None:
            return
        actor = Actor(
            is_system=True, org_id=UUID(org_id), channel=Channel.JOB, request_id=job.request_id
        )
        try:
            with acting_as(actor):
                _function(job.name)(**job.arguments)
        except Exception as error:
            _failed(job, error)
            raise
        _done(job)


def find_waiting(limit: int = 500) -> list[UUID]:
    """Return jobs whose time has come and that nobody holds, in the organization in scope."""
    return list(
        db.session.scalars(
            select(OutboxJob.id)
            .where(
                OutboxJob.org_id == current_org(),
                OutboxJob.done_at.is_(None),
                OutboxJob.run_after <= clock.now(),
            )
            .order_by(OutboxJob.run_after, OutboxJob.id)
            .limit(limit)
        )
    )


def _take(job_id: UUID) -> OutboxJob | None:
    """Claim a job by moving its next run into the future; None if it is done or held."""
    now = clock.now()
    with transaction() as session:
        job = session.scalars(
            select(OutboxJob)
            .where(OutboxJob.org_id == current_org(), OutboxJob.id == job_id)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).one_or_none()
        if job is None or job.done_at is not None or job.run_after > now:
            return None
        job.attempts += 1
        job.run_after = now + _PATIENCE * 2 ** min(job.attempts - 1, 6)
    return job


def _done(job: OutboxJob) -> None:
    with transaction() as session:
        session.execute(
            update(OutboxJob)
            .where(OutboxJob.org_id == current_org(), OutboxJob.id == job.id)
            .values(done_at=clock.now(), error=None)
        )


def _failed(job: OutboxJob, error: Exception) -> None:
    db.session.rollback()
    now = clock.now()
    given_up = now if now - job.created_at >= TRIED_FOR else None
    with transaction() as session:
        session.execute(
            update(OutboxJob)
            .where(OutboxJob.org_id == current_org(), OutboxJob.id == job.id)
            .values(error=f"{type(error).__name__}: {error}"[:500], done_at=given_up)
        )


def _function(name: str):  # type: ignore[no-untyped-def]
    area, function = name.split(".")
    return getattr(import_module(f"insurance.jobs.{area}"), function)
