"""A payment of a day within the grace that is filed after the lapse: the lapse never was."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from insurance.approvals.services import approve_request
from insurance.billing.queries import (
    arrears_on,
    list_premium_lines,
    list_receipts,
    unapplied_credit,
)
from insurance.core.db import db, transaction
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.permissions import Role
from insurance.core.tenancy import current_org, tenant_scope
from insurance.lapses.services import record_notice
from insurance.ledger.periods import close_books
from insurance.notifications.models import Mail
from insurance.policies.lifecycle_rules import check_sets_aside
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy, list_events
from insurance.policies.services import (
    lapse_policy,
    list_proofs,
    receive_payment,
    set_lapse_aside,
    suspend_policy,
)
from insurance.policies.services.as_at import policy_as_at
from insurance.policies.services.moves import charge_due, day_after, open_case
from insurance.policies.services.payments import Answers
from insurance.reconciliation.queries import list_suspense
from insurance.reconciliation.services import post_uploaded, preview_upload
from tests.factories.claims import claim, complete
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.lifecycle import CHECKER, MAKER, at, morning, pay, sell
from tests.factories.organizations import OrganizationFacts
from tests.factories.reconciliation import csv_of, row

D = Decimal
DUE = date(2026, 10, 4)
LAPSED_ON = date(2026, 10, 20)
"""Grace of 15 days covers the 19th."""
FILED = date(2026, 11, 10)
"""The next premium fell due on 4 November and is within its own grace."""


def _lapsed(*, is_suspended: bool = False) -> tuple[UUID, str]:
    """Return (id, number) of a policy that lapsed for its premium of 4 October."""
    policy_id = sell(DUE, term_years=1)
    sent = DUE + timedelta(days=3)
    with at(sent) as now:
        record_notice(
            policy_id,
            recipient="12 Kloof Street",
            sent_on=sent,
            registered_number="RE123456785ZA",
            on=sent,
            now=now,
        )
    if is_suspended:
        with at(sent) as now:
            suspend_policy(policy_id, reason="Asked to", on=sent, now=now)
    with at(LAPSED_ON) as now:
        lapse_policy(policy_id, reason="No payment received", on=LAPSED_ON, now=now)
    number = get_policy(db.session(), policy_id).policy_number
    db.session().rollback()
    return policy_id, number


def _file(number: str, paid_on: date, amount: str = "100.00", filed: date = FILED) -> UUID:
    """Post a file with a payment after the lapse, and return the receipt that waits."""
    content = csv_of(row(number, amount, "INSURANCE", paid_date=paid_on.isoformat()))
    with at(filed) as now:
        file = preview_upload(content, "late.csv", on=filed, now=now, commit=True)
        post_uploaded(file, on=filed, now=now)
    (waiting,) = list_suspense(db.session(), limit=5).items
    db.session().rollback()
    return waiting.id


def _set_aside(policy_id: UUID, receipt_id: UUID, on: date = FILED) -> None:
    with at(on, MAKER) as now:
        asked = set_lapse_aside(
            policy_id, receipt_id, reason="Paid in grace; the file came late", on=on, now=now
        )
    assert asked.approval_id is not None
    with at(on, CHECKER) as now:
        approve_request(asked.approval_id, on=on, now=now)


def test_a_payment_within_the_grace_sets_the_lapse_aside(session: Session) -> None:
    policy_id, number = _lapsed()
    receipt_id = _file(number, date(2026, 10, 15))

    _set_aside(policy_id, receipt_id)

    session.rollback()
    policy = get_policy(session, policy_id)
    assert (policy.status, policy.ended_on) == (PolicyStatus.ACTIVE, None)
    first, second = list_premium_lines(session, policy_id)[:2]
    assert (first.paid_amount, first.paid_date) == (D("100.00"), date(2026, 10, 15))
    assert second.paid_amount == 0
    # Only the premium within its own grace is open; nothing had to be paid for the way back.
    assert arrears_on(session, policy_id, FILED) == D("100.00")
    (receipt,) = list_receipts(session, policy_id)
    assert (receipt.status.value, receipt.received_on) == ("POSTED", date(2026, 10, 15))
    days = {one.event_type: one.effective_date for one in list_events(session, policy_id, limit=9)}
    assert days["PREMIUM_RECEIVED"] == date(2026, 10, 15)
    assert days["POLICY_LAPSE_SET_ASIDE"] == LAPSED_ON
    mails = {one.kind: one.body for one in session.scalars(select(Mail))}
    assert "you have been covered without a break" in mails["policy_lapse_set_aside"]
    assert "policy_reinstated" not in mails


def test_cover_is_unbroken_for_what_happened_after_the_lapse(session: Session) -> None:
    policy_id, number = _lapsed()
    event_date, known = date(2026, 10, 25), morning(FILED) + timedelta(hours=1)
    before = policy_as_at(session, policy_id, effective=event_date, known=known)

    _set_aside(policy_id, _file(number, date(2026, 10, 19)))

    session.rollback()
    after = policy_as_at(session, policy_id, effective=event_date, known=known)
    states = [one.policy_snapshot["policy"]["status"] for one in (before, after)]
    assert states == ["lapsed", "active"]


@pytest.mark.parametrize("was_refused", [False, True])
def test_a_claim_of_an_event_after_the_lapse_is_assessed_as_in_force_once_it_is_set_aside(
    was_refused: bool, api: Callable[..., TestClient], session: Session
) -> None:
    policy_id, number = _lapsed()
    event = date(2026, 10, 25)
    made = claim(policy_id, "60000.00", event=event, day=date(2026, 11, 2))
    complete(made.id, FILED)
    path = f"/api/v1/claims/{made.id}"
    with at(FILED):
        client = api(Role.CLAIMS_ASSESSOR)
        before = client.get(path).json
        item_id = before["items"][0]["id"]
        if was_refused:
            refused = client.put(f"{path}/assess", json=_assessment(item_id, 0, "NOT_IN_FORCE"))
            assert refused.status_code == 200, refused.text

    _set_aside(policy_id, _file(number, date(2026, 10, 15)))

    with at(FILED):
        if was_refused:
            reopened = client.post(f"{path}/reopen", json={"reason": "The lapse was set aside"})
            assert reopened.status_code == 200, reopened.text
        assessed = client.put(f"{path}/assess", json=_assessment(item_id, 60000, "WITHIN_TERMS"))
    assert assessed.status_code == 200, assessed.text
    assert (_in_force(before), _in_force(assessed.json)) == (False, True)
    assert assessed.json["status"] == "APPROVED"


def test_a_policy_that_was_suspended_is_suspended_again(session: Session) -> None:
    policy_id, number = _lapsed(is_suspended=True)

    _set_aside(policy_id, _file(number, date(2026, 10, 19)))

    session.rollback()
    assert get_policy(session, policy_id).status is PolicyStatus.SUSPENDED


def test_one_person_alone_sets_no_lapse_aside(session: Session) -> None:
    policy_id, number = _lapsed()
    receipt_id = _file(number, date(2026, 10, 15))
    with at(FILED, MAKER) as now:
        asked = set_lapse_aside(policy_id, receipt_id, reason="Paid", on=FILED, now=now)
        assert asked.approval_id is not None
        with pytest.raises(ForbiddenError):
            approve_request(asked.approval_id, on=FILED, now=now)

    session.rollback()
    assert get_policy(session, policy_id).status is PolicyStatus.LAPSED


@pytest.mark.parametrize(
    ("paid_on", "amount", "said"),
    [
        (date(2026, 10, 20), "100.00", "grace had run out"),
        (date(2026, 10, 15), "60.00", "R\xa040,00 of the premium that the policy lapsed for"),
    ],
)
def test_what_came_too_late_or_is_too_little_proves_nothing(
    paid_on: date, amount: str, said: str, session: Session
) -> None:
    policy_id, number = _lapsed()
    receipt_id = _file(number, paid_on, amount)

    with at(FILED) as now, pytest.raises(DomainError, match=said) as refused:
        set_lapse_aside(policy_id, receipt_id, reason="Paid", on=FILED, now=now)

    assert refused.value.field == "receipt_id"


def test_money_recorded_after_the_grace_does_not_help_a_small_payment_within_it(
    session: Session,
) -> None:
    policy_id, number = _lapsed()
    receipt_id = _file(number, date(2026, 10, 15), "1.00")
    pay(policy_id, "99.00", FILED)

    with at(FILED) as now, pytest.raises(DomainError, match="stays open"):
        set_lapse_aside(policy_id, receipt_id, reason="Paid", on=FILED, now=now)


def test_a_payment_that_a_clerk_typed_after_the_lapse_proves_it_too(session: Session) -> None:
    policy_id, _number = _lapsed()
    with at(FILED) as now:
        receive_payment(
            policy_id,
            amount=D("100.00"),
            reference="EFT",
            paid_on=date(2026, 10, 16),
            on=FILED,
            now=now,
        )
    (proof,) = list_proofs(session, get_policy(session, policy_id))
    session.rollback()

    _set_aside(policy_id, proof.id)

    session.rollback()
    assert get_policy(session, policy_id).status is PolicyStatus.ACTIVE
    assert list_premium_lines(session, policy_id)[0].paid_date == date(2026, 10, 16)


def test_a_policy_in_force_has_no_lapse_to_set_aside(session: Session) -> None:
    policy_id = sell(DUE)
    pay(policy_id, "100.00", DUE)
    (receipt,) = list_receipts(session, policy_id)
    session.rollback()

    with at(FILED) as now, pytest.raises(ConflictError, match="is active, not lapsed"):
        set_lapse_aside(policy_id, receipt.id, reason="Paid", on=FILED, now=now)


def test_closed_books_keep_their_postings_and_the_payment_its_day(session: Session) -> None:
    policy_id, number = _lapsed()
    with at(FILED) as now:
        close_books(date(2026, 10, 31), reason="October is done", on=FILED, now=now)

    _set_aside(policy_id, _file(number, date(2026, 10, 15)))

    session.rollback()
    assert list_premium_lines(session, policy_id)[0].paid_date == date(2026, 10, 15)


def test_the_way_over_the_api_and_on_screen(
    api: Callable[..., TestClient],
    sign_in: Callable[..., SignedInClient],
    session: Session,
) -> None:
    policy_id, number = _lapsed()
    receipt_id = _file(number, date(2026, 10, 15))
    browser, client = sign_in(Role.MANAGER), api()

    (waiting,) = client.get("/api/v1/suspense").json
    suspense = browser.get(browser.url("/reconciliation/suspense")).text
    match = sign_in(Role.FINANCE).get(
        browser.url(f"/reconciliation/suspense/{receipt_id}/match?policy_id={policy_id}")
    )
    chosen = browser.get(browser.url(f"/policies/{policy_id}/set-aside?receipt={receipt_id}")).text
    empty = browser.post(browser.url(f"/policies/{policy_id}/set-aside"), data={})
    path = f"/api/v1/policies/{policy_id}/set-lapse-aside"
    wrong = client.post(path, json={"receipt_id": str(policy_id), "reason": "Paid"})
    asked = client.post(path, json={"receipt_id": str(receipt_id), "reason": "Paid in grace"})
    page = browser.get(browser.url(f"/policies/{policy_id}")).text

    assert waiting["sets_lapse_aside_of"] == str(policy_id)
    assert "this came within the grace." in suspense
    assert f"/policies/{policy_id}/set-aside?receipt={receipt_id}" in suspense
    assert "this came within the grace" in match.text
    assert "The policy is lapsed and stays so" in match.text
    assert f'<option selected value="{receipt_id}">2026/10/15' in chosen
    assert (empty.status_code, wrong.status_code, asked.status_code) == (422, 404, 202)
    assert asked.json["status"] == "lapsed"
    assert "Waiting for a second person: <a" in page and "Set the lapse of" in page


@given(
    received_on=st.dates(date(2026, 10, 1), date(2026, 10, 31)),
    owed=st.integers(-10_000, 10_000).map(lambda cents: D(cents) / 100),
    tolerance=st.sampled_from([D("0.00"), D("5.00")]),
)
def test_a_lapse_is_set_aside_exactly_where_the_premium_had_come_in_time(
    received_on: date, owed: Decimal, tolerance: Decimal
) -> None:
    in_time, enough = received_on < LAPSED_ON, owed <= tolerance
    try:
        check_sets_aside(
            received_on=received_on, lapsed_on=LAPSED_ON, owed=owed, tolerance=tolerance
        )
    except DomainError:
        assert not (in_time and enough)
    else:
        assert in_time
        assert enough


@given(
    paid_on=st.dates(DUE, LAPSED_ON - timedelta(days=1)),
    filed=st.dates(LAPSED_ON, date(2027, 1, 10)),
    extra=st.sampled_from(["0.00", "50.00", "150.00"]),
)
@settings(
    max_examples=3,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_policy_whose_lapse_is_set_aside_stands_as_one_that_never_lapsed(
    app: Flask, org: OrganizationFacts, paid_on: date, filed: date, extra: str
) -> None:
    amount = str(D("100.00") + D(extra))
    with app.app_context(), tenant_scope(org.id):
        lapsed, number = _lapsed()
        twin = sell(DUE, term_years=1)
        with at(filed) as now:
            receive_payment(
                twin,
                amount=D(amount),
                reference=f"EFT {number}",
                paid_on=paid_on,
                on=filed,
                now=now,
                answers=Answers(amount_is_right=True),
            )
            with transaction() as session:
                charge_due(open_case(session, twin, on=filed, now=now), day_after(filed))
        _set_aside(lapsed, _file(number, paid_on, amount, filed), on=filed)

        assert _standing(lapsed, filed) == _standing(twin, filed)


def _standing(policy_id: UUID, on: date) -> dict[str, object]:
    """Return what a policy is and owes, its cover day by day, its payments and its accounts."""
    session = db.session()
    session.rollback()
    policy, known = get_policy(session, policy_id), morning(on) + timedelta(hours=1)
    covered = {
        policy_as_at(session, policy_id, effective=day, known=known).policy_snapshot["policy"][
            "status"
        ]
        for day in (DUE, LAPSED_ON - timedelta(days=1), LAPSED_ON, on)
    }
    paid = [one for one in list_events(session, policy_id, limit=50) if one.payload]
    found: dict[str, object] = {
        "status": (policy.status, policy.ended_on, policy.premium, policy.coverage_amount),
        "covered": covered,
        "premiums": [
            (one.due_date, one.amount, one.paid_amount, one.paid_date, one.status)
            for one in list_premium_lines(session, policy_id)
            if one.due_date <= on
        ],
        "arrears": arrears_on(session, policy_id, on),
        # A file's row pays a month ahead, money out of suspense does when the premium falls due.
        "ahead": unapplied_credit(session, policy_id)
        + sum(
            one.paid_amount for one in list_premium_lines(session, policy_id) if one.due_date > on
        ),
        "receipts": [
            (one.amount, one.status, one.received_on) for one in list_receipts(session, policy_id)
        ],
        "payments": [
            (one.effective_date, one.payload["amount"])
            for one in paid
            if one.event_type == "PREMIUM_RECEIVED"
        ],
        "accounts": dict(
            session.execute(_ACCOUNTS, {"org": current_org(), "policy": policy_id}).all()
        ),
    }
    session.rollback()
    return found


_ACCOUNTS = text(
    """
    WITH mine AS (
        SELECT t.* FROM ins.ledger_transfers t WHERE t.org_id = :org AND (t.policy_id = :policy
            OR t.receipt_id IN (SELECT id FROM ins.receipts
                                WHERE org_id = :org AND policy_id = :policy))
    )
    SELECT account, sum(amount) FROM (
        SELECT replace(debit_account, 'UNAPPLIED_CREDIT', 'PREMIUM_DEBTORS') AS account, amount
        FROM mine
        UNION ALL
        SELECT replace(credit_account, 'UNAPPLIED_CREDIT', 'PREMIUM_DEBTORS'), -amount FROM mine
    ) t GROUP BY account HAVING sum(amount) <> 0 ORDER BY account
    """
)


def _assessment(item_id: str, amount: int, reason: str) -> dict[str, object]:
    one = {
        "claim_benefit_item_id": item_id,
        "approved_amount": amount,
        "decision_reason": reason,
        "findings": "The register of deaths was read",
    }
    return {"benefit_assessments": [one]}


def _in_force(shown: dict[str, list[dict[str, object]]]) -> object:
    return next(one["passed"] for one in shown["checks"] if one["code"] == "IN_FORCE")
