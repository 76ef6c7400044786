"""What goes back where cover ends is what came in, less what was earned, less what is kept."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from insurance.approvals.services import approve_request
from insurance.billing.models import LineKind
from insurance.billing.queries import arrears_on, list_premium_lines, unapplied_credit
from insurance.core.db import db
from insurance.core.tenancy import tenant_scope
from insurance.ledger.queries import list_policy_transfers
from insurance.policies.lifecycle_rules import CancellationType
from insurance.policies.models import EndorsementType
from insurance.policies.queries import list_benefits, list_events
from insurance.policies.replay import find_differences
from insurance.policies.services import (
    Cancellation,
    LifecycleOutcome,
    accept_quote,
    cancel_policy,
    pay_refund,
    preview_cancellation,
    refunds_payable,
    reverse_payment,
)
from insurance.policies.services.endorsements import EndorsementRequest, endorse_policy
from insurance.policies.services.schedule_steps import keep_schedules
from insurance.products import services as products
from insurance.products.models import AmountType, CancellationBasis
from insurance.quotes.services import QuoteInput, create_quote
from tests.factories.book import NOW, make_customer
from tests.factories.lifecycle import CHECKER, at, pay
from tests.factories.organizations import OrganizationFacts
from tests.factories.products import add_death_benefit, make_draft, make_rate_table

D = Decimal
ZERO = D("0.00")
MAY = date(2027, 5, 1)
LEAP = date(2028, 2, 1)


@pytest.fixture
def non_life(app: Flask, non_life_org: OrganizationFacts) -> Iterator[Session]:
    with app.app_context(), tenant_scope(non_life_org.id):
        yield db.session()
        db.session().rollback()
        assert find_differences()[1] == []


def _sell_life(day: date, *, frequency: str = "MONTHLY", **terms: object) -> UUID:
    """Return a policy of R500 000 at 0.52 per mille and a flat R45.00: 305.00 a month."""
    with at(day):
        product = make_draft("Life and accident", **terms)
        rates = [products.NewRate(rate=D("0.52"), age_from=18, age_to=65)]
        add_death_benefit(product, make_rate_table("life-rates", rows=rates))
        accident = products.NewBenefit(
            benefit_code="ACCIDENT",
            benefit_name="Accidental Death",
            benefit_type_code="ACCIDENTAL_DEATH",
            benefit_amount_type=AmountType.FIXED,
            default_amount=D(15_000),
            flat_premium=D(45),
            display_order=2,
        )
        products.add_benefit(product.id, accident, now=NOW)
        products.launch_product(product.id, now=NOW)
    return _sell(product.id, day, sum_assured=D(500_000), frequency=frequency)


def _sell_household(day: date) -> UUID:
    """Return a policy for a year of R200 000 at 0.85 per mille a month: 2 040.00, VAT in it."""
    with at(day):
        table = make_rate_table(
            "household-rates", rows=[products.NewRate(rate=D("0.85"))], factors=()
        )
        product = make_draft(
            "Household",
            product_type="HOUSEHOLD",
            class_code="PROPERTY",
            default_term_years=1,
            min_entry_age=None,
            max_entry_age=None,
        )
        contents = products.NewBenefit(
            benefit_code="CONTENTS",
            benefit_name="Household contents",
            benefit_type_code="PROPERTY_DAMAGE",
            rate_table_id=table.id,
        )
        products.add_benefit(product.id, contents, now=NOW)
        products.launch_product(product.id, now=NOW)
    return _sell(product.id, day, sum_assured=D(200_000), frequency="ANNUAL")


def _sell(product_id: UUID, day: date, **wanted: Any) -> UUID:
    with at(day) as now:
        asked = QuoteInput(product_id=product_id, customer_id=make_customer(), **wanted)
        quote = create_quote(asked, on=day, now=now)
        return accept_quote(quote.id, effective_date=day, on=day, now=now).policy.id


def _change_cover(policy_id: UUID, amount: int, day: date) -> None:
    session = db.session()
    session.rollback()
    benefit = list_benefits(session, policy_id)[0].benefit
    data = {"policy_benefit_id": benefit.id, "new_sum_assured": D(amount)}
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_COVER, data=data, effective_date=day, reason="Asked for it"
    )
    with at(day) as now:
        endorse_policy(policy_id, wanted, on=day, now=now)


def _pay_all(policy_id: UUID, day: date, *, premiums: int = 1) -> Decimal:
    """Pay what is owed today and so many premiums with it; return what was paid."""
    session = db.session()
    session.rollback()
    lines = list_premium_lines(session, policy_id)
    coming = [one for one in lines if one.kind is LineKind.PREMIUM][:premiums]
    changes = [one for one in lines if one.kind is LineKind.ADJUSTMENT]
    amount = sum((one.outstanding for one in [*coming, *changes]), ZERO)
    session.rollback()
    pay(policy_id, str(amount), day)
    return amount


def _cancel(policy_id: UUID, day: date, kind: str = "VOLUNTARY") -> LifecycleOutcome:
    wanted = Cancellation(kind=CancellationType(kind), reason="Moved abroad")
    with at(day) as now:
        seen = preview_cancellation(db.session(), policy_id, wanted, on=day, now=now)
    with at(day) as now:
        done = cancel_policy(policy_id, wanted, on=day, now=now)
    if done.approval_id is not None:
        with at(day, CHECKER) as now:
            approve_request(done.approval_id, on=day, now=now)
    session = db.session()
    session.rollback()
    assert done.refund == seen.refund == refunds_payable(session, policy_id)
    assert unapplied_credit(session, policy_id) == 0
    return done


def _balances(policy_id: UUID) -> dict[str, Decimal]:
    """Return each account's balance for a policy, debits less credits, where there is one."""
    balances: dict[str, Decimal] = {}
    for one in list_policy_transfers(db.session(), policy_id, limit=200).items:
        balances[one.debit_account] = balances.get(one.debit_account, ZERO) + one.amount
        balances[one.credit_account] = balances.get(one.credit_account, ZERO) - one.amount
    return {account: amount for account, amount in balances.items() if amount}


