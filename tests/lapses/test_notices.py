"""Holders are told of a premium before it falls due and after it was not paid: each once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, select, text, update
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.db import db, transaction
from insurance.core.jobs import OutboxJob
from insurance.core.settings import Settings
from insurance.core.tenancy import current_org
from insurance.customers.models import Customer
from insurance.jobs import lapses as jobs
from insurance.jobs import outbox
from insurance.lapses import queries, services
from insurance.lapses.models import NoticeKind, PremiumNotice
from insurance.lapses.rules import Block
from insurance.notifications.models import Mail
from tests.factories.lapses import DUE, Owing, make_owing, make_rule, noon, pay, set_status

NOVEMBER = date(2026, 11, 4)


@pytest.fixture
def owing(session: Session) -> Owing:
    """Return a policy with premiums due on the 4th from October, none of them paid."""
    return make_owing()


def _mails(session: Session) -> Sequence[Mail]:
    session.rollback()
    kinds = ("premium_reminder", "non_payment_notice")
    return session.scalars(select(Mail).where(Mail.kind.in_(kinds)).order_by(Mail.id)).all()


def _run(day: date) -> None:
    with clock.frozen(noon(day)):
        jobs.send_due_notices()


def test_a_reminder_goes_on_each_day_of_the_schedule_and_on_no_other(
    session: Session, owing: Owing
) -> None:
    pay(owing.policy_id, 1)
    for before in range(9, -1, -1):
        _run(NOVEMBER - timedelta(days=before))

    days = session.scalars(select(PremiumNotice.days_before).order_by(PremiumNotice.id)).all()
    assert days == [7, 3, 1]
    mails = _mails(session)
    assert [mail.kind for mail in mails] == ["premium_reminder"] * 3
    assert mails[0].recipient == "palesa1@example.org"
    assert "due on 2026/11/04" in mails[0].body
    assert "R\u00a0100,00" in mails[0].body


def test_a_second_run_sends_nothing(session: Session, owing: Owing) -> None:
    for _ in range(3):
        _run(NOVEMBER - timedelta(days=7))
        _run(DUE + timedelta(days=1))

    assert [mail.kind for mail in _mails(session)] == ["premium_reminder", "non_payment_notice"]
    terms = queries.list_terms(session)
    for select_due, on in (
        (queries.list_due_reminders, NOVEMBER - timedelta(days=7)),
        (queries.list_due_non_payments, DUE + timedelta(days=1)),
    ):
        assert select_due(session, terms, on=on, limit=9) == []
    assert len(session.scalars(select(PremiumNotice)).all()) == 2


def test_the_rule_of_the_due_date_says_when_to_remind(session: Session, owing: Owing) -> None:
    make_rule(owing.product_id, reminder_schedule=[5], effective_from=NOVEMBER)
    pay(owing.policy_id, 1)
    _run(NOVEMBER - timedelta(days=7))
    assert _mails(session) == []
    _run(NOVEMBER - timedelta(days=5))

    assert len(_mails(session)) == 1


@pytest.mark.parametrize("why", ["paid", "suspended", "no address", "switched off"])
def test_nobody_is_reminded_without_need_or_way(session: Session, owing: Owing, why: str) -> None:
    if why == "paid":
        pay(owing.policy_id, 2)
    elif why == "suspended":
        set_status(owing.policy_id, "suspended")
    elif why == "no address":
        _forget_address(owing)
    else:
        make_rule(owing.product_id, send_email_reminders=False)
    _run(NOVEMBER - timedelta(days=7))

    assert [mail for mail in _mails(session) if mail.kind == "premium_reminder"] == []


def _forget_address(owing: Owing) -> None:
    with transaction() as writing:
        writing.execute(
            update(Customer)
            .where(Customer.org_id == current_org(), Customer.id == owing.customer_id)
            .values(email=None)
        )


def test_the_notice_names_amount_end_of_grace_and_law(session: Session, owing: Owing) -> None:
    _run(DUE)
    assert _mails(session) == []
    _run(DUE + timedelta(days=1))

    (mail,) = _mails(session)
    assert mail.kind == "non_payment_notice"
    for words in ("R\u00a0100,00", "2026/10/04", "2026/10/19", "Rule 15A"):
        assert words in mail.body
    (notice,) = session.scalars(select(PremiumNotice)).all()
    assert (notice.kind, notice.mail_id, notice.sent_on) == (
        NoticeKind.NON_PAYMENT,
        mail.id,
        DUE + timedelta(days=1),
    )


def test_where_an_older_premium_is_unpaid_the_notice_names_the_end_of_its_grace(
    session: Session, owing: Owing
) -> None:
    _run(NOVEMBER + timedelta(days=1))

    (mail,) = _mails(session)
    assert "was due on 2026/11/04" in mail.body
    assert "until the end of 2026/10/19" in mail.body


@pytest.mark.parametrize(("late", "mails"), [(15, 1), (16, 0)])
def test_the_notice_goes_within_15_days_or_not_at_all(
    session: Session, owing: Owing, late: int, mails: int
) -> None:
    _run(DUE + timedelta(days=late))

    assert len(_mails(session)) == mails


@pytest.mark.parametrize("why", ["paid", "lapsed", "by letter"])
def test_no_notice_without_need(session: Session, owing: Owing, why: str) -> None:
    if why == "paid":
        pay(owing.policy_id, 1)
    elif why == "lapsed":
        set_status(owing.policy_id, "lapsed")
    else:
        sent = DUE + timedelta(days=2)
        services.record_notice(
            owing.policy_id,
            recipient="Box 1",
            registered_number="RC 123 456 789 ZA",
            sent_on=sent,
            on=sent,
            now=noon(sent),
        )
    _run(DUE + timedelta(days=3))

    assert _mails(session) == []


def test_a_shortfall_within_the_tolerance_needs_no_notice(session: Session, owing: Owing) -> None:
    make_rule(owing.product_id, tolerance=5)
    pay(owing.policy_id, 1, "95.00")
    _run(DUE + timedelta(days=1))

    assert _mails(session) == []


def test_an_hour_without_a_mail_server_loses_and_doubles_nothing(
    app: Flask,
    session: Session,
    owing: Owing,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lapse = date(2026, 10, 20)
    down = replace(settings, smtp_url="smtp://127.0.0.1:1")
    up = replace(settings, smtp_url=None, instance=tmp_path)
    monkeypatch.setitem(app.config, "SETTINGS", down)
    _run(DUE + timedelta(days=1))
    job = session.scalars(select(OutboxJob).where(OutboxJob.done_at.is_(None))).all()[-1]
    session.rollback()
    with clock.frozen(noon(DUE + timedelta(days=1))), pytest.raises(OSError):  # noqa: PT011
        outbox.run(str(current_org()), str(job.id))
    _run(DUE + timedelta(days=1))
    assert queries.policy_forecast(session, owing.policy_id, lapse).blocked_by == (Block.NO_NOTICE,)
    session.rollback()

    monkeypatch.setitem(app.config, "SETTINGS", up)
    for later in (1, 2):
        with clock.frozen(noon(DUE + timedelta(days=1)) + timedelta(hours=later)):
            outbox.run(str(current_org()), str(job.id))
            jobs.send_due_notices()

    assert len(list((tmp_path / "mail").glob("*.eml"))) == 1
    assert len(_mails(session)) == 1
    assert queries.policy_forecast(session, owing.policy_id, lapse).is_candidate


def test_many_premiums_are_found_with_as_many_statements_as_few(
    session: Session, owing: Owing
) -> None:
    few = _selects_of(lambda: _run(NOVEMBER - timedelta(days=7)))
    for _ in range(4):
        make_owing(product_id=owing.product_id, customer_id=owing.customer_id)

    assert _selects_of(lambda: _run(NOVEMBER - timedelta(days=7))) == few
    assert len(_mails(session)) == 5


def _selects_of(work: Callable[[], object]) -> int:
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "premium_lines" in statement:
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len(seen)


def test_a_chunk_that_is_full_is_followed_by_the_rest(
    session: Session, owing: Owing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_CHUNK", 2)
    for _ in range(4):
        make_owing(product_id=owing.product_id, customer_id=owing.customer_id)
    _run(DUE + timedelta(days=1))

    assert len(_mails(session)) == 5


def test_two_rivals_tell_a_holder_once(session: Session, owing: Owing) -> None:
    with transaction() as writing:
        terms = queries.list_terms(writing)
        due = queries.list_due_non_payments(writing, terms, on=DUE + timedelta(days=1), limit=9)
    _run(DUE + timedelta(days=1))
    with transaction() as writing:
        sent = services._send_chunk(
            writing, due, terms, NoticeKind.NON_PAYMENT, "non_payment_notice", DUE
        )

    assert sent == 0
    assert len(_mails(session)) == 1


def test_the_platform_itself_has_nobody_to_tell(app: Flask) -> None:
    from insurance.core.tenancy import PLATFORM_ORG_ID, tenant_scope

    with app.app_context(), tenant_scope(PLATFORM_ORG_ID):
        jobs.send_due_notices()
        assert db.session.scalar(text("SELECT count(*) FROM ins.premium_notices")) == 0
