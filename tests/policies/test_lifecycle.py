"""Suspending, lapsing, coming back, expiring and renewing."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import product as pairs
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from insurance.billing.models import LineStatus
from insurance.billing.queries import arrears_on, list_premium_lines, unapplied_credit
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError
from insurance.core.tenancy import tenant_scope
from insurance.lapses.services import place_hold, record_notice
from insurance.ledger.periods import close_books
from insurance.ledger.queries import list_policy_transfers
from insurance.policies.lifecycle_rules import CancellationType
from insurance.policies.models import EndorsementType, PolicyStatus
from insurance.policies.queries import get_policy, list_benefits, list_events, list_versions
from insurance.policies.replay import find_differences
from insurance.policies.rules import TRANSITIONS, check_transition
from insurance.policies.services import (
    Cancellation,
    LifecycleOutcome,
    cancel_policy,
    expire_policy,
    lapse_policy,
    mark_not_taken_up,
    reinstate_policy,
    renew_policy,
    reverse_payment,
    suspend_policy,
)
from insurance.policies.services.endorsements import EndorsementRequest, endorse_policy
from tests.factories.identity import TestClient
from tests.factories.lifecycle import at, morning, pay, sell
from tests.factories.organizations import OrganizationFacts
from tests.random_tries import by_chance, tries

D = Decimal
DUE = date(2026, 10, 4)
LAPSE = date(2026, 10, 20)
"""Fifteen days of grace after 4 October end on the 19th."""


@pytest.fixture
def non_life(app: Flask, non_life_org: OrganizationFacts) -> Iterator[Session]:
    """Return a session of a non-life insurer, whose money agrees at the end."""
    with app.app_context(), tenant_scope(non_life_org.id):
        yield db.session()
        db.session().rollback()
        assert find_differences()[1] == []


def _tell(policy_id: UUID, due: date = DUE) -> None:
    """Record the notice of non-payment that the law wants."""
    sent = due + timedelta(days=5)
    with at(sent) as now:
        record_notice(
            policy_id,
            recipient="12 Kloof Street",
            registered_number="RC 123 456 789 ZA",
            sent_on=sent,
            on=sent,
            now=now,
        )


def _owing(**terms: Any) -> UUID:
    """Return a policy whose first premium, of 4 October, is owed and whose holder was told."""
    policy_id = sell(DUE, **terms)
    _tell(policy_id)
    return policy_id


def _lapse(policy_id: UUID, day: date = LAPSE) -> LifecycleOutcome:
    with at(day) as now:
        return lapse_policy(policy_id, reason="No payment received", on=day, now=now)


def _suspend(policy_id: UUID, day: date) -> LifecycleOutcome:
    with at(day) as now:
        return suspend_policy(policy_id, reason="Non-payment of premiums", on=day, now=now)


def _reinstate(policy_id: UUID, day: date, **said: Any) -> LifecycleOutcome:
    said = {"arrears_paid": True} | said
    with at(day) as now:
        return reinstate_policy(policy_id, reason="Arrears paid", on=day, now=now, **said)


def _status(session: Session, policy_id: UUID) -> str:
    session.rollback()
    return get_policy(session, policy_id).status.value


def _charged(session: Session, policy_id: UUID) -> list[date]:
    session.rollback()
    lines = list_premium_lines(session, policy_id)
    return [one.due_date for one in lines if one.posted_at is not None]


# The table of moves


@pytest.mark.parametrize(("status", "wanted"), list(pairs(PolicyStatus, PolicyStatus)))
def test_a_policy_goes_only_where_the_table_says(status: str, wanted: str) -> None:
    allowed = {
        ("active", "suspended"),
        ("active", "lapsed"),
        ("active", "cancelled"),
        ("active", "expired"),
        ("suspended", "active"),
        ("suspended", "lapsed"),
        ("suspended", "cancelled"),
        ("lapsed", "active"),
        ("lapsed", "cancelled"),
    }
    if (str(status), str(wanted)) in allowed:
        check_transition(str(status), str(wanted))
        return
    with pytest.raises(ConflictError) as refusal:
        check_transition(str(status), str(wanted))
    assert refusal.value.detail == {"allowed_transitions": list(TRANSITIONS[str(status)])}


def _moves() -> dict[str, Callable[[UUID, date], Any]]:
    return {
        "suspended": _suspend,
        "lapsed": _lapse,
        "active": lambda policy_id, day: _reinstate(policy_id, day, arrears_paid=False),
        "expired": lambda policy_id, day: expire_policy(policy_id, on=day, now=morning(day)),
        "cancelled": _cancel,
    }


def _cancel(policy_id: UUID, day: date, effective: date | None = None) -> LifecycleOutcome:
    wanted = Cancellation(
        kind=CancellationType.VOLUNTARY, reason="Moved away", effective_date=effective
    )
    with at(day) as now:
        return cancel_policy(policy_id, wanted, on=day, now=now)


@pytest.mark.parametrize("wanted", ["suspended", "lapsed", "active", "expired", "cancelled"])
@pytest.mark.parametrize("status", ["active", "suspended", "lapsed", "cancelled"])
def test_every_command_refuses_a_move_that_the_table_does_not_have(
    status: str, wanted: str, session: Session
) -> None:
    policy_id = _owing()
    if status != "active":
        _moves()[status](policy_id, LAPSE)
    before = len(list_events(session, policy_id, limit=50))
    session.rollback()
    if wanted in TRANSITIONS[status]:
        return

    with pytest.raises(ConflictError) as refusal:
        _moves()[wanted](policy_id, LAPSE)

    assert refusal.value.detail == {"allowed_transitions": list(TRANSITIONS[status])}
    assert _status(session, policy_id) == status
    assert len(list_events(session, policy_id, limit=50)) == before


def test_a_move_wants_a_reason(session: Session) -> None:
    policy_id = sell(DUE)

    with at(DUE) as now, pytest.raises(DomainError) as refusal:
        suspend_policy(policy_id, reason="  ", on=DUE, now=now)

    assert refusal.value.field == "reason"


# Lapse


def test_a_policy_lapses_the_day_after_grace_ends(session: Session) -> None:
    policy_id = _owing()

    with pytest.raises(ConflictError) as early:
        _lapse(policy_id, date(2026, 10, 19))
    done = _lapse(policy_id, LAPSE)

    assert early.value.detail["lapse_date"] == "2026-10-20"
    assert (done.effective_date, done.arrears) == (LAPSE, D("100.00"))
    assert list(done.allowed_transitions) == ["active", "cancelled"]
    policy = get_policy(session, policy_id)
    assert (policy.status, policy.ended_on) == (PolicyStatus.LAPSED, LAPSE)


def test_a_lapse_that_is_recorded_late_takes_effect_on_the_same_day(session: Session) -> None:
    policy_id = _owing()

    done = _lapse(policy_id, date(2026, 11, 20))

    assert done.effective_date == LAPSE
    assert list_events(session, policy_id, limit=1)[0].effective_date == LAPSE


def test_nothing_is_charged_for_a_policy_that_lapsed_unpaid(session: Session) -> None:
    policy_id = _owing()

    _lapse(policy_id)

    assert _charged(session, policy_id) == []
    assert arrears_on(session, policy_id, LAPSE) == D("100.00")
    types = [one.type for one in list_policy_transfers(session, policy_id, limit=9).items]
    assert [one.value for one in types] == ["REVERSAL", "PREMIUM_DUE"]


def test_a_part_payment_keeps_its_premium_charged(session: Session) -> None:
    policy_id = _owing()
    pay(policy_id, "40.00", date(2026, 10, 10))

    done = _lapse(policy_id)

    assert _charged(session, policy_id) == [DUE]
    assert done.arrears == D("60.00")


def test_a_hold_or_a_missing_notice_stops_a_lapse_and_is_named(session: Session) -> None:
    untold = sell(DUE)
    with pytest.raises(ConflictError) as refusal:
        _lapse(untold)
    assert refusal.value.detail["blocked_by"] == ["NO_NOTICE"]

    held = _owing()
    with at(DUE) as now:
        place_hold(held, reason="Dispute", expires_on=date(2026, 12, 1), on=DUE, now=now)
    with pytest.raises(ConflictError) as refusal:
        _lapse(held)
    assert refusal.value.detail == {
        "lapse_date": "2026-10-20",
        "blocked_by": ["HOLD"],
        "arrears": "100.00",
    }


def test_a_policy_that_is_paid_up_does_not_lapse(session: Session) -> None:
    policy_id = _owing()
    pay(policy_id, "100.00", DUE)

    with pytest.raises(ConflictError, match="Nothing is owed"):
        _lapse(policy_id)


# Suspension


def test_a_suspended_policy_comes_back_once_its_arrears_are_paid(session: Session) -> None:
    policy_id = _owing()
    _suspend(policy_id, date(2026, 10, 8))

    with pytest.raises(ConflictError) as refusal:
        _reinstate(policy_id, date(2026, 10, 9))
    pay(policy_id, "100.00", date(2026, 10, 9))
    done = _reinstate(policy_id, date(2026, 10, 9))

    assert (refusal.value.field, refusal.value.detail) == ("arrears_paid", {"arrears": "100.00"})
    assert (done.policy.status, done.effective_date) == (PolicyStatus.ACTIVE, date(2026, 10, 9))


def test_a_suspended_policy_can_lapse(session: Session) -> None:
    policy_id = _owing()
    _suspend(policy_id, date(2026, 10, 8))

    assert _lapse(policy_id).effective_date == LAPSE


# Coming back


def test_the_callers_word_for_the_arrears_is_held_to_the_ledger(session: Session) -> None:
    policy_id = _owing()
    _lapse(policy_id)
    day = date(2026, 11, 10)

    with pytest.raises(ConflictError, match=r"Arrears of R.200,00 are not paid") as untrue:
        _reinstate(policy_id, day)
    with pytest.raises(ConflictError, match="are paid first"):
        _reinstate(policy_id, day, arrears_paid=False)
    pay(policy_id, "200.00", day)
    with pytest.raises(ConflictError, match="not true"):
        _reinstate(policy_id, day, arrears_paid=False)

    assert untrue.value.detail == {"arrears": "200.00"}


def test_reinstatement_leaves_no_gap_and_charges_what_fell_due_meanwhile(
    session: Session,
) -> None:
    policy_id = _owing()
    _lapse(policy_id)
    before = [one.waiting_until for one in list_benefits(session, policy_id)]
    day = date(2026, 11, 10)
    pay(policy_id, "200.00", day)
    with at(day) as now:
        close_books(date(2026, 10, 31), reason="October is done", on=day, now=now)

    done = _reinstate(policy_id, day)

    policy = get_policy(session, policy_id)
    assert (policy.status, policy.ended_on) == (PolicyStatus.ACTIVE, None)
    assert (done.effective_date, done.arrears) == (LAPSE, D("0.00"))
    assert _charged(session, policy_id) == [DUE, date(2026, 11, 4)]
    assert [one.waiting_until for one in list_benefits(session, policy_id)] == before
    versions = [
        one.policy_snapshot["policy"]["status"] for one in list_versions(session, policy_id)
    ]
    assert versions == ["active", "lapsed", "active"]


@pytest.mark.parametrize(
    ("day", "clear", "comes_back"),
    [
        (date(2026, 11, 3), False, True),
        (date(2027, 1, 18), False, True),
        (date(2027, 1, 19), False, False),
        (date(2027, 1, 19), True, True),
        (date(2027, 4, 18), True, True),
        (date(2027, 4, 19), True, False),
    ],
)
def test_the_longer_a_policy_lies_the_more_it_needs_to_come_back(
    day: date, clear: bool, comes_back: bool, session: Session
) -> None:
    policy_id = _owing()
    _lapse(policy_id)
    pay(policy_id, str(arrears_on(session, policy_id, day)), day)

    if comes_back:
        done = _reinstate(policy_id, day, medical_clearance=clear)
        assert done.policy.status is PolicyStatus.ACTIVE
        return
    with pytest.raises(ConflictError, match="medical clearance|new application"):
        _reinstate(policy_id, day, medical_clearance=clear)


def test_a_funeral_policy_needs_no_medical_clearance(session: Session) -> None:
    policy_id = _owing(product_type="FUNERAL", max_sum_assured=D("100000.00"))
    _lapse(policy_id)
    day = date(2027, 4, 1)
    pay(policy_id, str(arrears_on(session, policy_id, day)), day)

    assert _reinstate(policy_id, day).policy.status is PolicyStatus.ACTIVE


def test_recommencing_leaves_a_gap_without_cover_and_without_premium(session: Session) -> None:
    policy_id = _owing(premium="310.00")
    _lapse(policy_id)
    before = [one.waiting_until for one in list_benefits(session, policy_id)]

    done = _reinstate(policy_id, date(2026, 12, 15), arrears_paid=False, recommence=True)

    # Of the period from 4 December, 20 of 31 days are still to come.
    open_ = [
        (one.due_date, one.amount)
        for one in list_premium_lines(session, policy_id)
        if one.status is not LineStatus.CANCELLED
    ]
    assert open_[:2] == [(date(2026, 12, 15), D("200.00")), (date(2027, 1, 4), D("310.00"))]
    assert (done.effective_date, done.arrears) == (date(2026, 12, 15), D("200.00"))
    event = list_events(session, policy_id, limit=1)[0]
    assert event.payload["gap"] == ["2026-10-20", "2026-12-15"]
    assert [one.waiting_until for one in list_benefits(session, policy_id)] == before


def test_recommencing_keeps_what_was_paid_of_the_days_in_grace(session: Session) -> None:
    policy_id = _owing()
    pay(policy_id, "40.00", date(2026, 10, 10))
    _lapse(policy_id)

    done = _reinstate(policy_id, date(2026, 12, 4), arrears_paid=False, recommence=True)

    assert done.arrears == D("100.00")
    first = list_premium_lines(session, policy_id)[0]
    assert (first.status, first.paid_amount) == (LineStatus.PAID, D("100.00"))
    assert unapplied_credit(session, policy_id) == 0


# Never taken up, expired, renewed


def test_a_policy_whose_first_premium_never_came_was_not_taken_up(session: Session) -> None:
    policy_id = sell(DUE)

    with at(date(2026, 11, 10)) as now:
        done = mark_not_taken_up(policy_id, reason="Never paid", on=date(2026, 11, 10), now=now)

    assert (done.effective_date, done.arrears) == (DUE, D("0.00"))
    policy = get_policy(session, policy_id)
    assert (policy.status, policy.ended_on) == (PolicyStatus.CANCELLED, DUE)
    assert {one.status for one in list_premium_lines(session, policy_id)} == {LineStatus.CANCELLED}
    assert list_events(session, policy_id, limit=1)[0].event_type == "POLICY_NOT_TAKEN_UP"


def test_a_policy_that_was_paid_for_was_taken_up(session: Session) -> None:
    policy_id = sell(DUE)
    pay(policy_id, "1.00", DUE)

    with pytest.raises(ConflictError, match="was taken up"), at(date(2026, 11, 10)) as now:
        mark_not_taken_up(policy_id, reason="Never paid", on=date(2026, 11, 10), now=now)


def test_a_first_debit_that_the_bank_sent_back_was_never_paid(session: Session) -> None:
    policy_id = sell(DUE)
    pay(policy_id, "100.00", DUE, "DEBIT 1")
    line_id = list_premium_lines(session, policy_id)[0].id
    session.rollback()
    with at(date(2026, 10, 6)) as now:
        reverse_payment(
            policy_id, line_id, reason_code="02", reference=None, on=date(2026, 10, 6), now=now
        )

    with at(date(2026, 11, 10)) as now:
        done = mark_not_taken_up(policy_id, reason="Returned", on=date(2026, 11, 10), now=now)

    assert done.policy.status is PolicyStatus.CANCELLED


def test_a_lapsed_policy_is_cancelled_no_earlier_than_its_lapse(session: Session) -> None:
    policy_id = _owing()
    _lapse(policy_id)

    with pytest.raises(DomainError, match="Cover ended on 2026/10/20"):
        _cancel(policy_id, date(2026, 10, 25), date(2026, 10, 12))
    done = _cancel(policy_id, date(2026, 10, 25))

    assert (done.effective_date, done.policy.ended_on) == (date(2026, 10, 25), LAPSE)


def _annual() -> UUID:
    policy_id = sell(DUE, premium="1000.00", product_type="MOTOR", frequency="ANNUAL", term_years=1)
    pay(policy_id, "12000.00", DUE)
    return policy_id


def test_a_term_that_is_over_expires_and_not_a_day_before(non_life: Session) -> None:
    policy_id = _annual()
    end = date(2027, 10, 4)

    with pytest.raises(ConflictError, match="Cover runs until 2027/10/04"):
        expire_policy(policy_id, on=date(2027, 10, 3), now=morning(date(2027, 10, 3)))
    done = expire_policy(policy_id, on=date(2027, 11, 1), now=morning(date(2027, 11, 1)))

    assert (done.effective_date, done.policy.ended_on) == (end, end)
    assert list(done.allowed_transitions) == []


def test_a_non_life_policy_is_renewed_for_the_next_year_at_its_premium(non_life: Session) -> None:
    policy_id = _annual()
    early, day = date(2027, 9, 3), date(2027, 9, 4)

    with pytest.raises(ConflictError, match="30 days before 2027/10/04"):
        renew_policy(policy_id, on=early, now=morning(early))
    done = renew_policy(policy_id, on=day, now=morning(day))

    assert (done.effective_date, done.policy.expiry_date) == (
        date(2027, 10, 4),
        date(2028, 10, 4),
    )
    lines = [(one.due_date, one.amount) for one in list_premium_lines(non_life, policy_id)]
    assert lines == [(DUE, D("12000.00")), (date(2027, 10, 4), D("12000.00"))]
    with pytest.raises(ConflictError):
        renew_policy(policy_id, on=day, now=morning(day))


def test_a_rhythm_waits_for_the_renewal_where_every_premium_of_the_term_is_paid(
    non_life: Session,
) -> None:
    policy_id, day = _annual(), date(2027, 9, 10)
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_FREQUENCY, data={"frequency": "MONTHLY"}, effective_date=day
    )

    with at(day) as now, pytest.raises(ConflictError, match="once the policy is renewed"):
        endorse_policy(policy_id, wanted, on=day, now=now)

    with at(day) as now:
        renew_policy(policy_id, on=day, now=now)
        issued = endorse_policy(policy_id, wanted, on=day, now=now)
    assert issued.preview.effective_date == date(2027, 10, 4)


def test_credit_that_is_held_pays_the_arrears_of_a_policy_that_comes_back(session: Session) -> None:
    policy_id, day = sell(DUE), date(2026, 12, 5)
    pay(policy_id, "300.00", DUE)
    suspend_policy(policy_id, reason="Asked", on=day, now=morning(day))
    assert arrears_on(session, policy_id, day) == unapplied_credit(session, policy_id) == 100
    session.rollback()

    done = reinstate_policy(policy_id, arrears_paid=True, reason="Asked", on=day, now=morning(day))

    assert (done.policy.status, done.arrears) == (PolicyStatus.ACTIVE, 0)
    assert unapplied_credit(session, policy_id) == 0


def test_a_renewal_lays_premiums_in_a_rhythm_that_no_job_has_written_yet(
    non_life: Session,
) -> None:
    policy_id = sell(DUE, premium="1000.00", product_type="MOTOR", term_years=1)
    asked, day = date(2027, 8, 20), date(2027, 9, 10)
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_FREQUENCY, data={"frequency": "QUARTERLY"}, effective_date=asked
    )
    with at(asked) as now:
        endorse_policy(policy_id, wanted, on=asked, now=now)

    with at(day) as now:
        renew_policy(policy_id, on=day, now=now)

    lines = [(one.due_date, one.period_end) for one in list_premium_lines(non_life, policy_id)]
    assert lines[-4:-2] == [
        (date(2027, 10, 4), date(2028, 1, 4)),
        (date(2028, 1, 4), date(2028, 4, 4)),
    ]


def test_life_policies_are_not_renewed(session: Session) -> None:
    with pytest.raises(ConflictError, match="Only non-life"):
        renew_policy(sell(DUE), on=DUE, now=morning(DUE))


# Over the API


def test_the_lifecycle_flow_runs_over_the_api(
    api: Callable[..., TestClient], session: Session
) -> None:
    policy_id = _owing()
    path = f"/api/v1/policies/{policy_id}"
    with clock.frozen(morning(date(2026, 10, 8))):
        client = api()
        suspended = client.put(f"{path}/suspend", json={"reason": "Non-payment of premiums"})
    with clock.frozen(morning(LAPSE)):
        lapsed = client.put(f"{path}/lapse", json={"reason": "Grace period expired"})
        untrue = client.put(f"{path}/reinstate", json={"arrears_paid": True, "reason": "Paid"})
        client.post(
            f"{path}/payments",
            json={"payment_date": "2026-10-20", "payment_reference": "EFT 1", "amount": 100.0},
        )
        back = client.put(
            f"{path}/reinstate",
            json={"arrears_paid": True, "medical_clearance": True, "reason": "Arrears paid"},
        )

    assert (suspended.json["status"], suspended.json["arrears"]) == ("suspended", 100.0)
    assert (lapsed.json["status"], lapsed.json["effective_date"]) == ("lapsed", "2026-10-20")
    assert (untrue.status_code, untrue.json["arrears"]) == (409, "100.00")
    assert (back.json["status"], back.json["allowed_transitions"]) == (
        "active",
        ["suspended", "lapsed", "cancelled", "expired"],
    )


# Whatever happens


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["suspended", "lapsed", "active", "recommence", "pay", "cancelled"]),
        st.integers(0, 50),
        st.integers(1, 40_000),
    ),
    min_size=1,
    max_size=7,
)


@by_chance
@given(steps=_STEPS)
@settings(
    max_examples=tries(8, 100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_sequence_of_moves_replays_and_never_refunds_more_than_was_paid(
    app: Flask, org: OrganizationFacts, steps: list[tuple[str, int, int]]
) -> None:
    with app.app_context(), tenant_scope(org.id):
        policy_id, day, paid, refund = _owing(), DUE + timedelta(days=5), D(0), D(0)
        for step, days, cents in steps:
            day += timedelta(days=days)
            try:
                if step == "pay":
                    pay(policy_id, str(D(cents) / 100), day)
                    paid += D(cents) / 100
                elif step == "recommence":
                    _reinstate(policy_id, day, arrears_paid=False, recommence=True)
                elif step == "cancelled":
                    refund = _cancel(policy_id, day, max(DUE, day - timedelta(cents % 31))).refund
                else:
                    _moves()[step](policy_id, day)
            except DomainError:
                # Refused, such as a day before the one on which it had lapsed.
                continue
        session = db.session()
        session.rollback()
        policy = get_policy(session, policy_id)
        assert refund <= paid
        if policy.status is PolicyStatus.CANCELLED:
            assert policy.ended_on is not None
            assert all(one < policy.ended_on for one in _charged(session, policy_id))
        assert find_differences()[1] == []
