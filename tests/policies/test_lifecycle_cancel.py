"""Cancelling: the money is said first and then done, to the cent."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.approvals.services import approve_request
from insurance.billing.models import LineStatus
from insurance.billing.queries import (
    arrears_on,
    list_premium_lines,
    list_receipts,
    unapplied_credit,
)
from insurance.core import clock
from insurance.core.context import acting_as
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError
from insurance.core.ids import new_id
from insurance.core.tenancy import tenant_scope
from insurance.lapses.services import record_notice
from insurance.ledger.periods import close_books
from insurance.ledger.queries import list_policy_transfers
from insurance.policies.lifecycle_rules import CancellationType, Initiator
from insurance.policies.models import EndorsementType, PolicyStatus
from insurance.policies.queries import (
    get_policy,
    get_portfolio,
    list_benefits,
    list_events,
    list_versions,
)
from insurance.policies.replay import find_differences
from insurance.policies.services import (
    Cancellation,
    CancellationPreview,
    LifecycleOutcome,
    accept_quote,
    cancel_policy,
    lapse_policy,
    pay_premium,
    pay_refund,
    preview_cancellation,
    refunds_payable,
    reverse_payment,
    waive_premium,
)
from insurance.policies.services.endorsements import EndorsementRequest, endorse_policy
from insurance.policies.services.schedule_steps import keep_schedules
from insurance.products.models import CancellationBasis
from tests.factories.book import NOW, TODAY, make_customer, make_quote
from tests.factories.claims import claim
from tests.factories.identity import TestClient
from tests.factories.lifecycle import CHECKER, MAKER, at, morning, pay, sell
from tests.factories.organizations import OrganizationFacts
from tests.factories.products import make_family_product

D = Decimal
MAY = date(2026, 5, 1)
APRIL = date(2026, 4, 1)
SEPTEMBER = date(2026, 9, 15)


@pytest.fixture
def non_life(app: Flask, non_life_org: OrganizationFacts) -> Iterator[Session]:
    """Return a session of a non-life insurer, whose money agrees at the end."""
    with app.app_context(), tenant_scope(non_life_org.id):
        yield db.session()
        db.session().rollback()
        assert find_differences()[1] == []


def _wanted(kind: str, more: dict[str, object]) -> Cancellation:
    return Cancellation(kind=CancellationType(kind), reason="Sold the car", **more)  # type: ignore[arg-type]


def _preview(
    policy_id: UUID, day: date, kind: str = "VOLUNTARY", **more: object
) -> CancellationPreview:
    with at(day) as now:
        return preview_cancellation(db.session(), policy_id, _wanted(kind, more), on=day, now=now)


def _cancel(
    policy_id: UUID, day: date, kind: str = "VOLUNTARY", **more: object
) -> LifecycleOutcome:
    """Cancel, with a second person who agrees at once where one is needed."""
    with at(day) as now:
        outcome = cancel_policy(policy_id, _wanted(kind, more), on=day, now=now)
    if outcome.approval_id is not None:
        with at(day, CHECKER) as now:
            approve_request(outcome.approval_id, on=day, now=now)
    return outcome


def _annual(basis: CancellationBasis = CancellationBasis.PRO_RATA) -> UUID:
    policy_id = sell(
        APRIL,
        premium="1000.00",
        product_type="MOTOR",
        frequency="ANNUAL",
        term_years=1,
        cancellation_basis=basis,
    )
    pay(policy_id, "12000.00", APRIL)
    return policy_id


def _sums(session: Session, policy_id: UUID) -> dict[str, Decimal]:
    """Return each account's balance for a policy: debits less credits."""
    session.rollback()
    balances: dict[str, Decimal] = {}
    for one in list_policy_transfers(session, policy_id, limit=200).items:
        balances[one.debit_account] = balances.get(one.debit_account, D(0)) + one.amount
        balances[one.credit_account] = balances.get(one.credit_account, D(0)) - one.amount
    return {account: amount for account, amount in balances.items() if amount}


def test_a_month_cancelled_while_cooling_off_keeps_only_the_days_enjoyed(session: Session) -> None:
    policy_id = sell(MAY, premium="310.00")
    pay(policy_id, "310.00", MAY)

    seen = _preview(policy_id, date(2026, 5, 21))
    done = _cancel(policy_id, date(2026, 5, 21))

    assert seen.is_cooling_off
    assert (seen.refund, done.refund) == (D("110.00"), D("110.00"))
    assert _sums(session, policy_id) == {
        "BANK": D("310.00"),
        "PREMIUM_INCOME": D("-200.00"),
        "REFUNDS_PAYABLE": D("-110.00"),
    }
    assert get_policy(session, policy_id).ended_on == date(2026, 5, 21)


