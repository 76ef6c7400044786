"""Undo, menus, forms and help from the keys, and the same by touch and without JavaScript."""

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from insurance.core import clock
from insurance.core.db import db
from insurance.core.tenancy import tenant_scope
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy
from tests.browser.axe import faults_of_looks
from tests.factories.lifecycle import sell
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser
TODAY = clock.today("Africa/Johannesburg")


@pytest.fixture
def policy_id(app: Flask, org: OrganizationFacts) -> UUID:
    """Return a policy of 100.00 a month, sold ten days ago."""
    with app.app_context(), tenant_scope(org.id):
        return sell(TODAY - timedelta(days=10))


def _status(app: Flask, org: OrganizationFacts, policy_id: UUID) -> PolicyStatus:
    with app.app_context(), tenant_scope(org.id):
        return get_policy(db.session(), policy_id).status


def test_a_suspension_is_undone_by_z_and_the_page_does_not_move(
    app: Flask, signed_in: Callable[..., Page], org: OrganizationFacts, policy_id: UUID
) -> None:
    page = signed_in()
    page.goto(f"/{org.slug}/policies/{policy_id}")
    heading = page.get_by_role("heading", level=1)
    place = heading.bounding_box()

    page.keyboard.press("s")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("Asked")
    page.keyboard.press("Control+Enter")

    expect(page.locator(".outcome")).to_contain_text("is suspended.")
    assert heading.bounding_box() == place
    assert faults_of_looks(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    page.keyboard.press("z")
    expect(page.locator(".outcome")).to_contain_text("Undone on PL-")
    assert _status(app, org, policy_id) is PolicyStatus.ACTIVE
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator(".outcome")).not_to_contain_text("Undone")


def test_an_undo_that_is_refused_says_so_in_the_title_and_beside_the_record(
    signed_in: Callable[..., Page], org: OrganizationFacts, policy_id: UUID
) -> None:
    page = signed_in()
    page.goto(f"/{org.slug}/policies/{policy_id}/suspend")
    page.get_by_label("Reason").fill("Asked")
    page.get_by_role("button", name="Suspend policy").click()
    expect(page.locator(".outcome")).to_contain_text("is suspended.")
    other = page.context.new_page()
    other.goto(f"/{org.slug}/policies/{policy_id}?tab=history")
    other.get_by_role("link", name=re.compile("Undo until tomorrow")).click()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".outcome")).to_contain_text("Undone on PL-")

    other.get_by_role("button", name="Undo").click()

    expect(other.get_by_role("alert")).to_contain_text("This was undone already.")
    expect(other).to_have_title(re.compile("^Error: "))
    other.on("dialog", lambda dialog: dialog.accept())
    other.keyboard.press("Escape")
    expect(other).not_to_have_title(re.compile("^Error: "))


def test_without_javascript_undo_is_a_button(
    app: Flask, signed_in: Callable[..., Page], org: OrganizationFacts, policy_id: UUID
) -> None:
    page = signed_in(javascript=False)
    page.goto(f"/{org.slug}/policies/{policy_id}/suspend")
    page.get_by_label("Reason").fill("Asked")
    page.get_by_role("button", name="Suspend policy").click()

    page.get_by_role("button", name="Undo").click()

    expect(page.get_by_text("Undone on PL-")).to_be_visible()
    assert _status(app, org, policy_id) is PolicyStatus.ACTIVE


@pytest.mark.parametrize("javascript", [True, False])
def test_a_payment_above_two_premiums_is_asked_about_once(
    javascript: bool, signed_in: Callable[..., Page], org: OrganizationFacts, policy_id: UUID
) -> None:
    page = signed_in(javascript=javascript)
    page.goto(f"/{org.slug}/policies/{policy_id}/pay")
    page.get_by_label("Amount", exact=True).fill("310")
    page.get_by_label("Reference").fill("=1+1")
    page.get_by_role("button", name="Record payment").click()

    expect(page.get_by_role("alert")).to_contain_text(re.compile("Is R.310,00 right"))
    expect(page).to_have_title(re.compile("^Error: "))
    page.get_by_label("The amount is right").check()
    page.get_by_role("button", name="Record payment").click()

    expect(page.get_by_text(re.compile("R.310,00 recorded"))).to_be_visible()
    page.goto(f"/{org.slug}/policies/{policy_id}?tab=premiums")
    expect(page.get_by_role("cell", name="=1+1").first).to_be_visible()


