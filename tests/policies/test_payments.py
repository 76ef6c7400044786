"""Premiums coming in and going back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
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
from insurance.billing.queries import (
    arrears_on,
    list_premium_lines,
    list_receipts,
    unapplied_credit,
)
from insurance.billing.services import Payment
from insurance.core.context import acting_as
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from insurance.core.tenancy import tenant_scope
from insurance.customers.queries import list_customers
from insurance.ledger.periods import close_books
from insurance.policies.queries import list_events
from insurance.policies.services import (
    Answers,
    accept_quote,
    pay_premium,
    receive_payment,
    record_payments,
    reverse_payment,
)
from tests.factories.book import NOW, TODAY, make_customer, make_product, make_quote
from tests.factories.identity import TestClient
from tests.factories.lifecycle import CHECKER, MAKER
from tests.factories.organizations import OrganizationFacts
from tests.random_tries import by_chance, tries

D = Decimal
START = date(2026, 9, 20)


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy of 100.00 a month since 20 September: three premiums have fallen due."""
    quote_id = make_quote(make_product(backdating_limit_days=90), make_customer())
    return accept_quote(quote_id, effective_date=START, on=TODAY, now=NOW).policy.id


def _pay(
    policy_id: UUID,
    amount: str,
    reference: str = "PAY-1",
    paid_on: date = TODAY,
    answers: Answers = Answers(),  # noqa: B008 -- frozen
) -> Any:
    return receive_payment(
        policy_id,
        amount=D(amount),
        reference=reference,
        paid_on=paid_on,
        on=TODAY,
        now=NOW,
        answers=answers,
    )


def _lines(session: Session, policy_id: UUID) -> list[tuple[str, Decimal]]:
    session.rollback()
    return [(one.status.value, one.paid_amount) for one in list_premium_lines(session, policy_id)]


def test_a_receipt_settles_the_oldest_premium_and_a_part_of_the_next(
    policy_id: UUID, session: Session
) -> None:
    paid = _pay(policy_id, "150.00")

    assert [one.amount for one in paid.shares] == [D("100.00"), D("50.00")]
    assert _lines(session, policy_id)[:3] == [
        ("PAID", D("100.00")),
        ("PENDING", D("50.00")),
        ("PENDING", D("0.00")),
    ]
    assert arrears_on(session, policy_id, TODAY) == D("150.00")


@pytest.mark.parametrize("amount", ["150.00", "151.00"])
def test_a_reference_that_was_used_before_asks_whether_this_is_the_same_payment(
    amount: str, policy_id: UUID, session: Session
) -> None:
    first = _pay(policy_id, "150.00", "Insurance")

    with pytest.raises(ConflictError, match="the same payment or another") as asked:
        _pay(policy_id, amount, "INSURANCE ")

    assert asked.value.field == "is_another_payment"
    assert asked.value.detail["earlier_payment"]["receipt_id"] == str(first.receipt_id)
    assert len(list_receipts(session, policy_id)) == 1


def test_what_a_person_says_of_a_reference_used_before_is_believed(
    policy_id: UUID, session: Session
) -> None:
    first = _pay(policy_id, "100.00", "INSURANCE")

    same = _pay(policy_id, "100.00", "INSURANCE", answers=Answers(is_another=False))
    other = _pay(policy_id, "100.00", "INSURANCE", answers=Answers(is_another=True))

    assert (same.receipt_id, same.is_duplicate) == (first.receipt_id, True)
    assert other.receipt_id != first.receipt_id
    assert arrears_on(session, policy_id, TODAY) == D("100.00")
    with pytest.raises(ConflictError, match="No payment of"):
        _pay(policy_id, "99.00", "INSURANCE", answers=Answers(is_another=False))


def test_far_more_than_is_due_asks_whether_it_is_right(policy_id: UUID, session: Session) -> None:
    _pay(policy_id, "2999.99", "A")

    with pytest.raises(ConflictError, match="R.1.000,00 right. R.100,00 is due") as asked:
        _pay(policy_id, "1000.00", "B")

    assert asked.value.field == "amount_is_right"
    assert _pay(policy_id, "1000.00", "B", answers=Answers(amount_is_right=True)).receipt_id