def test_a_year_cancelled_after_167_days_gives_198_back_with_the_vat_in_it(
    non_life: Session,
) -> None:
    policy_id = _annual()

    seen = _preview(policy_id, SEPTEMBER)
    done = _cancel(policy_id, SEPTEMBER)

    assert (seen.unearned, seen.retained, seen.refund) == (D("6509.59"), D("0.00"), D("6509.59"))
    assert (seen.vat, seen.credit - seen.vat) == (D("849.08"), D("5660.51"))
    assert done.refund == D("6509.59")
    assert _sums(non_life, policy_id) == {
        "BANK": D("12000.00"),
        "PREMIUM_INCOME": D("-4774.27"),
        "VAT_OUTPUT": D("-716.14"),
        "REFUNDS_PAYABLE": D("-6509.59"),
    }


def test_a_short_rate_contract_keeps_a_tenth_of_what_a_holder_did_not_use(
    non_life: Session,
) -> None:
    policy_id = _annual(CancellationBasis.SHORT_RATE)

    done = _cancel(policy_id, SEPTEMBER)

    assert (done.refund, done.retained) == (D("5858.63"), D("650.96"))


NOTICE = {"notice_sent_on": date(2026, 8, 14), "notice_evidence": "RC 123 456 789 ZA"}


@pytest.mark.parametrize(("kind", "more"), [("OTHER", NOTICE), ("FRAUD", {})])
def test_an_insurer_who_ends_the_contract_keeps_only_what_was_used(
    kind: str, more: dict[str, object], non_life: Session
) -> None:
    policy_id = _annual(CancellationBasis.SHORT_RATE)

    assert _preview(policy_id, SEPTEMBER, kind, **more).refund == D("6509.59")


@pytest.mark.parametrize(
    ("notice", "field"),
    [
        ({}, "notice_sent_on"),
        ({"notice_sent_on": date(2026, 8, 14)}, "notice_evidence"),
        (NOTICE | {"notice_sent_on": date(2026, 8, 15)}, "effective_date"),
        (NOTICE | {"notice_sent_on": date(2020, 8, 14)}, "notice_sent_on"),
        (NOTICE | {"notice_sent_on": date(2026, 9, 16)}, "notice_sent_on"),
    ],
)
def test_an_insurer_gives_31_days_of_provable_notice(
    notice: dict[str, object], field: str, non_life: Session
) -> None:
    policy_id = _annual()

    with pytest.raises(DomainError) as refusal:
        _preview(policy_id, SEPTEMBER, "OTHER", **notice)

    assert refusal.value.field == field
    needs = _preview(policy_id, SEPTEMBER, "OTHER", **NOTICE).needs
    assert [one.value for one in needs] == ["INSURER_ENDS", "REFUND_ABOVE_LIMIT"]
    assert _cancel(policy_id, SEPTEMBER, "OTHER", **NOTICE).approval_id is not None
    assert get_policy(non_life, policy_id).status is PolicyStatus.CANCELLED


def test_a_holder_who_cools_off_never_pays_short_rate(non_life: Session) -> None:
    policy_id = _annual(CancellationBasis.SHORT_RATE)

    within = _preview(policy_id, date(2026, 4, 15))
    after = _preview(policy_id, date(2026, 4, 16))

    assert (within.is_cooling_off, within.retained) == (True, D("0.00"))
    assert (after.is_cooling_off, after.retained > 0) == (False, True)


def test_life_cools_off_for_31_days(session: Session) -> None:
    policy_id = sell(MAY)

    assert _preview(policy_id, date(2026, 6, 1)).is_cooling_off
    assert not _preview(policy_id, date(2026, 6, 2)).is_cooling_off


def test_a_flat_contract_gives_nothing_of_a_begun_period_back(session: Session) -> None:
    policy_id = sell(MAY, cancellation_basis=CancellationBasis.FLAT)
    pay(policy_id, "300.00", date(2026, 7, 1))

    done = _cancel(policy_id, date(2026, 7, 16))

    assert (done.refund, done.retained) == (D("0.00"), D("51.61"))


def test_what_is_owed_is_settled_before_anything_goes_back(session: Session) -> None:
    policy_id = sell(MAY, premium="310.00")
    pay(policy_id, "310.00", MAY)

    seen = _preview(policy_id, date(2026, 6, 16))
    done = _cancel(policy_id, date(2026, 6, 16))

    # June was not paid: 15 of its 30 days are owed.
    assert (seen.unearned, seen.owed) == (D("155.00"), D("310.00"))
    assert (done.arrears, done.refund) == (D("155.00"), D("0.00"))
    assert arrears_on(session, policy_id, date(2026, 6, 16)) == D("155.00")


