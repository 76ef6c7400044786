"""Email senders in Chromium: changed in their rows, undone by a key, legible to everybody."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from insurance.core import clock
from insurance.core.permissions import Role
from insurance.core.settings import Settings
from insurance.core.tenancy import tenant_scope
from insurance.senders.rules import SenderDetails
from insurance.senders.services import create_sender
from tests.browser.axe import faults_of_looks
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser


def test_senders_and_types_are_changed_in_their_rows(
    app: Flask,
    settings: Settings,
    org: OrganizationFacts,
    signed_in: Callable[..., Page],
) -> None:
    with app.app_context(), tenant_scope(org.id):
        create_sender(SenderDetails("Claims", "Claims"), settings, now=clock.now())
        own = SenderDetails("Marketing", "Ubuntu", "hello@ubuntulife.example")
        marketing = create_sender(own, settings, now=clock.now()).id
    page = signed_in(Role.TENANT_ADMINISTRATOR)
    page.goto(f"/{org.slug}/email-senders")
    page.get_by_role("link", name="Edit Claims").click()
    page.get_by_label("Display name").fill("Ubuntu Life Claims")
    page.get_by_role("link", name="Edit Claim paid").click()
    page.get_by_label("Sender", exact=True).select_option(label="Claims · Claims")
    assert faults_of_looks(page) == []
    page.get_by_role("link", name="Cancel", exact=True).last.click()
    expect(page.get_by_role("link", name="Edit Claim paid")).to_be_visible()
    expect(page.get_by_label("Display name")).to_have_value("Ubuntu Life Claims")

    page.get_by_label("Display name").fill("")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Enter the display name")
    page.get_by_label("Display name").fill("Ubuntu Life Claims")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("cell", name="Ubuntu Life Claims")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Undo")).click()
    expect(page.get_by_role("cell", name="Ubuntu Life Claims")).to_have_count(0)

    page.goto(f"/{org.slug}/email-senders/{marketing}")
    assert faults_of_looks(page) == []
