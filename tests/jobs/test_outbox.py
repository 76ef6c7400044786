"""What a command asked for is done once, whoever wakes whom how often."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import update
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.jobs import OutboxJob
from insurance.core.settings import Settings
from insurance.core.tenancy import tenant_scope
from insurance.jobs import QUEUE, core, outbox, queue_of
from insurance.jobs.wake_up import ForeignJobError, WakeUp
from insurance.notifications.models import Mail
from insurance.notifications.services import send_later
from tests.factories.organizations import OrganizationFacts


@pytest.fixture
def job(session: Session) -> OutboxJob:
    """Return the job that sends a mail."""
    with transaction() as writing:
        send_later(writing, "password_changed", to="thandi@insurer.example", name="Thandi")
    found = session.query(OutboxJob).one()
    session.expunge(found)
    session.rollback()
    return found


def _mails_written(settings: Settings) -> int:
    folder = settings.instance / "mail"
    return len(list(folder.glob("*.eml"))) if folder.exists() else 0


def _now(session: Session, job: OutboxJob) -> OutboxJob:
    session.rollback()
    return session.get_one(OutboxJob, (job.org_id, job.id), populate_existing=True)


def _make_due(job: OutboxJob) -> None:
    with transaction() as writing:
        writing.execute(
            update(OutboxJob)
            .where(OutboxJob.id == job.id)
            .values(run_after=clock.now() - timedelta(seconds=1))
        )


def test_a_job_delivered_twice_is_done_once(
    job: OutboxJob, org: OrganizationFacts, session: Session, settings: Settings
) -> None:
    before = _mails_written(settings)

    outbox.run(str(org.id), str(job.id))
    outbox.run(str(org.id), str(job.id))

    done = _now(session, job)
    assert (done.attempts, done.done_at is not None, done.error) == (1, True, None)
    assert _mails_written(settings) == before + 1


def test_a_job_that_a_dead_worker_held_is_found_when_its_time_has_come(
    job: OutboxJob, org: OrganizationFacts, session: Session
) -> None:
    assert outbox._take(job.id) is not None
    assert outbox._take(job.id) is None, "held by the worker that took it"
    assert outbox.find_waiting() == []

    _make_due(job)

    assert outbox.find_waiting() == [job.id]


def test_the_sweeper_wakes_a_job_whose_wake_up_was_lost(
    job: OutboxJob, org: OrganizationFacts, app: Flask
) -> None:
    redis: Redis = app.extensions["redis"]
    redis.flushdb()
    assert queue_of(redis).job_ids == []

    core.wake_waiting_jobs()

    assert queue_of(redis).job_ids == [str(job.id)]
    redis.flushdb()


def test_the_sweeper_wakes_nobody_twice_until_a_wake_up_may_have_been_lost(
    job: OutboxJob, org: OrganizationFacts, app: Flask
) -> None:
    redis: Redis = app.extensions["redis"]
    redis.flushdb()
    core.wake_waiting_jobs()
    redis.delete(queue_of(redis).key)  # A worker took it, and died before it said so.

    core.wake_waiting_jobs()
    assert queue_of(redis).job_ids == []
    with clock.frozen(clock.now() + timedelta(minutes=6)):
        core.wake_waiting_jobs()

    assert queue_of(redis).job_ids == [str(job.id)]
    redis.flushdb()


def test_a_failing_job_keeps_its_error_and_is_given_up_after_four_days(
    job: OutboxJob, org: OrganizationFacts, session: Session
) -> None:
    with transaction() as writing:
        writing.execute(
            update(OutboxJob).where(OutboxJob.id == job.id).values(name="core.not_there")
        )
    for days, is_given_up in ((0, False), (3.9, False), (4, True)):
        _make_due(job)
        session.rollback()
        with (
            clock.frozen(job.created_at + timedelta(days=days, seconds=1)),
            pytest.raises(AttributeError),
        ):
            outbox.run(str(org.id), str(job.id))
        failed = _now(session, job)
        assert "not_there" in (failed.error or "")
        assert (failed.done_at is not None) is is_given_up


def test_a_job_of_another_insurer_is_not_found(
    job: OutboxJob, other_org: OrganizationFacts, session: Session
) -> None:
    with tenant_scope(other_org.id):
        assert outbox.find_waiting() == []
    outbox.run(str(other_org.id), str(job.id))

    assert _now(session, job).attempts == 0


def test_the_queue_holds_json_that_nobody_has_to_unpickle(job: OutboxJob, app: Flask) -> None:
    redis: Redis = app.extensions["redis"]
    redis.flushdb()
    core.wake_waiting_jobs()

    queued = queue_of(redis).jobs[0]

    assert json.loads(queued.data) == [
        "insurance.jobs.outbox.run",
        None,
        [str(job.org_id), str(job.id)],
        {},
    ]
    redis.flushdb()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("os.system", ["touch {path}"]),
        ("pathlib.Path.touch", ["{path}"]),
        ("insurance.jobs.outbox.run", ["{path}", "{path}"]),
        ("insurance.jobs.outbox.find_waiting", []),
    ],
)
def test_whoever_writes_to_the_queue_runs_nothing_but_a_wake_up(
    app: Flask, session: Session, tmp_path: Path, name: str, arguments: list[str]
) -> None:
    redis: Redis = app.extensions["redis"]
    touched = tmp_path / "touched"
    called = [argument.format(path=touched) for argument in arguments]
    foreign = Job(id="foreign", connection=redis, serializer=JSONSerializer)
    foreign.origin, foreign._func_name, foreign._instance = QUEUE, name, None
    foreign._args, foreign._kwargs = called, {}
    foreign._success_callback_name = foreign._failure_callback_name = "os.abort"
    foreign.save()

    read = queue_of(redis).fetch_job("foreign")

    assert isinstance(read, WakeUp)
    assert (read.success_callback, read.failure_callback, read.webhooks) == (None, None, [])
    with pytest.raises(ForeignJobError):
        read.perform()
    assert not touched.exists()
    redis.flushdb()


def test_a_worker_of_its_own_process_does_what_the_queue_holds(
    job: OutboxJob, session: Session, settings: Settings, app: Flask
) -> None:
    app.extensions["redis"].flushdb()
    core.wake_waiting_jobs()
    environ = os.environ | {
        "INSURANCE_MODE": "test",
        "INSURANCE_INSTANCE": str(settings.instance),
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
    }

    ended = subprocess.run(
        [sys.executable, "-m", "insurance", "worker", "--burst"],
        env=environ,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr.decode()[-2000:]
    done = _now(session, job)
    assert (done.attempts, done.error) == (1, None)
    assert done.done_at is not None
    assert session.query(Mail).one().sent_at is not None