def test_premiums_paid_ahead_go_back_whole(session: Session) -> None:
    policy_id = sell(MAY, cancellation_basis=CancellationBasis.FLAT)
    pay(policy_id, "250.00", date(2026, 5, 2))

    done = _cancel(policy_id, date(2026, 6, 1), effective_date=date(2026, 6, 1))

    assert (done.refund, done.retained) == (D("150.00"), D("0.00"))
    statuses = [one.status for one in list_premium_lines(session, policy_id)]
    assert statuses == [LineStatus.PAID] + [LineStatus.CANCELLED] * 11


@pytest.mark.parametrize(("stop", "refund"), [(16, "0.00"), (1, "0.00"), (31, "0.00")])
def test_a_premium_that_was_waived_is_not_given_back(
    stop: int, refund: str, session: Session
) -> None:
    policy_id = sell(MAY, premium="310.00")
    on = date(2026, 5, 31)
    _waive(policy_id, 0, on)

    done = _cancel(policy_id, on, effective_date=date(2026, 5, stop))

    assert (done.refund, done.arrears) == (D(refund), D("0.00"))
    assert refunds_payable(session, policy_id) == unapplied_credit(session, policy_id) == 0
    assert "BANK" not in _sums(session, policy_id)


def test_of_a_premium_that_was_partly_waived_only_what_was_paid_goes_back(session: Session) -> None:
    policy_id = sell(MAY, premium="310.00")
    pay(policy_id, "100.00", MAY)
    _waive(policy_id, 0, MAY)

    done = _cancel(policy_id, date(2026, 5, 11))

    # 210.00 is unearned, 100.00 was really paid.
    assert (done.refund, done.retained) == (D("100.00"), D("0.00"))
    assert _sums(session, policy_id)["REFUNDS_PAYABLE"] == D("-100.00")


def _waive(policy_id: UUID, index: int, on: date) -> None:
    line_id = list_premium_lines(db.session(), policy_id)[index].id
    db.session().rollback()
    with at(on) as now:
        asked = waive_premium(policy_id, line_id, reason="Flood relief", on=on, now=now)
        assert asked.approval_id is not None
    with at(on, CHECKER) as now:
        approve_request(asked.approval_id, on=on, now=now)


def test_a_policy_cancelled_for_non_payment_owes_nothing_for_what_was_never_collected(
    session: Session,
) -> None:
    policy_id = sell(MAY)
    pay(policy_id, "100.00", MAY)

    _tell(policy_id, date(2026, 6, 5))

    done = _cancel(policy_id, date(2026, 7, 20), "NON_PAYMENT")

    assert (done.arrears, done.refund, done.approval_id) == (D("0.00"), D("0.00"), None)
    assert _sums(session, policy_id) == {"BANK": D("100.00"), "PREMIUM_INCOME": D("-100.00")}


def test_what_is_left_of_a_part_paid_premium_is_written_off_by_two_people(
    session: Session,
) -> None:
    policy_id = sell(MAY)
    pay(policy_id, "140.00", date(2026, 6, 1))

    _tell(policy_id, date(2026, 6, 5))

    seen = _preview(policy_id, date(2026, 6, 17), "NON_PAYMENT")
    done = _cancel(policy_id, date(2026, 6, 17), "NON_PAYMENT")

    assert (seen.unearned, seen.owed, seen.written_off) == (D("46.67"), D("60.00"), D("13.33"))
    assert [one.value for one in seen.needs] == ["WRITE_OFF"]
    assert done.approval_id is not None
    assert _sums(session, policy_id) == {
        "BANK": D("140.00"),
        "PREMIUM_INCOME": D("-153.33"),
        "PREMIUM_WAIVED": D("13.33"),
    }


def _tell(policy_id: UUID, day: date) -> None:
    with at(day) as now:
        record_notice(
            policy_id,
            recipient="12 Kloof Street",
            sent_on=day,
            registered_number="RC 123 456 789 ZA",
            on=day,
            now=now,
        )


@pytest.mark.parametrize("kind", ["NON_PAYMENT", "LAPSE"])
def test_cover_ends_for_non_payment_only_as_it_would_lapse(kind: str, session: Session) -> None:
    policy_id, over = sell(MAY), date(2026, 6, 17)
    pay(policy_id, "100.00", MAY)

    with pytest.raises(ConflictError, match="no notice"):
        _preview(policy_id, over, kind)
    _tell(policy_id, date(2026, 6, 5))
    with pytest.raises(ConflictError, match="grace has not run out"):
        _preview(policy_id, date(2026, 6, 16), kind)
    with pytest.raises(DomainError, match="it can end on 2026/06/17"):
        _preview(policy_id, over, kind, effective_date=date(2026, 6, 16))
    assert _cancel(policy_id, over, kind).policy.status is PolicyStatus.CANCELLED


