"""Writing a note, adding a document, making and sending a letter from a policy, in a real browser."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from insurance.core import clock
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from tests.browser.axe import faults_of
from tests.factories.book import Book, make_book
from tests.factories.claims import claim
from tests.factories.files import pages
from tests.factories.lifecycle import sell
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser


@pytest.fixture
def book(app: Flask, org: OrganizationFacts) -> Book:
    """Return one of everything."""
    with app.app_context(), tenant_scope(org.id):
        return make_book()


def test_a_note_is_written_by_keys_alone_from_the_policy_s_page(
    signed_in: Callable[..., Page], org: OrganizationFacts, book: Book
) -> None:
    page = signed_in(Role.AGENT)
    page.goto(f"/{org.slug}/policies/{book.policy_id}")
    expect(page.get_by_role("link", name="Note w")).to_be_visible()

    page.keyboard.press("w")
    expect(page.locator("#drawer textarea")).to_be_focused()
    page.keyboard.type("Rang about the arrears")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_text("The note was saved.")).to_be_visible()
    expect(page.locator("#correspondence")).to_contain_text("Rang about the arrears")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_document_is_added_and_a_letter_is_seen_made_and_sent(
    javascript: bool,
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    book: Book,
    tmp_path: Path,
) -> None:
    scan = tmp_path / "licence.pdf"
    scan.write_bytes(pages(1))
    page = signed_in(Role.AGENT, javascript=javascript)
    page.goto(f"/{org.slug}/policies/{book.policy_id}?tab=correspondence")
    card = page.locator("#correspondence")

    card.get_by_role("link", name="Document", exact=True).click()
    page.get_by_label("File").set_input_files(scan)
    page.get_by_label("What it is").fill("Driver's licence")
    page.get_by_role("button", name="Add document").click()
    expect(page.get_by_text("Driver's licence was added.")).to_be_visible()

    card.get_by_role("link", name="Letter", exact=True).click()
    page.get_by_label("Letter", exact=True).select_option("statement")
    if not javascript:
        page.get_by_role("button", name="Show effect").click()
    expect(page.get_by_alt_text("Page 1 of the letter as it will be")).to_be_visible()
    page.get_by_label("Mail it").check()
    page.get_by_role("button", name="Make letter").click()

    expect(page.get_by_text("Statement of account was made and is on its way to")).to_be_visible()
    expect(card).to_contain_text("Driver's licence")
    expect(card).to_contain_text("Waiting")
    if javascript:
        card.get_by_role("link", name="Messages").click()
        expect(card).not_to_contain_text("Driver's licence")
        expect(card).to_contain_text("Waiting")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_what_is_written_about_a_record(
    scheme: str, signed_in: Callable[..., Page], app: Flask, org: OrganizationFacts, book: Book
) -> None:
    page = signed_in(Role.MANAGER, scheme=scheme)
    about = f"/{org.slug}/correspondence/policies/{book.policy_id}"
    page.goto(f"{about}/notes/new")
    page.get_by_role("textbox", name="Note").fill("Speaks isiZulu only")
    page.get_by_role("button", name="Save note").click()
    expect(page.get_by_text("The note was saved.")).to_be_visible()
    found = {}
    for path in (
        about,
        f"{about}/notes/new",
        f"{about}/documents/new",
        f"{about}/letters/new",
        f"{about}/messages/new",
        f"/{org.slug}/policies/{book.policy_id}?tab=correspondence",
        f"/{org.slug}/customers/{book.customer_id}",
        f"/{org.slug}/quotes/{book.quote_id}",
    ):
        page.goto(path)
        if faults := faults_of(page):
            found[path] = faults
    assert found == {}


def test_the_decision_of_a_claim_is_seen_without_scrolling(
    signed_in: Callable[..., Page], app: Flask, org: OrganizationFacts, book: Book
) -> None:
    with app.app_context(), tenant_scope(org.id):
        made = claim(sell(clock.today("Africa/Johannesburg") - timedelta(days=60)))
    page = signed_in(Role.CLAIMS_ASSESSOR, width=1366)
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(f"/{org.slug}/claims/{made.id}")

    expect(page.get_by_label("Approve of").first).to_be_in_viewport()
    expect(page.get_by_role("button", name="Decide", exact=True)).to_be_in_viewport(ratio=1)
    reasons = page.get_by_label("Reason for").first
    assert reasons.locator("optgroup").evaluate_all("all => all.map((group) => group.label)") == [
        "Approve",
        "Refuse",
    ]
