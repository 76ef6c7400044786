"""A clerk takes a customer from first contact to an issued policy, in Chromium."""

from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.seeding.names import id_number
from tests.factories.book import make_product
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser
ID_NUMBER = id_number(date(1990, 5, 17), "FEMALE", 7)


@pytest.fixture
def product(app: Flask, org: OrganizationFacts) -> str:
    """Return the name of a product on sale that costs 100.00 a month."""
    with app.app_context(), tenant_scope(org.id):
        make_product(name="Plain Life")
    return "Plain Life"


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_a_new_customer_is_quoted_and_insured_on_two_pages(
    javascript: bool, signed_in: Callable[..., Page], org: OrganizationFacts, product: str
) -> None:
    page = signed_in(Role.AGENT, javascript=javascript)
    page.goto(f"/{org.slug}/quotes/new")
    page.fill("#id_number", ID_NUMBER)
    if javascript:
        expect(page.locator("#identity")).to_contain_text("Female, born 1990/05/17")
    page.fill("#first_name", "Naledi")
    page.fill("#last_name", "Khumalo")
    page.fill("#phone", "082 555 0101")
    page.select_option("#product_id", label=product)
    if javascript:
        expect(page.locator("#price .price")).to_have_text("R\u00a0100,00")
    page.get_by_role("button", name="Save quote").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("QT-")
    page.get_by_role("button", name="Accept and issue").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("PL-")
    expect(page.locator("main")).to_contain_text("Naledi Khumalo")
    expect(page.locator("main")).to_contain_text("R\u00a0100,00")
    expect(page.locator("main")).to_contain_text("Policy issued")


def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(
    signed_in: Callable[..., Page], org: OrganizationFacts, product: str
) -> None:
    page = signed_in(Role.AGENT)
    page.goto(f"/{org.slug}/customers/new")
    page.fill("#first_name", "Naledi")
    page.fill("#last_name", "Khumalo")
    page.fill("#id_number", "9005170000080")
    page.get_by_role("button", name="Save customer").click()

    expect(page.locator(".problems")).to_be_focused()
    expect(page.locator("#id_number")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#first_name")).to_have_value("Naledi")


def test_the_search_box_finds_a_customer_by_a_misspelt_name_and_a_policy_by_its_number(
    signed_in: Callable[..., Page], org: OrganizationFacts, app: Flask
) -> None:
    from tests.factories.book import make_book

    with app.app_context(), tenant_scope(org.id):
        make_book()
    page = signed_in(Role.AGENT)
    page.goto(f"/{org.slug}/")
    page.keyboard.press("Control+k")
    page.keyboard.type("Palesa Dlamni")
    expect(page.locator("#palette-results")).to_contain_text("Palesa Dlamini")
    page.fill("#palette-q", "PL-2026-000001")
    expect(page.locator("#palette-results")).to_contain_text("PL-2026-000001")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("PL-2026-000001")


def test_what_is_typed_into_the_search_box_as_soon_as_the_page_shows_is_searched_for(
    signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    page = signed_in(Role.AGENT)
    # A busy machine: what only waits for its turn comes when the typing is long over.
    page.add_init_script(
        "const start = window.setTimeout;"
        "window.setTimeout = (work, wait, ...more) => start(work, wait ?? 3000, ...more);"
    )
    page.goto(f"/{org.slug}/")
    page.keyboard.press("Control+k")
    page.keyboard.type("Quot")

    expect(page.locator("#palette-results")).to_contain_text("Quotes", timeout=2_000)


def test_signing_in_with_a_password_leads_to_the_start_and_signing_out_back(
    signed_in: Callable[..., Page], app: Flask, org: OrganizationFacts
) -> None:
    from insurance.core import clock
    from insurance.core.db import transaction
    from insurance.identity.services import add_user

    with app.app_context(), tenant_scope(org.id), transaction() as session:
        add_user(
            session,
            email=f"clerk@{org.slug}.example",
            name="Clerk",
            password="violet giraffe umbrella",
            roles=frozenset({Role.AGENT}),
            now=clock.now(),
        )
    page = signed_in(Role.AGENT)
    page.context.clear_cookies()
    page.goto(f"/{org.slug}/policies")
    page.fill("#email", f"clerk@{org.slug}.example")
    page.fill("#password", "violet giraffe umbrella")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Policies")
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
