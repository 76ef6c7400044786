"""Money without a policy: who it may be for, and what becomes of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from insurance.approvals.permissions import ApprovalsMay
from insurance.approvals.queries import list_requests
from insurance.approvals.services import approve_request
from insurance.audit_logs.models import AuditEvent
from insurance.billing.queries import (
    arrears_on,
    get_receipt,
    list_payments_with_reference,
    unapplied_credit,
)
from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.core.tenancy import current_org, tenant_scope
from insurance.identity.services import change_role_grants
from insurance.organizations.models import Organization
from insurance.policies.models import Policy, PolicyStatus
from insurance.policies.queries import list_events
from insurance.reconciliation.queries import list_suspense, suggest_policies, sum_suspense
from insurance.reconciliation.services import match_suspense, return_suspense
from insurance.reconciliation.services.suspense import take_back_suspense
from tests.factories.book import NOW, TODAY
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.lifecycle import CHECKER, MAKER, at
from tests.factories.organizations import OrganizationFacts
from tests.factories.reconciliation import commit, csv_of, make_policies, row, verdicts

D = Decimal


@pytest.fixture
def policy(session: Session) -> tuple[UUID, str]:
    """Return a policy of 100.00 a month of which three premiums have fallen due."""
    return make_policies()[0]


def _wait(session: Session, amount: str = "250.00", reference: str = "EFT 7") -> UUID:
    commit(csv_of(row("PL-9999-999999", amount, reference)))
    found = list_payments_with_reference(session, reference)[0].id
    session.rollback()
    return found


def _accounts(session: Session) -> dict[str, Decimal]:
    session.rollback()
    rows = session.execute(
        text(
            "SELECT account, sum(amount) FROM (SELECT debit_account AS account, amount"
            " FROM ins.ledger_transfers UNION ALL SELECT credit_account, -amount"
            " FROM ins.ledger_transfers) t GROUP BY account"
        )
    )
    return {account: amount for account, amount in rows if amount}


def test_what_a_clerk_matched_meanwhile_is_not_taken_back_as_suspense(
    app: Flask, org: OrganizationFacts, policy: tuple[UUID, str], session: Session
) -> None:
    receipt_id = _wait(session)
    seen = get_receipt(session, receipt_id)

    def clerk() -> None:
        with app.app_context(), tenant_scope(org.id):
            match_suspense(receipt_id, policy[0], on=TODAY, now=NOW)

    with ThreadPoolExecutor(1) as clerks:
        clerks.submit(clerk).result()
    with pytest.raises(ConflictError, match="does not wait"), transaction() as step:
        take_back_suspense(step, seen, reason_code="02", on=TODAY, now=NOW)


def test_what_is_matched_settles_what_is_due_and_leaves_credit(
    policy: tuple[UUID, str], session: Session
) -> None:
    receipt_id = _wait(session, "350.00")

    match_suspense(receipt_id, policy[0], on=TODAY, now=NOW)

    assert arrears_on(session, policy[0], TODAY) == 0
    assert unapplied_credit(session, policy[0]) == D("50.00")
    assert sum_suspense(session) == (0, D("0.00"))
    event = list_events(session, policy[0], limit=1)[0]
    assert (event.event_type, event.payload["credit"]) == ("PREMIUM_RECEIVED", "50.00")
    assert [one["amount"] for one in event.payload["settled"]] == ["100.00"] * 3
    assert _accounts(session) == {
        "BANK": D("350.00"),
        "PREMIUM_INCOME": D("-300.00"),
        "UNAPPLIED_CREDIT": D("-50.00"),
    }
    actions = session.scalars(select(AuditEvent.action)).all()
    assert "suspense.match" in actions


def test_what_is_matched_is_matched_once(policy: tuple[UUID, str], session: Session) -> None:
    receipt_id = _wait(session)
    match_suspense(receipt_id, policy[0], on=TODAY, now=NOW)

    with pytest.raises(ConflictError, match="does not wait"):
        match_suspense(receipt_id, policy[0], on=TODAY, now=NOW)
    with pytest.raises(ConflictError, match="does not wait"):
        return_suspense(receipt_id, reason="Changed my mind", on=TODAY, now=NOW)
    with pytest.raises(NotFoundError):
        match_suspense(new_id(), policy[0], on=TODAY, now=NOW)


def test_a_matched_payment_that_comes_back_opens_everything_again(
    policy: tuple[UUID, str], session: Session
) -> None:
    receipt_id = _wait(session, "350.00")
    before = _accounts(session)
    match_suspense(receipt_id, policy[0], on=TODAY, now=NOW)

    file = commit(csv_of(row(policy[1], "350.00", "EFT 7", status="UNPAID", reason_code="02")))

    assert verdicts(file) == ["REVERSAL"]
    assert arrears_on(session, policy[0], TODAY) == D("300.00")
    after = _accounts(session)
    assert {**after, "BANK": D("350.00"), "SUSPENSE": D("-350.00")} == before
    assert {"BANK", "SUSPENSE", "UNAPPLIED_CREDIT"} & after.keys() == set()


def test_a_lapsed_policy_takes_what_it_owes_and_one_that_is_over_takes_nothing(
    policy: tuple[UUID, str], session: Session
) -> None:
    first, second = _wait(session, "100.00", "A"), _wait(session, "100.00", "B")
    _set(policy[0], PolicyStatus.CANCELLED)
    with pytest.raises(ConflictError, match="return the money"):
        match_suspense(first, policy[0], on=TODAY, now=NOW)
    _set(policy[0], PolicyStatus.LAPSED)

    match_suspense(second, policy[0], on=TODAY, now=NOW)

    assert arrears_on(session, policy[0], TODAY) == D("200.00")
    session.rollback()
    _set(policy[0], PolicyStatus.ACTIVE)
    match_suspense(first, policy[0], on=TODAY, now=NOW)
    assert arrears_on(session, policy[0], TODAY) == D("100.00")


def _set(policy_id: UUID, status: PolicyStatus) -> None:
    with transaction() as session:
        session.execute(update(Policy).where(Policy.id == policy_id).values(status=status))


def test_a_second_person_gives_more_than_the_limit_to_a_policy(
    policy: tuple[UUID, str],
    api: Callable[..., TestClient],
    sign_in: Callable[..., SignedInClient],
    session: Session,
) -> None:
    _set_limit(D("100.00"))
    commit(csv_of(row(policy[1], "300.00", "EFT 8")))
    (waiting,) = list_suspense(session, limit=5).items
    assert "a second person gives it to its policy" in str(waiting.detail)
    session.rollback()
    path = f"/reconciliation/suspense/{waiting.id}/match"
    with clock.frozen(NOW):
        finance, checker = api(Role.FINANCE), api(Role.MANAGER)
        browser = sign_in(Role.FINANCE)
        chosen = browser.get(browser.url(f"{path}?policy_id={policy[0]}")).text
        asked = finance.post(
            f"/api/v1/suspense/{waiting.id}/match", json={"policy_id": str(policy[0])}
        )
        again = browser.post(browser.url(path), data={"policy_id": str(policy[0])})

        assert "another person must agree" in chosen
        assert (asked.status_code, asked.json["status"]) == (202, "SUSPENSE")
        assert again.status_code == 409
        assert sum_suspense(session) == (1, D("300.00"))
        session.rollback()
        approved = checker.post(f"/api/v1/approvals/{asked.json['approval_id']}/approve", json={})

    assert approved.status_code == 200
    assert sum_suspense(session) == (0, D("0.00"))
    assert arrears_on(session, policy[0], TODAY) == 0


def test_what_is_returned_while_a_second_person_is_asked_is_given_to_nobody(
    policy: tuple[UUID, str], session: Session
) -> None:
    _set_limit(D("100.00"))
    receipt_id = _wait(session)
    with at(TODAY, MAKER) as now:
        asked = match_suspense(receipt_id, policy[0], on=TODAY, now=now)
    _set_limit(D("250.00"))
    with at(TODAY, MAKER) as now:
        return_suspense(receipt_id, reason="Not ours", on=TODAY, now=now)
    assert asked.approval_id is not None

    with at(TODAY, CHECKER) as now, pytest.raises(ConflictError, match="The request is void"):
        approve_request(asked.approval_id, on=TODAY, now=now)

    assert {"BANK", "SUSPENSE", "UNAPPLIED_CREDIT"} & _accounts(session).keys() == set()


def _set_limit(amount: Decimal) -> None:
    with transaction() as session:
        session.execute(
            update(Organization)
            .where(Organization.org_id == current_org())
            .values(payment_limit=amount)
        )


def test_money_goes_back_from_the_bank_with_a_reason(session: Session) -> None:
    receipt_id = _wait(session)

    with pytest.raises(DomainError) as refusal:
        return_suspense(receipt_id, reason=" ", on=TODAY, now=NOW)
    return_suspense(receipt_id, reason="Not ours", on=TODAY, now=NOW)

    assert refusal.value.field == "reason"
    assert _accounts(session) == {}
    reasons = session.scalars(
        select(AuditEvent.reason).where(AuditEvent.action == "suspense.return")
    ).all()
    assert reasons == ["Not ours"]


def test_a_number_with_a_slip_comes_before_a_name_and_the_right_amount_first(
    session: Session,
) -> None:
    first, second = make_policies(2)
    commit(csv_of(row("PL-2026-00001", "100.00", "Palesa Dlamini")))
    (waiting,) = list_suspense(session, limit=5).items

    suggested = suggest_policies(session, [waiting])[waiting.id]

    numbers = [one.policy_number for one in suggested]
    assert set(numbers) == {first[1], second[1]}
    assert numbers[0] == "PL-2026-000001"
    assert suggested[0].why == "Number close to the one given; premium of this amount"


def test_another_insurers_policies_are_never_suggested(
    org: OrganizationFacts, other_org: OrganizationFacts, session: Session
) -> None:
    with tenant_scope(other_org.id):
        ((_id, number),) = make_policies()
    commit(csv_of(row(number, "100.00", "Dlamini")))
    (waiting,) = list_suspense(session, limit=5).items

    assert suggest_policies(session, [waiting]) == {waiting.id: []}


def test_more_than_the_limit_goes_back_only_when_a_second_person_agrees(session: Session) -> None:
    _set_limit(D("99.99"))
    receipt_id = _wait(session, "100.00")

    with at(TODAY, MAKER) as now:
        asked = return_suspense(receipt_id, reason="Not ours", on=TODAY, now=now)
    assert asked.approval_id is not None
    assert sum_suspense(session) == (1, D("100.00"))
    with at(TODAY, MAKER) as now, pytest.raises(ForbiddenError):
        approve_request(asked.approval_id, on=TODAY, now=now)
    with at(TODAY, CHECKER) as now:
        approve_request(asked.approval_id, on=TODAY, now=now)

    assert sum_suspense(session) == (0, D("0.00"))
    assert _accounts(session) == {}


def test_up_to_the_limit_one_person_pays_back_alone(session: Session) -> None:
    _set_limit(D("100.00"))

    done = return_suspense(_wait(session, "100.00"), reason="Not ours", on=TODAY, now=NOW)

    assert (done.approval_id, sum_suspense(session)[0]) == (None, 0)


def test_what_was_given_to_a_policy_meanwhile_is_not_paid_back(
    policy: tuple[UUID, str], session: Session
) -> None:
    _set_limit(D("99.99"))
    receipt_id = _wait(session, "100.00")
    with at(TODAY, MAKER) as now:
        asked = return_suspense(receipt_id, reason="Not ours", on=TODAY, now=now)
    _set_limit(D("100.00"))
    match_suspense(receipt_id, policy[0], on=TODAY, now=NOW)

    with at(TODAY, CHECKER) as now, pytest.raises(ConflictError, match="The request is void"):
        approve_request(asked.approval_id, on=TODAY, now=now)

    assert arrears_on(session, policy[0], TODAY) == D("200.00")


def test_the_api_and_the_screen_ask_a_second_person_before_money_goes_back(
    session: Session, api: Callable[..., TestClient], sign_in: Callable[..., SignedInClient]
) -> None:
    _set_limit(D("99.99"))
    receipt_id = _wait(session, "100.00")
    page, client = sign_in(Role.FINANCE), api(Role.FINANCE)

    shown = page.get(page.url(f"/reconciliation/suspense/{receipt_id}/return"))
    answer = client.post(f"/api/v1/suspense/{receipt_id}/return", json={"reason": "Not ours"})
    again = page.post(
        page.url(f"/reconciliation/suspense/{receipt_id}/return"), data={"reason": "Not ours"}
    )
    request = page.get(page.url(f"/approvals/{answer.json['approval_id']}"))

    assert "another person must agree" in shown.text
    assert (answer.status_code, answer.json["status"]) == (202, "SUSPENSE")
    assert (again.status_code, "waits for approval already" in again.text) == (409, True)
    assert "Paid back to where it came from" in request.text
    assert "In suspense" in request.text


@pytest.mark.parametrize("may_see", [True, False])
def test_who_asks_a_second_person_goes_on_to_the_request_or_where_they_may_look(
    may_see: bool, session: Session, sign_in: Callable[..., SignedInClient]
) -> None:
    _set_limit(D("99.99"))
    receipt_id = _wait(session, "100.00")
    if not may_see:
        change_role_grants(
            Role.FINANCE, granted=frozenset(), taken=frozenset({ApprovalsMay.VIEW}), now=NOW
        )
    page = sign_in(Role.FINANCE)

    asked = page.post(
        page.url(f"/reconciliation/suspense/{receipt_id}/return"), data={"reason": "Not ours"}
    )
    shown = page.get(asked.headers["Location"])

    assert ("/approvals/" in asked.headers["Location"], shown.status_code) == (may_see, 200)
    assert "A second person has been asked. Nothing has changed yet." in shown.text


@pytest.mark.parametrize("first", ["match", "return"])
def test_about_one_receipt_a_second_person_is_asked_for_one_thing_only(
    first: str,
    policy: tuple[UUID, str],
    session: Session,
    api: Callable[..., TestClient],
    sign_in: Callable[..., SignedInClient],
) -> None:
    _set_limit(D("99.99"))
    receipt_id = _wait(session, "100.00")
    wanted = {"match": {"policy_id": str(policy[0])}, "return": {"reason": "Not ours"}}
    titles = {
        "match": f"Give R\xa0100,00 from suspense to {policy[1]}",
        "return": "Pay R\xa0100,00 back from suspense",
    }
    second = "return" if first == "match" else "match"
    client, page = api(Role.FINANCE), sign_in(Role.FINANCE)

    asked = client.post(f"/api/v1/suspense/{receipt_id}/{first}", json=wanted[first])
    refused = client.post(f"/api/v1/suspense/{receipt_id}/{second}", json=wanted[second])
    shown = page.post(
        page.url(f"/reconciliation/suspense/{receipt_id}/{second}"), data=wanted[second]
    )

    assert (asked.status_code, refused.status_code, shown.status_code) == (202, 409, 409)
    assert f"“{titles[first]}” waits for approval already" in refused.json["detail"]
    assert f"“{titles[first]}” waits for approval already" in shown.text
    requests = list_requests(session, limit=5).items
    assert [str(one.id) for one in requests] == [asked.json["approval_id"]]


def test_a_receipt_is_not_asked_for_two_policies_at_once(session: Session) -> None:
    _set_limit(D("99.99"))
    receipt_id, (one, other) = _wait(session, "100.00"), make_policies(2)
    with at(TODAY) as now:
        match_suspense(receipt_id, one[0], on=TODAY, now=now)

    with at(TODAY) as now, pytest.raises(ConflictError, match=f"{one[1]}” waits for approval"):
        match_suspense(receipt_id, other[0], on=TODAY, now=now)


def test_the_screens_say_what_waits_for_a_second_person_and_ask_no_more(
    policy: tuple[UUID, str], session: Session, sign_in: Callable[..., SignedInClient]
) -> None:
    """Money to give, money to return; another payment keeps its ways."""
    _set_limit(D("99.99"))
    given, returned = _wait(session, "100.00", "EFT 1"), _wait(session, "200.00", "EFT 2")
    small = _wait(session, "50.00", "EFT 3")
    with at(TODAY) as now:
        match_suspense(given, policy[0], on=TODAY, now=now)
        return_suspense(returned, reason="Not ours", on=TODAY, now=now)
    client = sign_in(Role.FINANCE)

    listed = client.get(client.url("/reconciliation/suspense")).text
    match = client.get(client.url(f"/reconciliation/suspense/{given}/match?policy_id={policy[0]}"))
    back = client.get(client.url(f"/reconciliation/suspense/{returned}/return")).text

    assert listed.count("Waiting for approval") == 2
    assert f"{small}/match" in listed and f"{small}/return" in listed
    assert f"{given}/return" not in listed and f"{returned}/return" not in listed
    assert "Waiting for approval" in match.text and "data-primary" not in match.text
    assert "Waiting for approval" in back and "data-primary" not in back