def test_a_rhythm_of_premiums_to_come_keeps_nobody_from_cancelling(session: Session) -> None:
    policy_id, day = sell(MAY), date(2026, 5, 20)
    pay(policy_id, "100.00", MAY)
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_FREQUENCY, data={"frequency": "QUARTERLY"}, effective_date=day
    )
    with at(day) as now:
        endorse_policy(policy_id, wanted, on=day, now=now)

    assert _cancel(policy_id, day).policy.status is PolicyStatus.CANCELLED

    late = date(2026, 6, 2)
    with at(late) as now:
        keep_schedules(on=late, now=now)
    session.expire_all()
    assert get_policy(session, policy_id).status is PolicyStatus.CANCELLED
    assert find_differences()[1] == []


@pytest.mark.parametrize("paid", [None, "30.00"])
def test_what_a_lapse_left_unpaid_is_asked_from_nobody_when_the_policy_is_cancelled(
    paid: str | None, session: Session
) -> None:
    policy_id, over = sell(MAY), date(2026, 6, 17)
    pay(policy_id, "100.00", MAY)
    if paid is not None:
        pay(policy_id, paid, date(2026, 6, 3))
    _tell(policy_id, date(2026, 6, 5))
    with at(over) as now:
        lapse_policy(policy_id, reason="Unpaid", on=over, now=now)

    done = _cancel(policy_id, date(2026, 6, 20))

    assert (done.refund, done.policy.status) == (0, PolicyStatus.CANCELLED)
    session.expire_all()
    assert arrears_on(session, policy_id, date(2026, 12, 1)) == 0
    assert find_differences()[1] == []


def test_a_payment_that_comes_back_after_the_end_lowers_what_waits_to_be_paid_back(
    session: Session,
) -> None:
    policy_id, day = sell(MAY), date(2026, 5, 11)
    pay(policy_id, "100.00", MAY, reference="May")
    pay(policy_id, "100.00", MAY, reference="June")
    refund = _cancel(policy_id, day).refund
    may = list_premium_lines(session, policy_id)[0].id
    session.rollback()

    with at(day) as now:
        reverse_payment(policy_id, may, reason_code="02", reference="May", on=day, now=now)

    assert arrears_on(session, policy_id, day) == 0
    assert refunds_payable(session, policy_id) == refund - 100
    assert find_differences()[1] == []


def test_credit_that_is_held_settles_what_a_payment_that_comes_back_leaves_open(
    session: Session,
) -> None:
    policy_id, day = sell(MAY), date(2026, 6, 1)
    pay(policy_id, "100.00", MAY, reference="May")
    _cancel(policy_id, day)
    pay(policy_id, "1.00", day, reference="More")
    may = list_premium_lines(session, policy_id)[0].id
    session.rollback()

    with at(day) as now:
        reverse_payment(policy_id, may, reason_code="02", reference="May", on=day, now=now)

    assert arrears_on(session, policy_id, day) == 99
    assert unapplied_credit(session, policy_id) == 0


@pytest.mark.parametrize("ends", ["lapse", "cancel"])
def test_what_comes_back_after_cover_ended_for_want_of_a_premium_is_asked_from_nobody(
    ends: str, session: Session
) -> None:
    policy_id, over = sell(MAY), date(2026, 6, 17)
    pay(policy_id, "100.00", MAY)
    pay(policy_id, "30.00", date(2026, 6, 3), reference="June in part")
    _tell(policy_id, date(2026, 6, 5))
    if ends == "lapse":
        with at(over) as now:
            lapse_policy(policy_id, reason="Unpaid", on=over, now=now)
    _cancel(policy_id, over, "VOLUNTARY" if ends == "lapse" else "NON_PAYMENT")

    june = list_premium_lines(session, policy_id)[1].id
    session.rollback()
    with at(over) as now:
        reverse_payment(policy_id, june, reason_code="02", on=over, now=now)

    session.expire_all()
    assert arrears_on(session, policy_id, date(2026, 12, 1)) == 0
    assert list_events(session, policy_id, limit=1)[0].payload["written_off"] == "30.00"
    assert find_differences()[1] == []


def test_a_preview_for_want_of_a_premium_uses_the_money_that_is_held_and_leaves_no_trace(
    session: Session,
) -> None:
    policy_id, over = sell(MAY), date(2026, 6, 17)
    pay(policy_id, "100.00", MAY)
    july = list_premium_lines(session, policy_id)[2].id
    session.rollback()
    with at(MAY) as now:
        pay_premium(policy_id, july, amount=D(30), reference="July", paid_on=MAY, on=MAY, now=now)
    _tell(policy_id, date(2026, 6, 5))

    preview = _preview(policy_id, over, "NON_PAYMENT")

    db.session().rollback()
    assert [one.paid_amount for one in list_premium_lines(session, policy_id)[1:3]] == [0, D(30)]
    done = _cancel(policy_id, over, "NON_PAYMENT")
    assert (preview.refund, preview.written_off) == (done.refund, D("23.33"))


