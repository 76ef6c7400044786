"""The words of a mail in Chromium: a value put in by its button, tried, saved, legible to everybody."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from insurance.core.permissions import Role
from tests.browser.axe import faults_of_looks
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser


def test_a_value_is_put_in_where_somebody_writes_and_the_words_are_saved(
    org: OrganizationFacts, signed_in: Callable[..., Page]
) -> None:
    page = signed_in(Role.TENANT_ADMINISTRATOR)
    page.goto(f"/{org.slug}/message-templates")
    page.get_by_role("link", name="Claim reopened", exact=True).click()
    page.get_by_label("Subject").fill("Again: ")
    page.get_by_role("button", name="Insert number").click()
    expect(page.get_by_label("Subject")).to_have_value("Again: {number}")
    page.get_by_label("Text").fill("We look again, says {{ config }}")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("alert")).to_contain_text("no code")
    page.get_by_label("Text").fill("We look again at {number}.")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="Preview")).to_contain_text(
        "We look again at CLM-2026-000001."
    )
    page.get_by_role("button", name="Save as new version").click()
    expect(page.get_by_text("Version 1 is in use")).to_be_visible()
    assert faults_of_looks(page) == []
    page.get_by_role("link", name="Built in", exact=True).click()
    expect(page.get_by_role("heading", name="What would change")).to_be_visible()
    assert faults_of_looks(page) == []
