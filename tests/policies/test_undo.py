"""What one person did to a policy is undone for a day, exactly, while nothing rests on it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.approvals.services import approve_request
from insurance.billing.models import LineStatus
from insurance.billing.queries import list_premium_lines, list_receipts
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import ConflictError, ForbiddenError
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.ledger.periods import close_books
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy, list_events
from insurance.policies.replay import find_differences
from insurance.policies.services import (
    Answers,
    pay_refund,
    receive_payment,
    suspend_policy,
    undo_giving_up,
    undo_payment,
    undo_suspension,
    waive_premium,
    write_off_premium,
)
from insurance.policies.services.schedule_steps import keep_schedules
from tests.factories.claims import AGENT, claim, person
from tests.factories.lifecycle import CHECKER, MAKER, at, morning, pay, sell
from tests.factories.organizations import OrganizationFacts
from tests.policies.business import business_of
from tests.random_tries import by_chance, tries

D = Decimal
SOLD = date(2026, 9, 5)
DAY = date(2026, 10, 20)
COLLEAGUE = person("Colleague", Role.AGENT)


def _suspend(policy_id: UUID, day: date = DAY) -> UUID:
    with at(day) as now:
        suspend_policy(policy_id, reason="Asked", on=day, now=now)
    return _newest(policy_id)


def _pay(policy_id: UUID, amount: str, day: date = DAY, reference: str = "EFT 1") -> UUID:
    pay(policy_id, amount, day, reference)
    return _newest(policy_id)


def _newest(policy_id: UUID) -> UUID:
    event = list_events(db.session(), policy_id, limit=1)[0].id
    db.session().rollback()
    return event


def _undo(
    undo: Callable[..., Any], event_id: UUID, now: datetime = morning(DAY), actor: Any = MAKER
) -> None:
    with at(now.date(), actor):
        undo(event_id, on=now.date(), now=now)


def _business(session: Session) -> Any:
    session.rollback()
    return business_of(session)


@by_chance
@given(
    before=st.lists(st.tuples(st.sampled_from(["pay", "days"]), st.integers(1, 60)), max_size=4),
    cents=st.integers(1, 35_000),
    pays=st.booleans(),
    hours=st.integers(0, 24),
)
@settings(
    max_examples=tries(20, 300),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_after_an_undo_policy_premiums_and_balances_are_as_before_the_act(
    session: Session, before: list[tuple[str, int]], cents: int, pays: bool, hours: int
) -> None:
    policy_id, day = sell(SOLD), SOLD
    for act, size in before:
        if act == "pay":
            pay(policy_id, str(D(size) * 3), day)
        else:
            day += timedelta(days=size)
            with at(day) as now:
                keep_schedules(on=day, now=now)
    stood = _business(session)
    event = (
        _pay(policy_id, str(D(cents) / 100), day, f"EFT {policy_id}")
        if pays
        else _suspend(policy_id, day)
    )

    _undo(undo_payment if pays else undo_suspension, event, morning(day) + timedelta(hours=hours))

    assert _business(session) == stood
    assert find_differences()[1] == []


@by_chance
@given(
    before=st.lists(st.tuples(st.sampled_from(["pay", "days"]), st.integers(1, 60)), max_size=4),
    cents=st.integers(1, 35_000),
    pays=st.booleans(),
    ahead=st.integers(0, 31),
)
@settings(
    max_examples=tries(20, 300),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_an_act_undone_the_morning_after_leaves_what_the_night_alone_would_have(
    session: Session, before: list[tuple[str, int]], cents: int, pays: bool, ahead: int
) -> None:
    acted, other = sell(SOLD), sell(SOLD)
    day = SOLD
    for number, (act, size) in enumerate([*before, ("days", ahead)]):
        if act == "days":
            day += timedelta(days=size)
            _night(day)
        else:
            for policy_id in (acted, other):
                pay(policy_id, str(D(size) * 3), day, f"{number} of {policy_id}")
    assert _schedule(session, acted) == _schedule(session, other)
    event = _pay(acted, str(D(cents) / 100), day, f"EFT {acted}") if pays else _suspend(acted, day)
    _night(day + timedelta(days=1))
    newest = list_events(session, acted, limit=50)
    followed = [one for one in newest if one.recorded_at > morning(day)]

    _undo(undo_payment if pays else undo_suspension, event, morning(day) + timedelta(hours=23))

    if followed:
        assert _schedule(session, acted) == _schedule(session, other)
    assert find_differences()[1] == []


def _night(day: date) -> None:
    with clock.frozen(morning(day) - timedelta(hours=7)):
        keep_schedules(on=day, now=clock.now())


def _schedule(session: Session, policy_id: UUID) -> list[Any]:
    """Return what a policy, its premiums and its balances are, without what names it."""
    session.rollback()
    policy = get_policy(session, policy_id)
    lines = [
        (line.due_date, line.status, line.amount, line.paid_amount, line.paid_date,
         (line.payment_reference or "").partition(" of ")[0], line.posted_at is not None)
        for line in list_premium_lines(session, policy_id)
    ]  # fmt: skip
    balances = text(
        "SELECT account, sum(amount) FROM ("
        " SELECT debit_account AS account, amount FROM ins.ledger_transfers WHERE policy_id = :id"
        " UNION ALL SELECT credit_account, -amount FROM ins.ledger_transfers"
        " WHERE policy_id = :id) b GROUP BY 1 HAVING sum(amount) <> 0 ORDER BY 1"
    )
    kept = session.execute(balances, {"id": policy_id}).tuples().all()
    session.rollback()
    return [policy.status, lines, kept]


def test_a_part_payment_undone_after_the_night_leaves_its_premium_overdue_in_full(
    session: Session,
) -> None:
    policy_id = sell(SOLD)
    _night(SOLD)
    event = _pay(policy_id, "60.00", SOLD)
    _night(SOLD + timedelta(days=1))  # marks what is left of the premium overdue

    _undo(undo_payment, event, morning(SOLD) + timedelta(hours=23))

    session.rollback()
    first = list_premium_lines(session, policy_id)[0]
    assert (first.status, first.paid_amount) == (LineStatus.OVERDUE, D(0))
    newest = list_events(session, policy_id, limit=2)
    assert [one.event_type for one in newest] == ["PREMIUM_OVERDUE", "PAYMENT_REVERSED"]
    assert "R\u00a0100,00 was not paid" in newest[0].description


def test_a_premium_partly_paid_before_says_again_when_and_with_which_reference(
    session: Session,
) -> None:
    policy_id = sell(SOLD)
    pay(policy_id, "40.00", SOLD, "FIRST")
    before = _business(session)

    _undo(undo_payment, _pay(policy_id, "60.00"))

    assert _business(session) == before
    first = list_premium_lines(session, policy_id)[0]
    assert (first.paid_amount, first.payment_reference) == (D("40.00"), "FIRST")


def test_a_premium_that_nobody_has_marked_overdue_is_not_after_an_undo(session: Session) -> None:
    policy_id = sell(SOLD)
    before = list_premium_lines(session, policy_id)[0].status

    _undo(undo_payment, _pay(policy_id, "100.00"))

    session.rollback()
    assert list_premium_lines(session, policy_id)[0].status is before


def test_what_a_suspension_charged_is_charged_no_more_after_its_undo(session: Session) -> None:
    policy_id = sell(SOLD)
    before = _business(session)

    _undo(undo_suspension, _suspend(policy_id))

    assert _business(session) == before


def test_both_stay_in_history_and_ledger_and_the_undo_names_what_it_undoes(
    session: Session,
) -> None:
    policy_id = sell(SOLD)
    payment = _pay(policy_id, "100.00")
    _undo(undo_payment, payment)
    suspension = _suspend(policy_id)
    _undo(undo_suspension, suspension)

    session.rollback()
    newest = list_events(session, policy_id, limit=4)
    assert [event.event_type for event in newest] == [
        "SUSPENSION_UNDONE",
        "POLICY_SUSPENDED",
        "PAYMENT_REVERSED",
        "PREMIUM_RECEIVED",
    ]
    assert [event.payload.get("undoes") for event in newest[::2]] == [str(suspension), str(payment)]
    said = text(
        "SELECT action, after->>'undoes' FROM ins.audit_events WHERE after ? 'undoes' ORDER BY id"
    )
    assert session.execute(said).tuples().all() == [
        ("premiums.undo_pay", str(payment)),
        ("policies.suspension_undone", str(suspension)),
    ]
    bank = text(
        "SELECT count(*) FROM ins.ledger_transfers WHERE 'BANK' IN (debit_account, credit_account)"
    )
    assert session.scalar(bank) == 2


def test_the_holder_who_was_told_of_a_suspension_is_told_that_there_was_none(
    session: Session,
) -> None:
    _undo(undo_suspension, _suspend(sell(SOLD)))

    session.rollback()
    kinds = session.scalars(text("SELECT kind FROM ins.mails ORDER BY id")).all()
    assert kinds[-2:] == ["policy_suspended", "policy_suspension_undone"]


def test_a_day_later_it_is_too_late_to_undo(session: Session) -> None:
    event = _suspend(sell(SOLD))

    with pytest.raises(ConflictError, match="24 hours.*reinstate the policy"):
        _undo(undo_suspension, event, morning(DAY) + timedelta(hours=24, seconds=1))


def test_two_who_undo_at_once_undo_once(
    app: Flask, org: OrganizationFacts, session: Session
) -> None:
    event = _pay(sell(SOLD), "100.00")

    def undo() -> str:
        with app.app_context(), tenant_scope(org.id):
            try:
                _undo(undo_payment, event)
            except ConflictError as refusal:
                return refusal.message
            return "undone"

    with ThreadPoolExecutor(2) as pool:
        clicks = [pool.submit(copy_context().run, undo) for _click in range(2)]
        said = sorted(click.result() for click in clicks)

    assert said == ["This was undone already.", "undone"]


def test_what_rests_on_it_is_undone_first(session: Session) -> None:
    policy_id = sell(SOLD)
    suspension = _suspend(policy_id)
    payment = _pay(policy_id, "100.00")

    with pytest.raises(ConflictError, match="followed it: “R.100,00 received, reference EFT 1”"):
        _undo(undo_suspension, suspension)
    _undo(undo_payment, payment)
    _undo(undo_suspension, suspension)

    session.rollback()
    assert get_policy(session, policy_id).status is PolicyStatus.ACTIVE


def test_money_that_was_paid_back_since_is_not_undone(session: Session) -> None:
    policy_id = sell(SOLD)
    event = _pay(policy_id, "900.00")
    with at(DAY) as now:
        pay_refund(policy_id, amount=D(50), reference="R1", reason="Asked", on=DAY, now=now)

    with pytest.raises(ConflictError, match="followed it"):
        _undo(undo_payment, event)


def test_an_act_stands_once_the_night_used_other_money_held_for_the_policy(
    session: Session,
) -> None:
    policy_id = sell(SOLD, frequency="ANNUAL")
    pay(policy_id, "1300.00", SOLD)  # 100.00 more than the year costs
    renewed = date(2027, 9, 5)
    before = renewed - timedelta(days=1)
    _night(before)
    event = _pay(policy_id, "50.00", before)
    _night(renewed)  # charges the second year, and uses the 100.00 for it
    stood = _business(session)

    with pytest.raises(ConflictError, match="Money held .* was used.*To reverse the payment"):
        _undo(undo_payment, event, morning(before) + timedelta(hours=23))

    assert _business(session) == stood


def test_a_claim_since_keeps_a_suspension_as_it_is(session: Session) -> None:
    policy_id = sell(SOLD)
    event = _suspend(policy_id)
    claim(policy_id, day=DAY, event=DAY)

    with pytest.raises(ConflictError, match="followed it: “CLM-"):
        _undo(undo_suspension, event)


def test_closed_books_are_not_undone(session: Session) -> None:
    last = date(2026, 10, 31)
    policy_id = sell(SOLD)
    event = _pay(policy_id, "100.00", last)
    with at(date(2026, 11, 1)) as now:
        close_books(last, reason="October is done", on=date(2026, 11, 1), now=now)

    with pytest.raises(ConflictError, match="closed through 2026/10/31"):
        _undo(undo_payment, event, morning(date(2026, 11, 1)))


def test_a_payment_that_two_people_recorded_is_not_undone_by_one(session: Session) -> None:
    policy_id = sell(SOLD)
    with at(DAY) as now:
        asked = receive_payment(
            policy_id,
            amount=D("6000000.00"),
            reference="EFT",
            paid_on=DAY,
            on=DAY,
            now=now,
            answers=Answers(amount_is_right=True),
        )
    _agree(asked.approval_id)

    with pytest.raises(ConflictError, match="not undone by one person. To reverse the payment"):
        _undo(undo_payment, _newest(policy_id))


def test_money_that_a_colleague_took_is_undone_by_who_may_reverse_payments(
    session: Session,
) -> None:
    policy_id = sell(SOLD)
    with at(DAY, AGENT) as now:
        receive_payment(policy_id, amount=D(100), reference="CASH", paid_on=DAY, on=DAY, now=now)
    event = _newest(policy_id)

    with pytest.raises(ForbiddenError, match="Somebody else recorded this payment"):
        _undo(undo_payment, event, actor=COLLEAGUE)
    _undo(undo_payment, event, actor=AGENT)


def test_what_was_undone_is_no_earlier_payment_for_what_is_typed_or_filed_next(
    session: Session,
) -> None:
    policy_id = sell(SOLD)
    _undo(undo_payment, _pay(policy_id, "1000.00", reference="DEPOSIT"))

    with at(DAY) as now:
        again = receive_payment(
            policy_id, amount=D(100), reference="DEPOSIT", paid_on=DAY, on=DAY, now=now
        )

    assert not again.is_duplicate
    statuses = [receipt.status.value for receipt in list_receipts(session, policy_id)]
    assert sorted(statuses) == ["POSTED", "REVERSED"]


@pytest.mark.parametrize("gives_up", [waive_premium, write_off_premium])
def test_a_premium_that_two_people_gave_up_is_owed_again_once_two_agree(
    gives_up: Callable[..., Any], session: Session
) -> None:
    policy_id = sell(SOLD)
    _suspend(policy_id)  # charges what has fallen due
    line_id = list_premium_lines(session, policy_id)[0].id
    before = _business(session)
    with at(DAY) as now:
        asked = gives_up(policy_id, line_id, reason="Agreed", on=DAY, now=now)
    _agree(asked.approval_id)
    event = _newest(policy_id)

    with at(DAY) as now:
        undo = undo_giving_up(event, on=DAY, now=now)
    assert _business(session) != before
    _agree(undo.approval_id)

    assert _business(session) == before
    with pytest.raises(ConflictError, match="undone already"), at(DAY) as now:
        undo_giving_up(event, on=DAY, now=now)


def _agree(approval_id: UUID | None) -> None:
    assert approval_id is not None
    with at(DAY, CHECKER) as now:
        approve_request(approval_id, on=DAY, now=now)