def test_a_payment_above_the_tenants_limit_is_recorded_once_another_person_agrees(
    policy_id: UUID, session: Session
) -> None:
    with acting_as(MAKER):
        waiting = _pay(policy_id, "100000.01", answers=Answers(amount_is_right=True))
    assert (waiting.receipt_id, list_receipts(session, policy_id)) == (None, [])
    session.rollback()

    with acting_as(MAKER), pytest.raises(ForbiddenError):
        approve_request(waiting.approval_id, on=TODAY, now=NOW)
    with acting_as(CHECKER):
        approve_request(waiting.approval_id, on=TODAY, now=NOW)

    (receipt,) = list_receipts(session, policy_id)
    assert (receipt.amount, receipt.reference) == (D("100000.01"), "PAY-1")


def test_what_is_left_over_is_credit(policy_id: UUID, session: Session) -> None:
    paid = _pay(policy_id, "1000.00")

    # Three are due and the fourth falls due within a month.
    assert (len(paid.shares), paid.credit) == (4, D("600.00"))
    assert unapplied_credit(session, policy_id) == D("600.00")


def test_reversing_a_receipt_opens_everything_as_if_it_had_never_come(
    policy_id: UUID, session: Session
) -> None:
    before = _lines(session, policy_id)
    _pay(policy_id, "1000.00")
    line = list_premium_lines(session, policy_id)[0]
    session.rollback()

    reverse_payment(policy_id, line.id, reason_code="02", reference=None, on=TODAY, now=NOW)

    after = [(one[0].replace("OVERDUE", "PENDING"), one[1]) for one in _lines(session, policy_id)]
    assert after == before
    assert unapplied_credit(session, policy_id) == 0
    assert arrears_on(session, policy_id, TODAY) == D("300.00")
    line = list_premium_lines(session, policy_id)[0]
    assert (line.paid_date, line.payment_reference) == (None, None)
    kinds = [one.event_type for one in list_events(session, policy_id, limit=10)]
    assert kinds[:2] == ["PAYMENT_REVERSED", "PREMIUM_RECEIVED"]
    reversals = session.scalars(
        text("SELECT count(*) FROM ins.ledger_transfers WHERE reverses_id IS NOT NULL")
    ).one()
    assert reversals == 5


def test_a_payment_that_settles_no_premium_yet_comes_back_by_its_reference(
    policy_id: UUID, session: Session
) -> None:
    _pay(policy_id, "400.00", "A")
    _pay(policy_id, "50.00", "B", answers=Answers(amount_is_right=True))
    line_id = list_premium_lines(session, policy_id)[0].id
    assert unapplied_credit(session, policy_id) == D("50.00")
    session.rollback()

    reverse_payment(policy_id, line_id, reason_code="02", reference="B", on=TODAY, now=NOW)

    assert unapplied_credit(session, policy_id) == 0
    with pytest.raises(NotFoundError):
        reverse_payment(policy_id, line_id, reason_code="02", reference="C", on=TODAY, now=NOW)


def test_a_receipt_is_reversed_once(policy_id: UUID, session: Session) -> None:
    _pay(policy_id, "100.00")
    line_id = list_premium_lines(session, policy_id)[0].id
    session.rollback()
    reverse_payment(policy_id, line_id, reason_code="02", reference="PAY-1", on=TODAY, now=NOW)

    with pytest.raises(ConflictError, match="already been reversed"):
        reverse_payment(policy_id, line_id, reason_code="02", reference="PAY-1", on=TODAY, now=NOW)
    with pytest.raises(NotFoundError):
        reverse_payment(policy_id, line_id, reason_code="02", reference=None, on=TODAY, now=NOW)


@pytest.mark.parametrize(
    ("amount", "paid_on", "field"),
    [
        ("0.00", TODAY, "amount"),
        ("-5.00", TODAY, "amount"),
        ("100.00", TODAY + timedelta(days=1), "payment_date"),
        ("100.00", date(2026, 10, 31), "payment_date"),
    ],
)
def test_what_is_no_payment_is_refused_at_its_field(
    amount: str, paid_on: date, field: str, policy_id: UUID, session: Session
) -> None:
    close_books(date(2026, 10, 31), reason="October is done", on=TODAY, now=NOW)

    with pytest.raises(DomainError) as refusal:
        _pay(policy_id, amount, paid_on=paid_on)

    assert refusal.value.field == field
    assert list_receipts(session, policy_id) == []


