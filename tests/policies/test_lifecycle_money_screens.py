"""Giving premiums up, paying money back and ending a term, as a person does it."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from insurance.approvals.queries import list_waiting
from insurance.billing.queries import list_premium_lines, unapplied_credit
from insurance.core import clock
from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import morning, pay, sell
from tests.factories.organizations import OrganizationFacts

SignIn = Callable[..., SignedInClient]
D = Decimal
DUE = date(2026, 10, 4)
LATER = date(2026, 10, 20)


@pytest.fixture(autouse=True)
def on_20_october() -> Iterator[None]:
    """Let the business day be 20 October 2026."""
    with clock.frozen(morning(LATER)):
        yield


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy of 100.00 a month since 4 October, on which nothing was paid."""
    return sell(DUE)


def test_a_waiver_asked_for_on_its_page_waits_for_a_second_person(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    line_id = list_premium_lines(session, policy_id)[0].id
    session.rollback()
    client = sign_in()
    path = client.url(f"/policies/{policy_id}/premiums/{line_id}/give-up")

    assert "R\u00a0100,00 is given up" in client.get(path).text
    assert client.post(path, data={"way": "WAIVE", "reason": ""}).status_code == 422
    asked = client.post(path, data={"way": "WAIVE", "reason": "Our mistake"})

    (waiting,) = list_waiting(session, "policies", policy_id)
    assert asked.headers["Location"].endswith(f"/approvals/{waiting.id}")
    assert waiting.title == "Waive the premium of PL-2026-000001 due 2026/10/04"


def test_a_premium_to_come_is_not_given_up(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    line_id = list_premium_lines(session, policy_id)[5].id
    session.rollback()
    client = sign_in()
    path = client.url(f"/policies/{policy_id}/premiums/{line_id}/give-up")

    assert "nothing to give up" in client.get(path).text
    refused = client.post(path, data={"way": "WRITE_OFF", "reason": "Never"})
    assert (refused.status_code, "has not been charged" in refused.text) == (409, True)


def test_what_is_beyond_what_is_due_goes_back_to_the_holder(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    pay(policy_id, "500.00", LATER)
    client = sign_in()
    path = client.url(f"/policies/{policy_id}/refund")

    html = client.get(path).text
    too_much = client.post(
        path, data={"amount": "400,01", "reference": "EFT 1", "reason": "Paid twice"}
    )
    done = client.post(path, data={"amount": "400,00", "reference": "EFT 1", "reason": "Twice"})

    assert "R\u00a0400,00" in html
    assert (too_much.status_code, "can be paid back" in too_much.text) == (409, True)
    assert done.status_code == 303
    assert unapplied_credit(session, policy_id) == 0
    session.rollback()
    assert "nothing to pay back" in client.get(path).text


def test_a_policy_on_which_nothing_was_paid_was_not_taken_up(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    client = sign_in()
    path = client.url(f"/policies/{policy_id}/not-taken-up")

    assert "taken back from the first day" in client.get(path).text
    assert client.post(path, data={"reason": "Never paid"}).status_code == 303
    assert get_policy(session, policy_id).status is PolicyStatus.CANCELLED


def test_a_term_is_renewed_or_expires_on_its_pages(
    app: Flask, sign_in: SignIn, non_life_org: OrganizationFacts
) -> None:
    with app.app_context(), tenant_scope(non_life_org.id):
        policy_id = sell(
            DUE, premium="1000.00", product_type="MOTOR", frequency="ANNUAL", term_years=1
        )
    with clock.frozen(morning(date(2027, 9, 20))):
        client = sign_in(Role.MANAGER, non_life_org)
        early = client.post(client.url(f"/policies/{policy_id}/expire"), data={})
        renewed = client.post(client.url(f"/policies/{policy_id}/renew"), data={})
    with clock.frozen(morning(date(2028, 10, 4))):
        client = sign_in(Role.MANAGER, non_life_org)
        assert "2028/10/04" in client.get(client.url(f"/policies/{policy_id}/expire")).text
        expired = client.post(client.url(f"/policies/{policy_id}/expire"), data={})

    assert (early.status_code, "Cover runs until 2027/10/04" in early.text) == (409, True)
    assert (renewed.status_code, expired.status_code) == (303, 303)
    with app.app_context(), tenant_scope(non_life_org.id):
        assert get_policy(db.session(), policy_id).status is PolicyStatus.EXPIRED
