"""Lapse rules and holds in a real browser."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from insurance.core import clock
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from tests.browser.axe import faults_of_looks
from tests.factories.lapses import Owing, make_owing, make_rule
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser
TODAY = clock.today("Africa/Johannesburg")


@pytest.fixture
def owing(app: Flask, org: OrganizationFacts) -> Owing:
    """Return a policy whose first premium fell due forty days ago and was not paid."""
    with app.app_context(), tenant_scope(org.id):
        found = make_owing(due=TODAY - timedelta(days=40))
        make_rule(found.product_id, on=TODAY, effective_from=date(2020, 1, 1))
        return found


def test_a_manager_sees_what_a_rule_would_do_and_saves_it(
    signed_in: Callable[..., Page], org: OrganizationFacts, owing: Owing
) -> None:
    page = signed_in(Role.MANAGER)
    page.goto(f"/{org.slug}/lapses/rules")
    page.get_by_role("link", name="Plain Life").click()
    page.get_by_role("link", name="New rule").click()
    page.get_by_label("First due date it applies to").fill(f"{TODAY + timedelta(days=5):%Y/%m/%d}")
    page.get_by_label("Monthly premiums").fill("14")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_role("alert")).to_contain_text("At least 15 days")
    page.get_by_label("Monthly premiums").fill("45")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_role("heading", name="What it would do")).to_be_visible()
    page.get_by_role("button", name="Save rule").click()

    expect(page.get_by_text("The lapse rule was added.")).to_be_visible()
    expect(page.get_by_role("cell", name="45", exact=True).first).to_be_visible()


def test_a_clerk_holds_a_policy_without_javascript(
    signed_in: Callable[..., Page], org: OrganizationFacts, owing: Owing
) -> None:
    page = signed_in(Role.SENIOR_AGENT, javascript=False)
    page.goto(f"/{org.slug}/lapses?state=BLOCKED")
    page.get_by_role("link", name="Why and when").click()
    page.get_by_role("link", name="Hold", exact=True).click()
    page.get_by_label("Reason").fill("Employer pays late")
    page.get_by_label("Day on which the hold ends").fill(f"{TODAY + timedelta(days=9):%Y%m%d}")
    page.get_by_role("button", name="Hold policy").click()

    expect(page.locator(".outcome")).to_contain_text("is on hold until")
    expect(page.get_by_role("cell", name="Employer pays late")).to_be_visible()


def test_axe_finds_nothing(
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    owing: Owing,
) -> None:
    page = signed_in()
    found = []
    for path in (
        "/lapses",
        "/lapses?state=BLOCKED",
        "/lapses/rules",
        "/lapses/rules?on=nonsense",
        f"/lapses/rules/products/{owing.product_id}",
        f"/lapses/rules/products/{owing.product_id}/new",
        f"/lapses/holds/{owing.policy_id}",
        f"/lapses/holds/{owing.policy_id}/new",
        f"/lapses/notices/{owing.policy_id}/new",
    ):
        page.goto(f"/{org.slug}{path}")
        found += [(path, fault) for fault in faults_of_looks(page)]

    assert found == []
