"""The daily schedule: lines a year ahead, premiums charged, arrears marked."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from flask import Flask
from sqlalchemy.orm import Session

from insurance.billing.models import LineStatus
from insurance.billing.queries import list_premium_lines, unapplied_credit
from insurance.core.db import db
from insurance.core.tenancy import tenant_scope
from insurance.lapses.services import record_notice
from insurance.ledger.models import TransferType
from insurance.ledger.periods import close_books
from insurance.ledger.queries import list_policy_transfers
from insurance.policies.models import EndorsementType, PolicyStatus
from insurance.policies.queries import get_policy, list_events
from insurance.policies.replay import find_differences
from insurance.policies.services import lapse_policy, suspend_policy
from insurance.policies.services.endorsements import EndorsementRequest, endorse_policy
from insurance.policies.services.schedule_steps import Kept, keep_schedules
from tests.factories.lifecycle import at, pay, sell
from tests.factories.organizations import OrganizationFacts

D = Decimal
START = date(2026, 1, 31)


def _keep(day: date) -> Kept:
    with at(day) as now:
        return keep_schedules(on=day, now=now)


def _dues(session: Session, policy_id: UUID) -> list[date]:
    session.rollback()
    return [line.due_date for line in list_premium_lines(session, policy_id)]


def test_a_new_policy_needs_nothing(session: Session) -> None:
    policy_id = sell(START)

    assert _keep(START) == Kept()
    assert len(_dues(session, policy_id)) == 12


def test_a_schedule_reaches_twelve_months_ahead_and_counts_from_the_due_day(
    session: Session,
) -> None:
    policy_id = sell(START)

    kept = _keep(date(2026, 4, 30))

    assert kept.lines_added == 3
    dues = _dues(session, policy_id)
    assert dues[:4] == [START, date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]
    assert dues[12:] == [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31)]


def test_a_second_run_does_nothing(session: Session) -> None:
    sell(START)
    _keep(date(2026, 4, 30))

    assert _keep(date(2026, 4, 30)) == Kept()


def test_no_day_is_left_out_whenever_the_job_runs(session: Session) -> None:
    daily, late = sell(START), sell(START)
    for days in range(0, 120, 7):
        with at(START + timedelta(days=days)) as now:
            keep_schedules(on=START + timedelta(days=days), now=now, chunk=1)
    _keep(START + timedelta(days=120))

    assert _dues(session, daily) == _dues(session, late)


def test_what_falls_due_is_charged_once(session: Session) -> None:
    policy_id = sell(START)

    assert _keep(date(2026, 2, 27)).premiums_charged == 0
    assert _keep(date(2026, 2, 28)).premiums_charged == 1
    assert _keep(date(2026, 2, 28)).premiums_charged == 0

    due = [
        one
        for one in list_policy_transfers(session, policy_id, limit=100).items
        if one.type is TransferType.PREMIUM_DUE
    ]
    assert sorted(one.effective_date for one in due) == [START, date(2026, 2, 28)]
    assert "PREMIUM_DUE" in {one.event_type for one in list_events(session, policy_id, limit=50)}


def test_non_life_premium_is_charged_with_the_vat_of_its_due_date(
    app: Flask, non_life_org: OrganizationFacts
) -> None:
    with app.app_context(), tenant_scope(non_life_org.id):
        policy_id = sell(START, premium="1150.00", product_type="MOTOR", term_years=1)
        _keep(date(2026, 2, 28))
        charged = [
            (one.type, one.amount)
            for one in list_policy_transfers(db.session(), policy_id, limit=100).items
            if one.effective_date == date(2026, 2, 28)
        ]
        assert sorted(charged) == [
            (TransferType.PREMIUM_DUE, D("1000.00")),
            (TransferType.PREMIUM_VAT, D("150.00")),
        ]
        assert find_differences()[1] == []


def test_credit_settles_what_falls_due(session: Session) -> None:
    policy_id = sell(START)
    pay(policy_id, "350.00", START)
    assert unapplied_credit(session, policy_id) == D("150.00")
    session.rollback()

    _keep(date(2026, 4, 30))

    lines = list_premium_lines(session, policy_id)
    assert [one.status for one in lines[:3]] == [LineStatus.PAID] * 3
    assert lines[3].paid_amount == D("50.00")
    assert unapplied_credit(session, policy_id) == D("0.00")


def test_a_premium_is_overdue_the_day_after_it_fell_due(session: Session) -> None:
    policy_id = sell(START)

    assert _keep(START).marked_overdue == 0
    assert _keep(START + timedelta(days=1)).marked_overdue == 1

    session.rollback()
    assert list_premium_lines(session, policy_id)[0].status is LineStatus.OVERDUE


def test_premiums_of_a_suspended_policy_go_on_falling_due_and_a_lapsed_one_is_left_alone(
    session: Session,
) -> None:
    suspended, lapsed = sell(START), sell(START)
    with at(date(2026, 2, 1)) as now:
        suspend_policy(suspended, reason="asked", on=date(2026, 2, 1), now=now)
    told = date(2026, 2, 2)
    with at(told) as now:
        record_notice(
            lapsed,
            recipient="By post",
            registered_number="RC 123 456 789 ZA",
            sent_on=told,
            on=told,
            now=now,
        )
    with at(date(2026, 2, 20)) as now:
        lapse_policy(lapsed, reason="unpaid", on=date(2026, 2, 20), now=now)

    kept = _keep(date(2026, 3, 31))

    assert kept.premiums_charged == 2
    assert get_policy(session, lapsed).status is PolicyStatus.LAPSED
    assert len(_dues(session, lapsed)) == 12


def test_a_closed_month_takes_no_posting_so_a_late_charge_is_dated_today(
    session: Session,
) -> None:
    policy_id = sell(START)
    today = date(2026, 4, 2)
    with at(today) as now:
        close_books(date(2026, 2, 28), reason="February", on=today, now=now)

    _keep(today)

    dated = {
        one.effective_date
        for one in list_policy_transfers(session, policy_id, limit=100).items
        if one.type is TransferType.PREMIUM_DUE
    }
    assert dated == {START, today, date(2026, 3, 31)}


def test_a_change_issued_ahead_is_charged_from_its_day_also_on_lines_added_meanwhile(
    session: Session,
) -> None:
    policy_id = sell(START)
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_PREMIUM_DUE_DAY,
        data={"due_day": 15},
        effective_date=START,
    )
    with at(START) as now:
        endorse_policy(policy_id, wanted, on=START, now=now)

    _keep(date(2026, 2, 10))
    _keep(date(2026, 2, 28))
    _keep(date(2026, 3, 15))

    session.rollback()
    dues = _dues(session, policy_id)
    assert dues[1:4] == [date(2026, 2, 28), date(2026, 3, 15), date(2026, 4, 15)]
    assert dues[-1] < date(2027, 3, 15)
    assert get_policy(session, policy_id).due_day == 15
