"""A vehicle is changed in a real browser, with and without JavaScript."""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from insurance.core import clock
from insurance.core.context import acting_as
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.policies.services import accept_quote
from insurance.quotes.services import QuoteInput, create_quote
from tests.browser.axe import faults_of_looks
from tests.factories.book import make_customer
from tests.factories.lifecycle import MAKER
from tests.factories.objects import make_motor_product, vehicle
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser


@pytest.fixture
def policy_id(app: Flask, non_life_org: OrganizationFacts) -> UUID:
    """Return a motor policy of 785.00 a month that begins today."""
    with app.app_context(), tenant_scope(non_life_org.id), acting_as(MAKER):
        on, now = clock.today("Africa/Johannesburg"), clock.now()
        asked = QuoteInput(
            product_id=make_motor_product(),
            customer_id=make_customer(),
            objects=(vehicle(value=Decimal(180_000)),),
        )
        quote = create_quote(asked, on=on, now=now)
        return accept_quote(quote.id, on=on, now=now).policy.id


@pytest.mark.parametrize("javascript", [True, False])
def test_a_clerk_changes_the_vehicle_of_a_motor_policy(
    javascript: bool,
    signed_in: Callable[..., Page],
    non_life_org: OrganizationFacts,
    policy_id: UUID,
) -> None:
    page = signed_in(Role.MANAGER, organization=non_life_org, javascript=javascript)
    page.goto(f"/{non_life_org.slug}/policies/{policy_id}")
    expect(page.get_by_role("heading", name="Toyota Corolla 2021, ABC 123 GP")).to_be_visible()
    page.get_by_role("link", name="Change vehicle").last.click()
    for label, text in (
        ("Registration", "xyz 789 gp"),
        ("Make", "Toyota"),
        ("Model", "Hilux"),
        ("Year of manufacture", "1066"),
        ("Value to insure it for", "300 000"),
    ):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Use", exact=True).select_option("PRIVATE")
    page.get_by_label("Vehicle group").select_option("B")
    page.get_by_role("button", name="Issue").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a year from")

    page.get_by_label("Year of manufacture").fill("2022")
    if not javascript:
        page.get_by_role("button", name="Show effect").click()
    effect = page.get_by_role("region", name="What this does")
    expect(effect).to_contain_text("R\u00a01\u00a0865,00")
    page.get_by_role("button", name="Issue").click()

    expect(page.get_by_text("was changed.")).to_be_visible()
    expect(page.get_by_role("heading", name="Toyota Hilux 2022, XYZ 789 GP")).to_be_visible()
    page.get_by_role("link", name="Endorsements").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The change was undone")).to_be_visible()


def test_axe_finds_nothing_where_objects_are_shown_and_changed(
    signed_in: Callable[..., Page],
    non_life_org: OrganizationFacts,
    policy_id: UUID,
) -> None:
    page = signed_in(organization=non_life_org)
    start = f"/{non_life_org.slug}"
    found = []
    for path in (
        f"/policies/{policy_id}",
        f"/policies/{policy_id}/objects/vehicle",
        f"/policies/{policy_id}/objects/drivers",
        "/quotes/new",
        f"/claims/new/{policy_id}",
    ):
        page.goto(start + path)
        looks = [(1440, "light"), (390, "light")]
        found += [(path, fault) for fault in faults_of_looks(page, looks)]
    assert found == []