def test_a_decrease_on_the_first_day_and_a_cancellation_leave_nothing_anywhere(
    non_life: Session,
) -> None:
    policy_id = _sell_household(MAY)
    pay(policy_id, "2040.00", MAY)
    _change_cover(policy_id, 60_000, MAY)

    assert _cancel(policy_id, MAY).refund == D("2040.00")

    assert _balances(policy_id) == {"BANK": D("2040.00"), "REFUNDS_PAYABLE": D("-2040.00")}
    with at(MAY) as now:
        pay_refund(
            policy_id, amount=D("2040.00"), reference="EFT 1", reason="Ended", on=MAY, now=now
        )
    assert _balances(policy_id) == {}


def test_a_decrease_that_was_paid_out_is_not_paid_back_twice(non_life: Session) -> None:
    policy_id = _sell_household(MAY)
    pay(policy_id, "2040.00", MAY)
    _change_cover(policy_id, 60_000, MAY)
    with at(MAY) as now:
        pay_refund(
            policy_id, amount=D("1428.00"), reference="EFT 1", reason="Less", on=MAY, now=now
        )

    assert _cancel(policy_id, MAY).refund == D("612.00")

    left = _balances(policy_id)
    assert left.pop("BANK") == -left.pop("REFUNDS_PAYABLE") == D("612.00")
    assert left == {}


def test_an_increase_on_the_first_day_goes_back_whole(session: Session) -> None:
    policy_id = _sell_life(MAY)
    _change_cover(policy_id, 600_000, MAY)
    paid = _pay_all(policy_id, MAY)

    assert (paid, _cancel(policy_id, MAY).refund) == (D("357.00"), D("357.00"))
    assert _balances(policy_id) == {"BANK": D("357.00"), "REFUNDS_PAYABLE": D("-357.00")}


def test_an_increase_on_the_first_day_of_a_year_is_earned_like_the_rest(session: Session) -> None:
    policy_id = _sell_life(LEAP, frequency="ANNUAL")
    pay(policy_id, "3660.00", LEAP)
    _change_cover(policy_id, 700_000, LEAP)
    paid = D("3660.00") + _pay_all(policy_id, LEAP)

    # 4 908.00 for a year of 366 days, of which 100 were covered.
    assert (paid, _cancel(policy_id, LEAP + timedelta(days=100)).refund) == (
        D("4908.00"),
        D("3567.02"),
    )


def test_a_decrease_with_a_premium_paid_ahead_gives_back_what_was_not_earned(
    session: Session,
) -> None:
    policy_id = _sell_life(MAY)
    pay(policy_id, "610.00", MAY)
    _change_cover(policy_id, 200_000, date(2027, 5, 11))

    # Ten days at 305.00 and three at 149.00 of May's 31: 112.80.
    assert _cancel(policy_id, date(2027, 5, 14)).refund == D("497.20")
    assert _balances(policy_id)["PREMIUM_INCOME"] == D("-112.80")