@pytest.mark.parametrize("meant_for", ["the oldest", "July"])
@pytest.mark.parametrize(("paid", "refund"), [("100.00", "46.67"), ("53.34", "0.01"), ("50", "0")])
def test_what_is_paid_after_the_lapse_pays_for_the_days_of_grace_and_the_rest_goes_back(
    paid: str, refund: str, meant_for: str, session: Session
) -> None:
    # Cover went on from 1 to 16 June, for 16/30 of 100.00.
    policy_id, over = sell(MAY), date(2026, 6, 17)
    pay(policy_id, "100.00", MAY)
    _tell(policy_id, date(2026, 6, 5))
    with at(over) as now:
        lapse_policy(policy_id, reason="Unpaid", on=over, now=now)
    line_id = list_premium_lines(session, policy_id)[1 if meant_for == "the oldest" else 2].id
    session.rollback()
    day = date(2026, 6, 18)
    with at(day) as now:
        pay_premium(policy_id, line_id, amount=D(paid), reference="L", paid_on=day, on=day, now=now)

    assert _preview(policy_id, date(2026, 6, 20)).refund == D(refund)
    done = _cancel(policy_id, date(2026, 6, 20))

    assert done.refund == D(refund)
    session.expire_all()
    assert arrears_on(session, policy_id, date(2026, 12, 1)) == 0
    assert unapplied_credit(session, policy_id) == 0
    assert find_differences()[1] == []


@pytest.mark.parametrize("ends", ["lapse", "cancel"])
def test_money_for_a_later_premium_pays_the_oldest_before_cover_may_end_for_it(
    ends: str, session: Session
) -> None:
    policy_id, over = sell(MAY), date(2026, 6, 20)
    pay(policy_id, "100.00", MAY)
    july = list_premium_lines(session, policy_id)[2].id
    session.rollback()
    with at(date(2026, 6, 3)) as now:
        pay_premium(policy_id, july, amount=D(100), reference="July", paid_on=MAY, on=over, now=now)
    _tell(policy_id, date(2026, 6, 5))

    with pytest.raises(ConflictError, match="Nothing is owed"):
        if ends == "lapse":
            with at(over) as now:
                lapse_policy(policy_id, reason="Unpaid", on=over, now=now)
        else:
            _cancel(policy_id, over, "NON_PAYMENT")

    session.rollback()
    assert get_policy(session, policy_id).status is PolicyStatus.ACTIVE
    paid = [one.paid_amount for one in list_premium_lines(session, policy_id)[:3]]
    assert paid == [D(100), D(100), D(0)]
    assert list_events(session, policy_id, limit=1)[0].event_type == "HELD_MONEY_USED"


def test_a_book_that_is_kept_uses_what_is_held_when_grace_is_over_and_not_before(
    session: Session,
) -> None:
    policy_id = sell(MAY)
    pay(policy_id, "100.00", MAY)
    july = list_premium_lines(session, policy_id)[2].id
    session.rollback()
    with at(date(2026, 6, 3)) as now:
        pay_premium(
            policy_id,
            july,
            amount=D(30),
            reference="July",
            paid_on=MAY,
            on=date(2026, 6, 3),
            now=now,
        )
    for day, june in ((date(2026, 6, 16), 0), (date(2026, 6, 17), 30), (date(2026, 6, 18), 30)):
        with at(day) as now:
            kept = keep_schedules(on=day, now=now)
        session.rollback()
        assert list_premium_lines(session, policy_id)[1].paid_amount == june
        assert kept.settled_before_lapse == (1 if day.day == 17 else 0)


def test_a_claim_bars_the_cooling_off(session: Session) -> None:
    policy_id, day = sell(MAY, cancellation_basis=CancellationBasis.SHORT_RATE), date(2026, 5, 11)
    pay(policy_id, "100.00", MAY)
    before = _preview(policy_id, day)
    claim(policy_id, event=date(2026, 5, 9), day=day)

    after = _preview(policy_id, day)

    assert (before.is_cooling_off, before.is_cooling_off_barred) == (True, False)
    assert (after.is_cooling_off, after.is_cooling_off_barred) == (False, True)
    assert after.retained > before.retained == 0


def test_a_cancelled_policy_leaves_an_event_a_version_and_the_counts(session: Session) -> None:
    policy_id = sell(MAY)
    _cancel(policy_id, date(2026, 6, 10), effective_date=date(2026, 6, 5))
    session.rollback()

    event = list_events(session, policy_id, limit=1)[0]
    version = list_versions(session, policy_id)[0]
    assert (event.event_type, event.effective_date) == ("POLICY_CANCELLED", date(2026, 6, 5))
    assert event.reason == "Sold the car"
    assert version.version_number == 2
    assert version.policy_snapshot["policy"]["status"] == "cancelled"
    assert version.policy_snapshot["benefits"][0]["layers"]
    assert get_portfolio(session).by_status == {"active": 0, "cancelled": 1}