def test_two_clerks_who_pay_the_same_premium_at_once_post_it_once(
    app: Flask, org: OrganizationFacts, policy_id: UUID, session: Session
) -> None:
    line_id = list_premium_lines(session, policy_id)[0].id
    session.rollback()

    def clerk(number: int) -> str:
        with app.app_context(), tenant_scope(org.id):
            try:
                pay_premium(
                    policy_id,
                    line_id,
                    amount=D("100.00"),
                    reference=f"CLERK-{number}",
                    paid_on=TODAY,
                    on=TODAY,
                    now=NOW,
                )
            except ConflictError as refusal:
                return refusal.message
            return "posted"

    with ThreadPoolExecutor(2) as clerks:
        said = sorted(clerks.map(clerk, range(2)))

    assert said[1] == "posted"
    assert said[0].startswith("This premium was paid on 2026/11/20")
    assert len(list_receipts(session, policy_id)) == 1


def test_a_premium_that_was_paid_while_the_screen_was_open_is_not_paid_again(
    app: Flask, org: OrganizationFacts, policy_id: UUID, session: Session
) -> None:
    line = list_premium_lines(session, policy_id)[0]

    def colleague() -> None:
        with app.app_context(), tenant_scope(org.id):
            _pay_line(policy_id, line.id, "FIRST")

    with ThreadPoolExecutor(1) as clerks:
        clerks.submit(colleague).result()
    with pytest.raises(ConflictError, match="was paid on"):
        _pay_line(policy_id, line.id, "SECOND")

    assert len(list_receipts(session, policy_id)) == 1


def _pay_line(policy_id: UUID, line_id: UUID, reference: str) -> Any:
    return pay_premium(
        policy_id,
        line_id,
        amount=D("100.00"),
        reference=reference,
        paid_on=TODAY,
        on=TODAY,
        now=NOW,
    )


def test_two_clerks_who_record_one_payment_at_once_record_it_once(
    app: Flask, org: OrganizationFacts, policy_id: UUID, session: Session
) -> None:
    def clerk(_number: int) -> str:
        with app.app_context(), tenant_scope(org.id):
            try:
                _pay(policy_id, "100.00", "ONE")
            except ConflictError as refusal:
                return str(refusal.field)
            return "posted"

    with ThreadPoolExecutor(2) as clerks:
        assert sorted(clerks.map(clerk, range(2))) == ["is_another_payment", "posted"]


def test_taking_a_payment_back_leaves_one_with_a_similar_reference(
    policy_id: UUID, session: Session
) -> None:
    _pay(policy_id, "100.00", "EFT")
    _pay(policy_id, "100.00", "EFT/WO")
    line_id = list_premium_lines(session, policy_id)[0].id
    session.rollback()

    reverse_payment(policy_id, line_id, reason_code="02", reference="eft", on=TODAY, now=NOW)

    session.expire_all()
    statuses = {one.reference: one.status.value for one in list_receipts(session, policy_id)}
    assert statuses == {"EFT": "REVERSED", "EFT/WO": "POSTED"}


def test_a_payment_that_was_taken_back_has_left_no_credit(
    policy_id: UUID, session: Session
) -> None:
    _pay(policy_id, "100.00")
    line_id = list_premium_lines(session, policy_id)[0].id
    session.rollback()
    reverse_payment(policy_id, line_id, reason_code="02", reference=None, on=TODAY, now=NOW)

    again = _pay(policy_id, "100.00", answers=Answers(is_another=False))

    assert (again.is_duplicate, again.credit, again.shares) == (True, D("0.00"), ())
    assert unapplied_credit(session, policy_id) == 0


