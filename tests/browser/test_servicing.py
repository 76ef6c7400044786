"""Paying a premium and changing a policy, in a real browser, with and without JavaScript."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from tests.browser.axe import faults_of
from tests.factories.book import Book, make_book
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser


@pytest.fixture
def book(app: Flask, org: OrganizationFacts) -> Book:
    """Return one of everything; the policy owes its first premium of 100.00."""
    with app.app_context(), tenant_scope(org.id):
        return make_book()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_clerk_records_a_payment_and_a_colleague_takes_it_back(
    javascript: bool, signed_in: Callable[..., Page], org: OrganizationFacts, book: Book
) -> None:
    page = signed_in(Role.FINANCE, javascript=javascript)
    page.goto(f"/{org.slug}/policies/{book.policy_id}")
    page.get_by_role("link", name="Record payment").click()
    expect(page.get_by_label("Amount")).to_have_value("100,00")
    page.get_by_label("Reference").fill("EFT 4711")
    page.get_by_role("button", name="Record payment").click()

    expect(page.get_by_text("R\u00a0100,00 recorded for 1 premium.")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="EFT 4711").first
    expect(row).to_contain_text("Paid")

    page.get_by_role("link", name="Reverse").first.click()
    page.get_by_label("Reason code of the bank").fill("02")
    page.get_by_role("button", name="Reverse payment").click()
    expect(page.get_by_text("with reference EFT 4711 was reversed.")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_change_is_seen_issued_and_undone(
    javascript: bool, signed_in: Callable[..., Page], org: OrganizationFacts, book: Book
) -> None:
    page = signed_in(Role.MANAGER, javascript=javascript)
    page.goto(f"/{org.slug}/policies/{book.policy_id}")
    page.get_by_role("button", name="Change").click()
    page.get_by_role("link", name="Change beneficiaries").click()
    page.get_by_label("First name 1").fill("Thabo")
    page.get_by_label("Last name 1").fill("Dlamini")
    page.get_by_label("Share 1").fill("90")
    page.get_by_role("button", name="Issue").click()
    expect(page.get_by_role("alert")).to_contain_text("they must be 100.00")
    expect(page.get_by_label("First name 1")).to_have_value("Thabo")

    page.get_by_label("Share 1").fill("100")
    if not javascript:
        page.get_by_role("button", name="Show effect").click()
    expect(page.get_by_role("heading", name="What this does")).to_be_visible()
    page.get_by_role("button", name="Issue").click()
    expect(page.get_by_text("was changed.")).to_be_visible()
    expect(page.get_by_text("Thabo Dlamini")).to_be_visible()

    page.get_by_role("link", name="Endorsements").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The change was undone")).to_be_visible()


def test_axe_finds_nothing_in_an_effect_or_a_refusal(
    signed_in: Callable[..., Page], org: OrganizationFacts, book: Book
) -> None:
    page = signed_in(Role.MANAGER, scheme="dark")
    page.goto(f"/{org.slug}/policies/{book.policy_id}/endorse/due-day")
    page.get_by_label("New due day of the month").fill("25")
    expect(page.get_by_text("Next debits")).to_be_visible()
    _check(page)
    page.get_by_label("New due day of the month").fill("77")
    page.get_by_role("button", name="Issue").click()
    expect(page.get_by_role("alert")).to_be_visible()
    _check(page)


def _check(page: Page) -> None:
    assert faults_of(page) == []


@pytest.mark.parametrize("width", [390, 1440])
def test_the_summary_of_problems_stands_below_the_bar(
    width: int, signed_in: Callable[..., Page], org: OrganizationFacts, book: Book
) -> None:
    """Issue stands at the foot of a long form: the page is scrolled when the refusal comes."""
    page = signed_in(Role.MANAGER, width=width)
    page.goto(f"/{org.slug}/policies/{book.policy_id}/endorse/add-member")
    page.get_by_role("button", name="Issue").click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()

    bar, below = page.locator(".top").bounding_box(), summary.bounding_box()

    assert bar is not None
    assert below is not None
    assert bar["y"] + bar["height"] <= below["y"]
