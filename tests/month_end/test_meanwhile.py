"""Staff go on working while a month-end is applied."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.month_end.models import MonthEndRun
from insurance.month_end.services import apply_run, approve_run
from insurance.month_end.services.applying import apply_next
from insurance.policies.services import suspend_policy
from tests.factories.identity import TestClient
from tests.factories.lifecycle import CHECKER, at, sell
from tests.factories.month_end import plan
from tests.factories.organizations import OrganizationFacts

DAY = date(2026, 11, 30)
_LAST_TOUCHED = """
    INSERT INTO ins.month_end_watermarks (org_id, policy_id, closed_through)
    SELECT org_id, id, '2026-01-31' FROM ins.policies WHERE id = :policy
"""
_HOLD = "SELECT 1 FROM ins.month_end_watermarks WHERE policy_id = :policy FOR UPDATE"
_IS_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture
def book(session: Session) -> list[UUID]:
    """Sell two policies."""
    return sorted(sell(date(2026, 9, 5)) for _ in range(2))


@pytest.fixture
def run(book: list[UUID]) -> MonthEndRun:
    """Return an approved run that is to be applied, each policy a chunk of its own."""
    planned = plan(DAY, chunk=1)
    with at(DAY, CHECKER) as now:
        approve_run(planned.id, comment=None, now=now)
    with at(DAY) as now:
        return apply_run(planned.id, on=DAY, now=now)


@pytest.fixture
def held(admin_connection: Connection, book: list[UUID]) -> Iterator[Callable[[], None]]:
    """Hold the last thing that applying the first policy touches; return what lets go of it."""
    admin_connection.execute(text(_LAST_TOUCHED), {"policy": book[0]})
    admin_connection.commit()
    admin_connection.execute(text(_HOLD), {"policy": book[0]})
    yield admin_connection.rollback
    admin_connection.rollback()


def test_reads_never_wait_and_a_write_waits_at_most_for_the_chunk_of_its_policy(
    app: Flask,
    org: OrganizationFacts,
    book: list[UUID],
    run: MonthEndRun,
    held: Callable[[], None],
    api: Callable[..., TestClient],
    admin_connection: Connection,
) -> None:
    first, second = book

    def inside(do: Callable[[], Any]) -> Any:
        with app.app_context(), tenant_scope(org.id), at(DAY):
            try:
                return do()
            finally:
                db.session.remove()

    def apply_chunk() -> bool:
        with at(DAY) as now:
            return apply_next(run.id, now)

    def suspend(policy_id: UUID) -> None:
        with at(DAY) as now:
            suspend_policy(policy_id, reason="The holder asks", on=DAY, now=now)

    with ThreadPoolExecutor(3) as threads:
        applying: Future[bool] = threads.submit(inside, apply_chunk)
        try:
            _until_waiting(admin_connection, 1)
            for policy_id in book:
                answer = api(Role.MANAGER).get(f"/api/v1/policies/{policy_id}/detail")
                assert answer.status_code == 200
            threads.submit(inside, lambda: suspend(second)).result(timeout=20)
            writing = threads.submit(inside, lambda: suspend(first))
            _until_waiting(admin_connection, 2)
            assert not applying.done() and not writing.done()
        finally:
            held()
        assert applying.result(timeout=20) is True
        writing.result(timeout=20)


def _until_waiting(connection: Connection, number: int) -> None:
    """Return once so many transactions wait for a lock."""
    with connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as looking:
        for _ in range(2000):
            if looking.scalar(text(_IS_WAITING)) == number:
                return
            looking.execute(text("SELECT pg_sleep(0.005)"))
    raise AssertionError(f"There are not {number} transactions waiting.")