def test_an_increase_with_a_premium_paid_ahead_gives_back_what_it_added_to_it(
    session: Session,
) -> None:
    policy_id = _sell_life(LEAP)
    pay(policy_id, "610.00", LEAP)
    _change_cover(policy_id, 600_000, LEAP)
    paid = D("610.00") + _pay_all(policy_id, LEAP, premiums=2)

    # Nine of February's 29 days are left of 357.00, and March whole.
    done = _cancel(policy_id, LEAP + timedelta(days=20))
    assert (paid, done.refund) == (D("714.00"), D("467.79"))


def test_a_change_on_a_due_date_and_a_cancellation_that_day_keep_the_month_before(
    session: Session,
) -> None:
    policy_id, june = _sell_life(MAY), date(2027, 6, 1)
    pay(policy_id, "610.00", MAY)
    _change_cover(policy_id, 200_000, june)

    assert _cancel(policy_id, june).refund == D("305.00")
    assert _balances(policy_id)["PREMIUM_INCOME"] == D("-305.00")


@pytest.mark.parametrize(("basis", "kept"), [("FLAT", "149.00"), ("SHORT_RATE", "84.11")])
def test_what_the_contract_keeps_is_of_the_premium_as_it_was_changed(
    basis: str, kept: str, session: Session
) -> None:
    july = date(2027, 7, 1)
    policy_id = _sell_life(
        MAY, cancellation_basis=CancellationBasis(basis), short_rate_per_cent=D(90)
    )
    with at(july) as now:
        keep_schedules(on=july, now=now)
    pay(policy_id, "915.00", july)
    _change_cover(policy_id, 200_000, july)

    # July costs 149.00; 16 of its 31 days are earned, 76.90, and a tenth of the rest is kept.
    assert _cancel(policy_id, date(2027, 7, 17)).refund == D("305.00") - D(kept)


def test_a_premium_credited_in_parts_carries_the_vat_of_each(non_life: Session) -> None:
    policy_id = _sell_household(MAY)
    pay(policy_id, "2040.00", MAY)
    _change_cover(policy_id, 60_000, MAY)

    done = _cancel(policy_id, MAY + timedelta(days=146))

    # 612.00 for 366 days, May 2027 to April 2028.
    assert done.refund == D("2040.00") - D("244.13")
    income = _balances(policy_id)
    assert income["PREMIUM_INCOME"] + income["VAT_OUTPUT"] == D("-244.13")
    # Each document has its own VAT: 266.09 charged, 186.26 and 47.98 credited.
    assert income["VAT_OUTPUT"] == D("-31.85")


def test_a_payment_that_waits_to_be_paid_back_itself_can_come_back(session: Session) -> None:
    policy_id = _sell_life(MAY)
    premium = list_premium_lines(session, policy_id)[0].amount
    session.rollback()
    pay(policy_id, str(4 * premium), MAY)
    end = MAY + timedelta(days=7)
    refund = _cancel(policy_id, end).refund
    line_id = list_premium_lines(session, policy_id)[0].id
    session.rollback()

    with at(end) as now:
        reverse_payment(policy_id, line_id, reason_code="02", on=end, now=now)

    assert refunds_payable(session, policy_id) == ZERO
    assert arrears_on(session, policy_id, end) == 4 * premium - refund == D("68.87")
    assert "BANK" not in _balances(policy_id)
    assert find_differences()[1] == []


@pytest.mark.parametrize("is_paid_back", [False, True])
def test_a_payment_that_comes_back_after_the_end_leaves_none_of_it_to_be_paid_back(
    session: Session, is_paid_back: bool
) -> None:
    """3 660.00 for 366 days from 1 May 2027, 10.00 a day, of which 92 were covered."""
    policy_id = _sell_life(MAY, frequency="ANNUAL")
    pay(policy_id, "3660.00", MAY)
    end = date(2027, 8, 1)
    refund = _cancel(policy_id, end).refund
    assert refund == D("2740.00")
    if is_paid_back:
        with at(end) as now:
            pay_refund(policy_id, amount=refund, reference="RF", reason="Due", on=end, now=now)
    line_id = list_premium_lines(session, policy_id)[0].id
    session.rollback()

    with at(end) as now:
        reverse_payment(policy_id, line_id, reason_code="02", on=end, now=now)

    assert refunds_payable(session, policy_id) == ZERO
    owed = sum(one.outstanding for one in list_premium_lines(session, policy_id))
    assert owed == (D("3660.00") if is_paid_back else D("920.00"))
    (event,) = [
        one
        for one in list_events(session, policy_id, limit=9)
        if one.event_type == "PAYMENT_REVERSED"
    ]
    assert ("740,00 that waited" in event.description) is not is_paid_back