@by_chance
@given(receipts=st.lists(st.tuples(st.integers(1, 60_000), st.booleans()), min_size=1, max_size=5))
@settings(
    max_examples=tries(6, 60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_is_paid_and_taken_back_the_money_adds_up(
    app: Flask, org: OrganizationFacts, receipts: list[tuple[int, bool]]
) -> None:
    with app.app_context(), tenant_scope(org.id):
        from insurance.core.db import db
        from insurance.core.ids import new_id
        from insurance.policies.replay import find_differences
        from insurance.products.queries import list_products

        session = db.session()
        products = list_products(session, limit=1).items
        product_id = products[0].product.id if products else make_product(backdating_limit_days=90)
        known = list_customers(session, limit=1).items
        quote_id = make_quote(product_id, known[0].id if known else make_customer())
        policy_id = accept_quote(quote_id, effective_date=START, on=TODAY, now=NOW).policy.id
        kept = D(0)
        for cents, is_reversed in receipts:
            reference, amount = new_id().hex, D(cents) / 100
            paid = _pay(policy_id, str(amount), reference)
            if is_reversed and paid.shares:
                reverse_payment(
                    policy_id,
                    paid.shares[0].line_id,
                    reason_code="02",
                    reference=reference,
                    on=TODAY,
                    now=NOW,
                )
            else:
                kept += amount
        lines = list_premium_lines(session, policy_id)
        assert sum(one.paid_amount for one in lines) + unapplied_credit(session, policy_id) == kept
        assert find_differences()[1] == []


def test_a_payment_over_the_api_settles_the_premium_it_names(
    api: Callable[..., TestClient], policy_id: UUID, session: Session
) -> None:
    client = api()
    schedule = client.get(f"/api/v1/policies/{policy_id}/premiums").json
    body = {"payment_date": "2026-11-20", "payment_reference": "EFT 1", "amount": 100.0}
    path = f"/api/v1/policies/{policy_id}/premiums/{schedule[1]['id']}"

    paid = client.post(f"{path}/pay", json=body)
    asked = client.post(f"{path}/pay", json=body)
    again = client.post(f"{path}/pay", json=body | {"is_another_payment": False})
    other = client.post(f"{path}/pay", json=body | {"payment_reference": "EFT 2"})

    assert paid.status_code == 200
    assert paid.json["shares"] == [{"line_id": schedule[1]["id"], "amount": 100.0}]
    assert (asked.status_code, asked.json["errors"][0]["pointer"]) == (409, "/is_another_payment")
    assert again.json["is_duplicate"]
    assert (other.status_code, other.json["title"]) == (409, "Conflict")
    summary = client.get(f"/api/v1/policies/{policy_id}/premium-summary").json
    assert (summary["paid_count"], summary["total_paid"]) == (1, 100.0)
    reversed_ = client.post(f"{path}/reverse", json={"reason_code": "02", "reference": "EFT 1"})
    assert reversed_.json["status"] == "REVERSED"
    types = [one["type"] for one in client.get(f"/api/v1/policies/{policy_id}/transactions").json]
    assert types[:2] == ["REVERSAL", "PREMIUM_RECEIVED"]


def test_a_slip_of_trillions_asks_and_no_total_is_too_large_to_be_read(
    api: Callable[..., TestClient], policy_id: UUID, session: Session
) -> None:
    client = api()
    path = f"/api/v1/policies/{policy_id}"
    body = {
        "payment_date": "2026-11-20",
        "payment_reference": "EFT 1",
        "amount": "9999999999999.00",
    }

    asked = client.post(f"{path}/payments", json=body)
    waiting = client.post(f"{path}/payments", json=body | {"amount_is_right": True})
    payments = [
        Payment(
            policy_id=policy_id,
            policy_number="PL",
            reference=reference,
            amount=D("9999999999999.00"),
            on=TODAY,
        )
        for reference in ("A", "B")
    ]
    with transaction() as writing:
        record_payments(writing, payments, on=TODAY, now=NOW)

    assert (asked.status_code, asked.json["due"]) == (409, 300.0)
    assert (waiting.json["receipt_id"], bool(waiting.json["approval_id"])) == (None, True)
    for read in (
        "/api/v1/ledger/trial-balance",
        "/api/v1/ledger/accounts",
        "/api/v1/ledger/accounts/BANK/statement",
        "/api/v1/dashboard",
        f"{path}/premium-summary",
        f"{path}/receipts",
        f"{path}/transactions",
    ):
        assert client.get(read).status_code == 200, read
