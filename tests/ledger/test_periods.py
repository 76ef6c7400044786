"""Closing the books: what is closed stays as it was reported."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, date, datetime

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core.db import db, transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.tenancy import tenant_scope
from insurance.ledger.models import LedgerClose
from insurance.ledger.periods import check_open, close_books, closed_through, reopen_books
from tests.factories.organizations import OrganizationFacts

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
TODAY = date(2026, 11, 20)
SEPTEMBER = date(2026, 9, 30)
OCTOBER = date(2026, 10, 31)


def _close(through: date = OCTOBER, *, on: date = TODAY) -> LedgerClose:
    return close_books(through, reason="Month reported", on=on, now=NOW)


def test_a_closed_month_takes_no_posting_and_says_which_day_it_is_closed_to(
    session: Session,
) -> None:
    _close()

    for day in (date(2026, 1, 5), OCTOBER):
        with pytest.raises(DomainError) as refused, transaction() as posting:
            check_open(posting, day)
        assert refused.value.message == (
            "The books are closed to 31 October 2026; use a later date."
        )
        assert refused.value.field == "payment_date"


def test_the_day_after_is_open(session: Session) -> None:
    _close()

    with transaction() as posting:
        check_open(posting, date(2026, 11, 1))


def test_before_the_first_close_everything_is_open(session: Session) -> None:
    with transaction() as posting:
        check_open(posting, date(1990, 1, 1))

    assert closed_through(session) is None


@pytest.mark.parametrize(
    ("through", "on", "why"),
    [
        (date(2026, 11, 30), TODAY, "Only a month that is over"),
        (OCTOBER, OCTOBER, "ended on 30 September 2026"),
        (date(2026, 10, 30), TODAY, "last day of a month"),
        (date(2028, 2, 28), date(2028, 3, 1), "last day of a month"),
    ],
)
def test_only_a_whole_month_that_is_over_can_be_closed(
    session: Session, through: date, on: date, why: str
) -> None:
    with pytest.raises(DomainError, match=why) as refused:
        _close(through, on=on)

    assert refused.value.field == "through"
    assert closed_through(session) is None


def test_the_month_before_closes_from_its_next_day_on(session: Session) -> None:
    _close(OCTOBER, on=date(2026, 11, 1))

    assert closed_through(session) == OCTOBER


@pytest.mark.parametrize("through", [SEPTEMBER, OCTOBER])
def test_what_is_closed_is_not_closed_again(session: Session, through: date) -> None:
    _close()

    with pytest.raises(ConflictError, match="closed to 31 October 2026 already"):
        _close(through)


@pytest.mark.parametrize("left", [SEPTEMBER, None])
def test_a_reopened_month_takes_postings_and_can_be_closed_again(
    session: Session, left: date | None
) -> None:
    _close()

    reopen_books(left, reason="Late bank statement", now=NOW)

    assert closed_through(session) == left
    with transaction() as posting:
        check_open(posting, OCTOBER)
    assert _close().sequence == 3
    assert closed_through(session) == OCTOBER


@pytest.mark.parametrize("through", [OCTOBER, date(2026, 11, 30)])
def test_reopening_must_lead_back(session: Session, through: date) -> None:
    _close()

    with pytest.raises(DomainError, match="before 31 October 2026"):
        reopen_books(through, reason="Late bank statement", now=NOW)


def test_open_books_cannot_be_reopened(session: Session) -> None:
    with pytest.raises(ConflictError, match="Nothing is closed"):
        reopen_books(None, reason="Late bank statement", now=NOW)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_closing_and_reopening_need_a_reason(session: Session, reason: str) -> None:
    with pytest.raises(DomainError) as refused:
        close_books(OCTOBER, reason=reason, on=TODAY, now=NOW)

    assert refused.value.field == "reason"
    assert closed_through(session) is None


def test_closing_and_reopening_are_audited_with_their_reason(session: Session) -> None:
    _close()
    reopen_books(None, reason="Late bank statement", now=NOW)

    events = session.scalars(
        select(AuditEvent).where(AuditEvent.resource == "ledger_closes").order_by(AuditEvent.id)
    ).all()
    assert [(one.action, one.reason, one.after) for one in events] == [
        ("ledger.close", "Month reported", {"closed_through": "2026-10-31"}),
        ("ledger.reopen", "Late bank statement", {"closed_through": None}),
    ]


def test_another_insurers_close_closes_nothing_here(
    session: Session, other_org: OrganizationFacts
) -> None:
    with tenant_scope(other_org.id):
        _close()

    assert closed_through(session) is None


def test_a_close_waits_for_a_posting_under_way_and_the_next_one_is_refused(
    app: Flask, org: OrganizationFacts
) -> None:
    checked, may_commit = threading.Event(), threading.Event()
    order: list[str] = []

    def post_slowly() -> None:
        with app.app_context(), tenant_scope(org.id), transaction() as session:
            check_open(session, OCTOBER)
            checked.set()
            may_commit.wait(10)
            order.append("posted")

    def close() -> None:
        with app.app_context(), tenant_scope(org.id):
            _close()
            order.append("closed")

    with ThreadPoolExecutor(2) as pool:
        posting = pool.submit(copy_context().run, post_slowly)
        assert checked.wait(10)
        closing = pool.submit(copy_context().run, close)
        with pytest.raises(TimeoutError):
            closing.result(0.5)
        may_commit.set()
        posting.result(10)
        closing.result(10)

    assert order == ["posted", "closed"]
    with app.app_context(), tenant_scope(org.id), pytest.raises(DomainError):
        check_open(db.session(), OCTOBER)


def test_a_posting_that_waited_for_a_close_sees_it(app: Flask, org: OrganizationFacts) -> None:
    locked, may_commit = threading.Event(), threading.Event()

    def close_slowly() -> None:
        from insurance.ledger.periods import _write
        from insurance.organizations.queries import get_organization

        with app.app_context(), tenant_scope(org.id), transaction() as session:
            get_organization(session, lock=True)
            _write(session, None, OCTOBER, reason="Month reported", reopens=False, now=NOW)
            locked.set()
            may_commit.wait(10)

    def post() -> None:
        with app.app_context(), tenant_scope(org.id), transaction() as session:
            session.execute(select(LedgerClose)).all()
            check_open(session, OCTOBER)

    with ThreadPoolExecutor(2) as pool:
        closing = pool.submit(copy_context().run, close_slowly)
        assert locked.wait(10)
        posting = pool.submit(copy_context().run, post)
        with pytest.raises(TimeoutError):
            posting.result(0.5)
        may_commit.set()
        closing.result(10)
        with pytest.raises(DomainError, match="closed to 31 October"):
            posting.result(10)


def test_a_close_after_a_step_that_was_taken_back_is_seen(
    app: Flask, org: OrganizationFacts
) -> None:
    def close() -> None:
        with app.app_context(), tenant_scope(org.id):
            _close()

    with (
        app.app_context(),
        tenant_scope(org.id),
        ThreadPoolExecutor(1) as pool,
        transaction() as session,
    ):
        step = session.begin_nested()
        check_open(session, OCTOBER)
        step.rollback()
        pool.submit(copy_context().run, close).result(10)
        with pytest.raises(DomainError, match="closed to 31 October"):
            check_open(session, OCTOBER)
