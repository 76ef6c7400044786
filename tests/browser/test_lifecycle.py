"""The life of a policy and its second person, in a real browser."""

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from insurance.billing.queries import list_premium_lines
from insurance.core import clock
from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.lapses.services import record_notice
from insurance.policies.lifecycle_rules import CancellationType
from insurance.policies.services import Cancellation, cancel_policy
from tests.browser.axe import faults_of_looks
from tests.factories.lifecycle import at, pay, sell
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser
TODAY = clock.today("Africa/Johannesburg")


@pytest.fixture
def owing_id(app: Flask, org: OrganizationFacts) -> UUID:
    """Return a policy whose first premium fell due twenty days ago, and whose holder was told."""
    due = TODAY - timedelta(days=20)
    with app.app_context(), tenant_scope(org.id):
        policy_id = sell(due, premium="310.00")
        with at(due + timedelta(days=5)) as now:
            record_notice(
                policy_id,
                recipient="12 Kloof Street",
                registered_number="RC 123 456 789 ZA",
                sent_on=due + timedelta(days=5),
                on=due + timedelta(days=5),
                now=now,
            )
        return policy_id


@pytest.fixture
def paid_id(app: Flask, org: OrganizationFacts) -> UUID:
    """Return a policy issued ten days ago, its first premium paid."""
    with app.app_context(), tenant_scope(org.id):
        policy_id = sell(TODAY - timedelta(days=10), premium="310.00")
        pay(policy_id, "310.00", TODAY - timedelta(days=10))
        return policy_id


def test_a_policy_lapses_and_comes_back_when_its_arrears_are_paid(
    app: Flask, signed_in: Callable[..., Page], org: OrganizationFacts, owing_id: UUID
) -> None:
    page = signed_in(Role.SENIOR_AGENT)
    page.goto(f"/{org.slug}/policies/{owing_id}/lapse")
    page.get_by_label("Reason").fill("Grace is over")
    page.get_by_role("button", name="Lapse policy").click()
    expect(page.locator(".outcome").get_by_text("lapsed as from")).to_be_visible()

    page.goto(f"/{org.slug}/policies/{owing_id}/reinstate")
    page.get_by_label("Reason").fill("Arrears paid")
    page.get_by_role("button", name="Reinstate policy").click()
    expect(page.get_by_role("alert")).to_contain_text("are not paid")
    with app.app_context(), tenant_scope(org.id):
        pay(owing_id, "310.00", TODAY)
    page.get_by_role("button", name="Reinstate policy").click()
    expect(page.get_by_text("is in force again")).to_be_visible()


def test_a_clerk_cancels_without_javascript_after_seeing_the_refund(
    signed_in: Callable[..., Page], org: OrganizationFacts, paid_id: UUID
) -> None:
    page = signed_in(Role.SENIOR_AGENT, javascript=False)
    page.goto(f"/{org.slug}/policies/{paid_id}/cancel")
    expect(page.get_by_text("Refund to ")).to_be_visible()
    page.get_by_label("Reason").fill("Moved away")
    page.get_by_role("button", name="Cancel policy").click()

    expect(page.get_by_text("was cancelled")).to_be_visible()


def test_a_fraud_is_asked_for_by_one_and_agreed_by_another(
    signed_in: Callable[..., Page], org: OrganizationFacts, paid_id: UUID
) -> None:
    maker, checker = signed_in(Role.MANAGER), signed_in(Role.MANAGER)
    maker.goto(f"/{org.slug}/policies/{paid_id}/cancel")
    maker.get_by_label("Kind of cancellation").select_option("FRAUD")
    maker.get_by_label("Reason").fill("The claim was made up")
    expect(maker.get_by_text("A second person must agree")).to_be_visible()
    maker.get_by_role("button", name="Ask for approval").click()
    expect(maker.get_by_text("You asked for this, so somebody else decides it")).to_be_visible()

    checker.goto(f"/{org.slug}/approvals")
    checker.get_by_role("link", name="fraud").click()
    checker.get_by_role("button", name="Approve").click()
    expect(checker.get_by_role("heading", name="Decision")).to_be_visible()
    checker.get_by_role("link", name="Open policy").click()
    expect(checker.locator("h1 + .tag")).to_have_text("Cancelled")


def test_axe_finds_nothing(
    app: Flask,
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    owing_id: UUID,
    paid_id: UUID,
) -> None:
    wanted = Cancellation(kind=CancellationType.FRAUD, reason="The claim was made up")
    with app.app_context(), tenant_scope(org.id), at(TODAY) as now:
        approval_id = cancel_policy(paid_id, wanted, on=TODAY, now=now).approval_id
        line_id = list_premium_lines(db.session(), owing_id)[0].id
    page = signed_in()
    found = []
    for path in (
        f"/policies/{owing_id}/suspend",
        f"/policies/{owing_id}/lapse",
        f"/policies/{owing_id}/reinstate",
        f"/policies/{paid_id}/cancel",
        f"/policies/{owing_id}/refund",
        f"/policies/{owing_id}/not-taken-up",
        f"/policies/{owing_id}/expire",
        f"/policies/{owing_id}/renew",
        f"/policies/{owing_id}/premiums/{line_id}/give-up",
        "/approvals",
        "/approvals?status=VOID",
        "/approvals/settings",
        "/approvals/delegations",
        "/approvals/delegations/new",
        f"/approvals/{approval_id}",
    ):
        page.goto(f"/{org.slug}{path}")
        found += [f"{path}: {fault}" for fault in faults_of_looks(page)]

    assert found == []


def test_an_act_opens_beside_its_record_and_is_done_from_the_keys(
    signed_in: Callable[..., Page], org: OrganizationFacts, paid_id: UUID
) -> None:
    page = signed_in(Role.SENIOR_AGENT)
    record = f"/{org.slug}/policies/{paid_id}"
    page.goto(record)

    page.keyboard.press("s")
    reason = page.get_by_label("Reason")
    expect(reason).to_be_focused()
    expect(page).to_have_url(re.compile(f"{record}/suspend$"))
    expect(page.get_by_role("region", name="Key facts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(reason).to_have_count(0)
    expect(page).to_have_url(re.compile(f"{record}$"))

    page.keyboard.press("s")
    reason.fill("Asked for a pause")
    page.get_by_role("region", name="Key facts").click()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("is suspended.")).to_be_visible()
    expect(page.get_by_role("button", name="Suspend policy")).to_have_count(0)
    expect(page).to_have_url(re.compile(f"{record}$"))


def test_the_money_of_a_cancellation_follows_what_is_typed(
    signed_in: Callable[..., Page], org: OrganizationFacts, paid_id: UUID
) -> None:
    page = signed_in(Role.MANAGER, width=390)
    page.goto(f"/{org.slug}/policies/{paid_id}")
    page.get_by_role("button", name="Status").click()
    page.get_by_role("link", name="Cancel", exact=True).click()
    expect(page.get_by_text("cooling off")).to_be_visible()

    page.get_by_label("Kind of cancellation").select_option("FRAUD")

    expect(page.get_by_text("A second person must agree")).to_be_visible()
    assert faults_of_looks(page) == []