def test_the_holder_of_an_annual_policy_may_stop_on_any_day_of_the_year_paid_for(
    session: Session,
) -> None:
    policy_id = sell(MAY, frequency="ANNUAL")
    pay(policy_id, "1200.00", MAY)
    today = date(2026, 7, 20)

    ahead = _preview(policy_id, today, effective_date=date(2026, 9, 1))
    last = _preview(policy_id, today, effective_date=date(2027, 5, 1))
    with pytest.raises(DomainError, match="the next due date, 2027/05/01, at the latest"):
        _preview(policy_id, today, effective_date=date(2027, 5, 2))

    assert ahead.refund == D("795.62")  # 242 of 365 days
    assert last.refund == D("0.00")


def test_the_holder_may_stop_on_the_next_due_date_and_nobody_later(session: Session) -> None:
    policy_id = sell(MAY)
    pay(policy_id, "100.00", MAY)

    ahead = _preview(policy_id, date(2026, 5, 20), effective_date=date(2026, 6, 1))
    assert ahead.refund == D("0.00")
    for kind, day in (("VOLUNTARY", date(2026, 6, 2)), ("OTHER", date(2026, 6, 1))):
        with pytest.raises(DomainError) as refusal:
            _preview(policy_id, date(2026, 5, 20), kind, effective_date=day)
        assert refusal.value.field == "effective_date"
    with pytest.raises(DomainError, match="Cover started"):
        _preview(policy_id, date(2026, 5, 20), effective_date=date(2026, 4, 30))


def test_a_fraud_is_never_the_holders_cancellation(session: Session) -> None:
    policy_id = sell(MAY)

    with pytest.raises(DomainError, match="insurer's"):
        _preview(policy_id, MAY, "FRAUD", initiated_by=Initiator.HOLDER)


@pytest.mark.parametrize(
    ("kind", "effective", "why"),
    [
        ("FRAUD", date(2026, 9, 15), ["FRAUD", "REFUND_ABOVE_LIMIT"]),
        ("VOLUNTARY", date(2026, 9, 15), ["REFUND_ABOVE_LIMIT"]),
        ("VOLUNTARY", date(2026, 8, 15), ["REFUND_ABOVE_LIMIT", "BACKDATED"]),
    ],
)
def test_two_people_decide_fraud_large_refunds_and_what_is_dated_far_back(
    kind: str, effective: date, why: list[str], non_life: Session
) -> None:
    policy_id = _annual()

    with at(SEPTEMBER) as now:
        done = cancel_policy(
            policy_id, _wanted(kind, {"effective_date": effective}), on=SEPTEMBER, now=now
        )

    assert done.approval_id is not None
    assert [one.value for one in done.needs] == why
    assert get_policy(non_life, policy_id).status is PolicyStatus.ACTIVE


def test_a_cancelled_policy_is_not_cancelled_again(session: Session) -> None:
    policy_id = sell(MAY)
    _cancel(policy_id, date(2026, 5, 10))

    with pytest.raises(ConflictError) as refusal:
        _cancel(policy_id, date(2026, 5, 10))

    assert refusal.value.detail == {"allowed_transitions": []}


def test_premiums_of_a_closed_month_are_credited_in_the_open_one(session: Session) -> None:
    policy_id = sell(MAY)
    pay(policy_id, "100.00", MAY)
    with at(date(2026, 6, 10)) as now:
        close_books(date(2026, 5, 31), reason="May is done", on=date(2026, 6, 10), now=now)

    done = _cancel(policy_id, date(2026, 6, 10), effective_date=date(2026, 5, 16))

    assert done.refund == D("51.61")


def test_a_refund_is_paid_out_once(session: Session) -> None:
    policy_id = sell(MAY, premium="310.00")
    pay(policy_id, "310.00", MAY)
    _cancel(policy_id, date(2026, 5, 21))

    for _again in range(2):
        with at(date(2026, 5, 22)) as now:
            pay_refund(
                policy_id,
                amount=D("110.00"),
                reference="EFT 7",
                reason="Cooling off",
                on=date(2026, 5, 22),
                now=now,
            )

    assert refunds_payable(session, policy_id) == 0
    assert _sums(session, policy_id) == {"BANK": D("200.00"), "PREMIUM_INCOME": D("-200.00")}
    with at(date(2026, 5, 22)) as now, pytest.raises(ConflictError, match="can be paid back"):
        pay_refund(
            policy_id,
            amount=D("0.01"),
            reference="EFT 8",
            reason="More",
            on=date(2026, 5, 22),
            now=now,
        )


