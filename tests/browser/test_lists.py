"""A list by the keyboard, beside a record, on a telephone, and without JavaScript."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from insurance.core import clock
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.policies.services import accept_quote
from tests.browser.axe import faults_of_looks
from tests.factories.book import NOW, TODAY, make_customer, make_product, make_quote
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def policies(app: Flask, org: OrganizationFacts) -> None:
    """Let there be three policies of three holders."""
    with app.app_context(), tenant_scope(org.id), clock.frozen(NOW):
        product_id = make_product()
        for index, name in enumerate(("Khumalo", "Botha", "Naidoo"), 1):
            customer_id = make_customer(index, last_name=name)
            accept_quote(make_quote(product_id, customer_id), on=TODAY, now=NOW)


def test_a_record_is_looked_at_beside_the_list_by_keys_and_by_its_address(
    signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    page = signed_in(Role.AGENT)
    page.goto(f"/{org.slug}/policies")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("v")
    panel = page.get_by_role("region", name="PL-2026-000002")
    expect(panel).to_contain_text("Botha")
    expect(page).to_have_url(re.compile("peek="))
    page.reload()
    expect(panel).to_contain_text("Botha")
    expect(page.get_by_role("row")).to_have_count(4)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    page.go_back()
    expect(panel).to_contain_text("Botha")
    page.keyboard.press("o")
    expect(page.get_by_role("heading", level=1)).to_contain_text("PL-2026-000002")


def test_rows_are_chosen_by_keys_and_suspended_together(
    signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    page = signed_in(Role.MANAGER)
    page.goto(f"/{org.slug}/policies")
    button = page.get_by_role("button", name="Suspend policies…")
    expect(button).to_be_hidden()
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    expect(page.locator("tbody :checked")).to_have_count(3)
    button.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Suspend policies: 3")
    page.get_by_label("Reason").fill("Abroad")
    page.get_by_role("button", name="Suspend policies: 3").click()
    expect(page.get_by_text("3 of 3 done.")).to_be_visible()


def test_a_list_is_narrowed_ordered_and_acted_on_without_javascript(
    signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    page = signed_in(Role.MANAGER, javascript=False)
    page.goto(f"/{org.slug}/policies")
    page.get_by_role("link", name="Premium", exact=True).click()
    page.get_by_label("Policy number, holder").fill("botha")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="Look at PL-2026-000002").click()
    expect(page.get_by_role("region", name="PL-2026-000002")).to_contain_text("Botha")
    page.get_by_role("checkbox", name="Choose PL-2026-000002").check()
    page.get_by_role("button", name="Suspend policies…").click()
    page.get_by_label("Reason").fill("Abroad")
    page.get_by_role("button", name="Suspend policies: 1").click()
    expect(page.get_by_text("1 of 1 done.")).to_be_visible()


def test_a_view_is_saved_and_chosen(signed_in: Callable[..., Page], org: OrganizationFacts) -> None:
    page = signed_in()
    page.goto(f"/{org.slug}/policies?status=active&columns=policy_number,premium")
    page.get_by_role("button", name="Views").click()
    page.get_by_label("Name of this view").fill("Short")
    page.get_by_label("Everybody here may use it").check()
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_text("The view “Short” was saved.")).to_be_visible()
    page.goto(f"/{org.slug}/policies?view=Short")
    expect(page.get_by_role("columnheader")).to_have_count(3)
    expect(page.get_by_role("button", name="Short")).to_be_visible()


def test_axe_finds_nothing_on_a_list_in_any_state_and_a_telephone_shows_two_columns(
    signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    page = signed_in()
    page.goto(f"/{org.slug}/policies")
    peek = page.get_by_role("link", name="Look at PL-2026-000001").get_attribute("href") or ""
    found = {}
    for path in (peek, f"/{org.slug}/policies?due=never&sort=-premium&density=roomy"):
        page.goto(path)
        if faults := faults_of_looks(page, [(1440, "light"), (1440, "dark"), (320, "light")]):
            found[path] = faults
    for name in ("Columns", "Views", "Export"):
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"/{org.slug}/policies")
        page.get_by_role("button", name=name, exact=True).click()
        if faults := faults_of_looks(page, [(1440, "light"), (1440, "dark")]):
            found[name] = faults
    assert found == {}
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/{org.slug}/policies")
    expect(page.locator("thead th:visible:not(.tick)")).to_have_text(["Policy", "Customer"])
