"""Runs as work: delivered twice, shared by workers, beside people at work, failing, reported."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from insurance.core.errors import ConflictError
from insurance.core.tenancy import tenant_scope
from insurance.jobs import month_end as jobs
from insurance.month_end import queries, services
from insurance.month_end.models import PackKind, RunStatus, StepCode
from insurance.month_end.packs import make_pack
from insurance.notifications.models import Mail
from insurance.policies.queries import get_policy
from insurance.policies.services import suspend_policy
from insurance.policies.services.schedule_steps import keep_schedules
from insurance.products.models import ProjectionType
from tests.factories.lifecycle import CHECKER, at, sell
from tests.factories.month_end import EVERYTHING, carry_out, escalate_by, month_end, plan
from tests.factories.organizations import OrganizationFacts

INDEXED = {"premium_projection_type": ProjectionType.INDEXED}
START = date(2025, 11, 5)
DAY = date(2026, 11, 30)
_MARK = text(
    "INSERT INTO ins.month_end_watermarks (org_id, policy_id, closed_through)"
    " VALUES (:org, :id, '2025-12-31')"
)
_HOLD = text("SELECT 1 FROM ins.month_end_watermarks WHERE policy_id = :id FOR UPDATE")
STEPS = EVERYTHING - {StepCode.LAPSES}


def _ready(policies: int, *, chunk: int = 1) -> UUID:
    """Return a run whose approved plan is about to be applied, with some policies a chunk."""
    for _ in range(policies):
        sell(START, premium="310.00", **INDEXED)
    escalate_by("6")
    with at(DAY) as now:
        wanted = services.WantedRun(process_date=DAY, steps=STEPS, chunk=chunk)
        run = services.request_run(wanted, on=DAY, now=now)
        services.work_on(run.id, now=lambda: now)
    with at(DAY, CHECKER) as now:
        services.approve_run(run.id, comment=None, now=now)
    with at(DAY) as now:
        services.apply_run(run.id, on=DAY, now=now)
    return run.id


def _count(connection: Connection, org: OrganizationFacts) -> tuple[int, int, int]:
    """Return how many transfers, events and rises the organization has."""
    return tuple(  # type: ignore[return-value]
        connection.scalar(
            text(f"SELECT count(*) FROM ins.{table} WHERE org_id = :org"), {"org": org.id}
        )
        for table in ("ledger_transfers", "policy_events", "endorsements")
    )


@contextmanager
def _worker(
    app: Flask, org: OrganizationFacts, do: Callable[[], object]
) -> Iterator[threading.Thread]:
    """Let somebody else work in the organization beside the test; wait for them in the end."""
    failed: list[BaseException] = []

    def working() -> None:
        try:
            with app.app_context(), tenant_scope(org.id), at(DAY):
                do()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=working)
    thread.start()
    yield thread
    thread.join(20)
    assert not thread.is_alive()
    assert failed == []


def test_work_that_is_delivered_twice_does_nothing_twice(
    session: Session, org: OrganizationFacts, admin_connection: Connection
) -> None:
    run_id = _ready(3)
    with at(DAY):
        jobs.work(str(run_id))
        once = _count(admin_connection, org)
        jobs.work(str(run_id))

    assert _count(admin_connection, org) == once
    session.expire_all()
    assert queries.get_run(session, run_id).status is RunStatus.COMPLETED


def test_workers_share_a_run_and_no_policy_is_done_twice(
    app: Flask, session: Session, org: OrganizationFacts, admin_connection: Connection
) -> None:
    run_id = _ready(8)
    before = _count(admin_connection, org)
    admin_connection.rollback()

    with at(DAY) as now, _worker(app, org, lambda: services.work_on(run_id, now=lambda: now)):
        services.work_on(run_id, now=lambda: now)
    with at(DAY) as now:
        services.work_on(run_id, now=lambda: now)

    after = _count(admin_connection, org)
    assert after[2] - before[2] == 8
    assert after[0] - before[0] == 8 * 12, "a year of premiums each"
    session.expire_all()
    assert queries.get_run(session, run_id).status is RunStatus.COMPLETED


def test_people_read_at_once_and_write_after_the_chunk_while_a_run_is_applied(
    app: Flask, session: Session, org: OrganizationFacts, admin_connection: Connection
) -> None:
    run_id = _ready(2)
    first, second = sorted(
        admin_connection.scalars(
            text("SELECT id FROM ins.policies WHERE org_id = :org"), {"org": org.id}
        )
    )
    # The worker comes to a stop at the end of the first chunk, before its transaction is over.
    admin_connection.execute(_MARK, {"org": org.id, "id": first})
    admin_connection.commit()
    admin_connection.execute(_HOLD, {"id": first})
    with at(DAY) as now:

        def suspend() -> None:
            suspend_policy(first, reason="asked", on=DAY, now=now)

        with _worker(app, org, lambda: services.work_on(run_id, now=lambda: now)):
            _wait_until_blocked(admin_connection)
            began = time.monotonic()
            assert get_policy(session, first).premium == Decimal("310.00")
            session.rollback()
            suspend_policy(second, reason="asked", on=DAY, now=now)
            assert time.monotonic() - began < 2
            with _worker(app, org, suspend) as writer:
                writer.join(0.5)
                assert writer.is_alive(), "waits for the chunk"
                admin_connection.rollback()
    session.expire_all()
    assert get_policy(session, first).status == "suspended"
    assert get_policy(session, first).premium == Decimal("328.60")
    assert [one.policy_id for one in queries.list_exceptions(session, run_id)] == [second]


def _wait_until_blocked(connection: Connection) -> None:
    deadline = time.monotonic() + 10
    waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    while not connection.scalar(waits):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_cancelling_stops_after_the_chunk_and_a_new_plan_takes_up_the_rest(
    session: Session, admin_connection: Connection, org: OrganizationFacts
) -> None:
    run_id = _ready(3)
    with at(DAY) as now:
        services.work_on(run_id, now=lambda: now, seconds=0.0001)
        services.cancel_run(run_id, now=now)
        services.work_on(run_id, now=lambda: now)
    session.expire_all()
    progress = queries.get_progress(session, queries.get_run(session, run_id), now=now)
    assert progress.done == 1
    session.rollback()

    rest = month_end(DAY, steps=STEPS)

    assert services.effects_of(rest, StepCode.ANNIVERSARIES) == 2
    assert _count(admin_connection, org)[2] == 3


def test_a_run_that_fails_says_why_and_goes_on_when_applied_again(session: Session) -> None:
    run_id = _ready(2)
    with at(DAY) as now:
        services.work_on(run_id, now=lambda: now, seconds=0.0001)
        services.fail_run(run_id, "RuntimeError: out of room", now=now)
        services.report_run(run_id, now=now)
        session.expire_all()
        run = queries.get_run(session, run_id)
        assert (run.status, run.error) == (RunStatus.FAILED, "RuntimeError: out of room")
        session.rollback()

        services.apply_run(run_id, on=DAY, now=now)
        services.work_on(run_id, now=lambda: now)

    session.expire_all()
    assert queries.get_run(session, run_id).status is RunStatus.COMPLETED
    mail = session.query(Mail).one()
    assert "failed" in mail.subject
    assert "out of room" in mail.body


def test_the_pack_ties_to_the_ledger_and_is_the_same_each_time(session: Session) -> None:
    # Its rise is an adjustment, which is no premium.
    sell(START, premium="310.00", **INDEXED)
    with at(DAY) as now:
        keep_schedules(on=DAY, now=now)
    sell(START, premium="100.00")
    run_id = _ready(3)
    with at(DAY) as now:
        services.work_on(run_id, now=lambda: now)
        services.report_run(run_id, now=now)
        services.report_run(run_id, now=now)
    session.expire_all()
    run = queries.get_run(session, run_id)
    for kind in PackKind:
        kept = queries.find_pack(session, run_id, kind)
        assert kept is not None
        with at(DAY + timedelta(days=1)):
            assert make_pack(session, run, kind) == kept.content

    excel = queries.find_pack(session, run_id, PackKind.XLSX)
    assert excel is not None
    book = openpyxl.load_workbook(io.BytesIO(excel.content))
    assert run.finished_at is not None
    assert book.properties.created == run.finished_at.replace(tzinfo=None)
    assert book.sheetnames == [
        "Summary",
        "Steps",
        "Ledger",
        "Ties",
        "Anniversaries",
        "Lapse candidates",
        "Lapsed",
        "Left out",
    ]
    ties = {row[0].value: [cell.value for cell in row[1:4]] for row in book["Ties"].iter_rows()}
    assert ties["Premiums charged"] == pytest.approx([12_415.80, 12_415.80, 0])
    assert session.query(Mail).count() == 1


def test_the_operations_list_hears_of_a_run_that_ended(session: Session) -> None:
    with at(DAY) as now:
        services.set_month_end(
            may_apply_unapproved=False,
            days_ahead=31,
            mail_to="operations@insurer.example\nfinance@insurer.example",
        )
    session.rollback()
    sell(START)
    run = carry_out(plan(DAY))
    with at(DAY) as now:
        services.report_run(run.id, now=now)

    mails = session.query(Mail).order_by(Mail.recipient).all()
    assert [one.recipient for one in mails] == [
        "finance@insurer.example",
        "operations@insurer.example",
    ]
    assert all("completed" in one.subject for one in mails)


def test_a_plan_is_made_unasked_where_that_is_wanted_and_once(session: Session) -> None:
    sell(START)
    today = date(2026, 12, 1)
    with at(today) as now:
        assert services.plan_last_month(on=today, now=now) is None
        services.set_month_end(may_apply_unapproved=False, days_ahead=31, plans_itself=True)
        run = services.plan_last_month(on=today, now=now)
        assert run is not None
        assert (run.process_date, run.status) == (DAY, RunStatus.PLANNING)
        assert services.plan_last_month(on=today, now=now) is None


def test_a_run_whose_workers_died_is_woken(
    session: Session, admin_connection: Connection, org: OrganizationFacts
) -> None:
    run_id = _ready(1)
    with at(DAY) as now:
        assert not services.wake_stalled_run(now=now), "its jobs wait to be taken"
        admin_connection.execute(
            text("UPDATE ins.jobs_outbox SET run_after = :later WHERE org_id = :org"),
            {"later": now + timedelta(hours=1), "org": org.id},
        )
        admin_connection.commit()
        assert not services.wake_stalled_run(now=now), "something was done a moment ago"
        later = now + timedelta(minutes=2)
        assert services.wake_stalled_run(now=later)
        assert not services.wake_stalled_run(now=later)
    assert run_id


def test_only_a_run_under_way_can_fail(session: Session) -> None:
    sell(START)
    run = plan(DAY)
    with at(DAY) as now:
        services.fail_run(run.id, "late", now=now)
        with pytest.raises(ConflictError, match="only an approved plan"):
            services.apply_run(run.id, on=DAY, now=now)