def test_credit_goes_back_to_the_holder_of_a_policy_in_force(session: Session) -> None:
    policy_id = sell(MAY)
    pay(policy_id, "500.00", MAY)

    with at(date(2026, 5, 2)) as now:
        pay_refund(
            policy_id,
            amount=D("300.00"),
            reference="EFT 9",
            reason="Paid twice",
            on=date(2026, 5, 2),
            now=now,
        )

    assert unapplied_credit(session, policy_id) == 0
    assert _sums(session, policy_id)["BANK"] == D("200.00")


def test_money_beyond_what_is_due_today_goes_back_while_cover_goes_on(session: Session) -> None:
    policy_id, day = sell(MAY, premium="700.00"), date(2026, 5, 2)
    pay(policy_id, "1050.00", day)

    with at(day) as now:
        for amount, reference in (("350.01", "EFT 1"), ("350.00", "EFT 2")):
            refund = {"amount": D(amount), "reference": reference, "reason": "Paid too much"}
            if amount == "350.01":
                with pytest.raises(ConflictError, match="350,00 can be paid back"):
                    pay_refund(policy_id, **refund, on=day, now=now)  # type: ignore[arg-type]
            else:
                pay_refund(policy_id, **refund, on=day, now=now)  # type: ignore[arg-type]

    session.rollback()
    assert [one.paid_amount for one in list_premium_lines(session, policy_id)[:2]] == [D(700), 0]
    assert _sums(session, policy_id)["BANK"] == D("700.00")


def test_a_policy_that_has_not_begun_is_cancelled_from_its_first_day(session: Session) -> None:
    sold, starts = date(2026, 5, 20), date(2026, 6, 1)
    policy_id = sell(sold, premium="310.00", effective=starts)
    pay(policy_id, "310.00", sold)

    with pytest.raises(DomainError, match="Cover starts on 2026/06/01"):
        _preview(policy_id, sold, effective_date=sold)
    done = _cancel(policy_id, sold)

    assert (done.refund, done.effective_date) == (D("310.00"), starts)
    event = list_events(session, policy_id, limit=1)[0]
    assert event.description.startswith("Cancelled while cooling off before cover began")
    mail = session.scalars(text("SELECT body FROM ins.mails WHERE subject LIKE '%cancelled'")).one()
    assert "it gives no cover" in mail


def test_a_cancellation_over_the_api_says_what_its_preview_said(
    api: Callable[..., TestClient], session: Session
) -> None:
    policy_id = sell(MAY, premium="310.00")
    pay(policy_id, "310.00", MAY)
    body = {"cancellation_type": "VOLUNTARY", "reason": "Customer requested cancellation"}
    with clock.frozen(morning(date(2026, 5, 21))):
        client = api()
        seen = client.post(f"/api/v1/policies/{policy_id}/cancel/preview", json=body).json
        done = client.put(f"/api/v1/policies/{policy_id}/cancel", json=body)
        again = client.put(f"/api/v1/policies/{policy_id}/cancel", json=body)

    assert done.status_code == 200
    assert (seen["refund"], seen["retained"], seen["needs"]) == (110.0, 0.0, [])
    assert done.json == {
        "id": str(policy_id),
        "status": "cancelled",
        "effective_date": "2026-05-21",
        "arrears": 0.0,
        "refund": 110.0,
        "retained": 0.0,
        "allowed_transitions": [],
        "approval_id": None,
    }
    assert (again.status_code, again.json["allowed_transitions"]) == (409, [])


def test_a_fraud_over_the_api_is_accepted_for_approval(
    api: Callable[..., TestClient], session: Session
) -> None:
    policy_id = sell(MAY)
    body = {"cancellation_type": "FRAUD", "reason": "The claim was made up"}
    with clock.frozen(morning(date(2026, 5, 21))):
        maker, checker = api(), api()
        asked = maker.put(f"/api/v1/policies/{policy_id}/cancel", json=body)
        path = f"/api/v1/approvals/{asked.json['approval_id']}"
        own = maker.post(f"{path}/approve", json={})
        agreed = checker.post(f"{path}/approve", json={"note": "Seen the file"})

    assert (asked.status_code, asked.json["status"]) == (202, "active")
    assert (own.status_code, "asked for this yourself" in own.json["detail"]) == (403, True)
    assert (agreed.status_code, agreed.json["status"]) == (200, "APPROVED")
    session.rollback()
    assert get_policy(session, policy_id).status is PolicyStatus.CANCELLED


def test_every_credit_note_has_a_number_of_its_own(session: Session) -> None:
    policy_id = sell(MAY)
    pay(policy_id, "100.00", MAY)
    _cancel(policy_id, date(2026, 5, 11))

    number = get_policy(session, policy_id).policy_number
    assert [one.reference for one in list_receipts(session, policy_id)][0] == f"CN-{number}-1"
    assert session.scalars(text("SELECT count(*) FROM ins.allocations")).one() >= 2