@pytest.mark.parametrize(
    "path", ["policies/{}/suspend", "customers/new", "people/invite", "settings"]
)
def test_the_title_begins_with_error_wherever_htmx_shows_a_refusal(
    path: str, signed_in: Callable[..., Page], org: OrganizationFacts, policy_id: UUID
) -> None:
    page = signed_in()
    page.goto(f"/{org.slug}/{path.format(policy_id)}")
    for field in page.locator("main form :is(input[type=text], textarea)").all():
        if field.is_visible():
            field.fill("")

    page.locator("main :is([data-primary], button.primary)").last.click()

    expect(page.get_by_role("alert")).to_be_visible()
    expect(page).to_have_title(re.compile("^Error: (?!Error)"))


def test_menus_opened_by_key_lead_by_arrows(
    signed_in: Callable[..., Page], org: OrganizationFacts, policy_id: UUID
) -> None:
    page = signed_in()
    page.goto(f"/{org.slug}/policies/{policy_id}")

    page.keyboard.press("e")

    lines = page.locator("#change-menu a")
    expect(lines.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(lines.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(lines.last).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#change-menu")).to_be_hidden()


def test_the_help_lists_what_works_on_this_page_and_nothing_else(
    signed_in: Callable[..., Page], org: OrganizationFacts, policy_id: UUID
) -> None:
    page = signed_in()
    page.goto(f"/{org.slug}/policies/{policy_id}")
    page.keyboard.press("?")
    keys = page.locator("#keys")

    expect(keys).to_contain_text("Suspend")
    expect(keys.get_by_text("Choose the row", exact=False)).to_be_hidden()
    listed = keys.locator("#keys-here dt").all_text_contents()
    there = [one.get_attribute("data-key") for one in page.locator("main [data-key]").all()]
    assert [key for key in listed if not key.startswith("g ")] == there
    assert faults_of_looks(page) == []

    page.goto(f"/{org.slug}/policies")
    page.keyboard.press("?")
    expect(keys.get_by_text("Choose the row", exact=False)).to_be_visible()
    expect(keys.locator("#keys-here")).not_to_contain_text("Record payment")


def test_single_letters_can_be_switched_off(
    signed_in: Callable[..., Page], org: OrganizationFacts, policy_id: UUID
) -> None:
    page = signed_in()
    page.goto("/security")
    page.get_by_label("Single-letter shortcuts").select_option("off")
    page.get_by_role("button", name="Save preferences").click()
    expect(page.get_by_text("Preferences saved.")).to_be_attached()
    page.goto(f"/{org.slug}/policies/{policy_id}")

    page.keyboard.press("s")
    page.keyboard.press("?")

    expect(page.locator("#keys")).to_be_hidden()
    expect(page.locator("#drawer")).to_be_empty()


def test_keys_are_not_printed_where_there_are_none(
    app: Flask,
    chromium: Browser,
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    policy_id: UUID,
) -> None:
    page = signed_in()
    state = page.context.storage_state()
    address = page.context.new_page()
    address.goto(f"/{org.slug}/policies/{policy_id}")
    expect(address.locator("kbd").first).to_be_visible()
    touch = chromium.new_context(
        storage_state=state,
        has_touch=True,
        is_mobile=True,
        viewport={"width": 390, "height": 844},
        base_url=address.url.split(f"/{org.slug}")[0],
    )

    phone = touch.new_page()
    phone.goto(f"/{org.slug}/policies/{policy_id}")

    assert phone.locator("kbd").count() > 0
    assert not any(key.is_visible() for key in phone.locator("kbd").all())
    touch.close()