def test_a_payment_under_a_credit_notes_number_does_not_stop_a_cancellation(
    session: Session,
) -> None:
    policy_id = sell(MAY)
    number = get_policy(session, policy_id).policy_number
    session.rollback()
    pay(policy_id, "100.00", MAY, reference=f"CN-{number}-1")

    done = _cancel(policy_id, date(2026, 5, 11))

    assert done.refund == D("67.74")  # 21 of May's 31 days
    note, paid = list_receipts(session, policy_id)[:2]
    assert (note.reference, paid.reference) == (f"CN-{number}-1", f"CN-{number}-1")


def test_two_policies_are_not_paid_back_under_one_reference_at_once(
    app: Flask, org: OrganizationFacts, session: Session
) -> None:
    both = [sell(MAY) for _ in range(2)]
    for policy_id in both:
        pay(policy_id, "500.00", MAY)

    def clerk(policy_id: UUID) -> str:
        with app.app_context(), tenant_scope(org.id), acting_as(MAKER):
            try:
                pay_refund(
                    policy_id,
                    amount=D("10.00"),
                    reference="EFT",
                    reason="Asked",
                    on=MAY,
                    now=morning(MAY),
                )
            except ConflictError as refusal:
                return str(refusal.field)
            return "paid"

    with ThreadPoolExecutor(2) as clerks:
        assert sorted(clerks.map(clerk, both)) == ["paid", "reference"]


def test_credit_pays_what_has_fallen_due_before_it_goes_back(session: Session) -> None:
    policy_id = sell(MAY)
    pay(policy_id, "300.00", MAY)
    day = date(2026, 7, 10)  # May and June are paid; the credit of 100.00 has July's premium to pay

    with at(day) as now, pytest.raises(ConflictError, match="0,00 can be paid back"):
        pay_refund(policy_id, amount=D("100.00"), reference="EFT", reason="Asked", on=day, now=now)


def test_a_period_that_was_charged_and_never_began_is_charged_no_more(session: Session) -> None:
    day = date(2026, 7, 10)
    policy_id = sell(day, effective=MAY, backdating_limit_days=90)
    pay(policy_id, "300.00", day)
    done = _cancel(policy_id, day, effective_date=date(2026, 6, 16))

    # Half of June and all of July.
    assert done.refund == D("150.00")
    charged = [one for one in list_premium_lines(session, policy_id) if one.posted_at]
    assert [one.due_date for one in charged] == [MAY, date(2026, 6, 1)]
    assert _sums(session, policy_id)["PREMIUM_INCOME"] == D("-150.00")


@pytest.mark.parametrize(
    ("sum_assured", "credit"),
    [
        # 11 days of the increase are owed with the next debit; from the 25th 6 of them are unused.
        (750_000, D("70.00")),
        (400_000, D("42.00")),
        (None, D("50.00")),
    ],
)
def test_a_change_inside_the_month_is_given_back_for_the_days_it_does_not_serve(
    sum_assured: int | None, credit: Decimal, session: Session
) -> None:
    start, change_on, stop = date(2026, 11, 1), date(2026, 11, 20), date(2026, 11, 25)
    product_id = make_family_product(f"Family {new_id().hex[-8:]}").id
    quote_id = make_quote(product_id, make_customer(), sum_assured=D(500_000))
    policy_id = accept_quote(quote_id, effective_date=start, on=TODAY, now=NOW).policy.id
    if sum_assured is not None:
        death = next(
            one.benefit
            for one in list_benefits(session, policy_id)
            if one.benefit.benefit_code == "DEATH_MAIN"
        )
        wanted = EndorsementRequest(
            type=EndorsementType.CHANGE_COVER,
            data={"policy_benefit_id": death.id, "new_sum_assured": D(sum_assured)},
            effective_date=change_on,
            reason="Asked for it",
        )
        with at(change_on) as now:
            endorse_policy(policy_id, wanted, on=change_on, now=now)

    seen = _preview(policy_id, stop, effective_date=stop)
    done = _cancel(policy_id, stop, effective_date=stop)

    # 250.00 a month, then 350.00 or 210.00: 6 of November's 30 days are left.
    assert seen.unearned == credit
    assert done.arrears == arrears_on(session, policy_id, stop)


def test_a_cancellation_before_a_change_that_was_issued_wants_it_undone_first(
    session: Session,
) -> None:
    policy_id = sell(MAY)
    benefit = list_benefits(session, policy_id)[0].benefit
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_COVER,
        data={"policy_benefit_id": benefit.id, "new_sum_assured": D(90_000)},
        effective_date=date(2026, 5, 10),
        reason="Asked for it",
    )
    session.rollback()
    with at(date(2026, 5, 10)) as now:
        endorse_policy(policy_id, wanted, on=date(2026, 5, 10), now=now)

    with pytest.raises(ConflictError, match="Undo it first"):
        _preview(policy_id, date(2026, 5, 12), effective_date=date(2026, 5, 9))
