"""From nothing to the first policy: a new insurer is opened, its administrator arrives, and sells."""

import re
from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from insurance.core.db import db
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.core.tenancy import PLATFORM_ORG_ID, platform_scope, tenant_scope
from insurance.notifications.models import Mail
from insurance.notifications.services import _opened
from insurance.organizations.queries import find_entry
from insurance.seeding.names import id_number
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser
MOST = 25
_LINK = re.compile(r"https?://[^/\s]+(/welcome/[\w-]+)")


class Counted:
    """A page of which each click, key and field counts, as UX does: one interaction each."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def fill(self, selector: str, text: str) -> None:
        """Fill a field in."""
        self.count += 1
        self.page.fill(selector, text)

    def choose(self, selector: str, label: str) -> None:
        """Choose from a list."""
        self.count += 1
        self.page.select_option(selector, label=label)

    def press(self, key: str) -> None:
        """Press a key."""
        self.count += 1
        self.page.keyboard.press(key)

    def click(self, control: Locator) -> None:
        """Click."""
        self.count += 1
        control.click()


def test_the_first_policy_of_a_new_insurer_takes_at_most_25_interactions(
    app: Flask, signed_in: Callable[..., Page]
) -> None:
    platform = OrganizationFacts(PLATFORM_ORG_ID, "platform", "Platform")
    name = f"Kudu Life {new_id().hex[-6:]}"
    counted = Counted(signed_in(Role.PLATFORM_ADMINISTRATOR, organization=platform))
    page = counted.page
    page.goto("/platform/organizations")

    counted.press("n")
    expect(page.locator("#slug")).to_be_visible()
    expect(page.locator("#currency")).to_have_value("ZAR")
    expect(page.locator("#timezone")).to_have_value("Africa/Johannesburg")
    counted.fill("#name", name)
    counted.fill("#admin_name", "Zanele Nkosi")
    counted.fill("#admin_email", f"{new_id().hex[-8:]}@kudu.example")
    counted.press("Control+Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator("main")).to_contain_text("Invited, the link works until")

    page.context.clear_cookies()
    page.goto(_mailed_link(app, name))
    counted.count += 1  # the click in the mail
    counted.fill("#password", "the river bends north")
    counted.press("Enter")
    expect(page.get_by_role("heading", name="Set up your organization")).to_be_visible()

    counted.click(page.get_by_role("link", name="Make a product"))
    counted.fill("#name", "Kudu Term")
    counted.choose("#class_code", "Risk")
    counted.choose("#pricing_method", "Flat")
    counted.fill("#base_premium", "100")
    counted.fill("#coverage_amount", "100000")
    counted.press("Control+Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Kudu Term")
    counted.click(page.get_by_role("link", name=re.compile("^Launch")))
    expect(page.get_by_role("button", name="Launch version 1")).to_be_visible()
    counted.press("Control+Enter")
    expect(page.locator("main")).to_contain_text("is launched and can be quoted")

    counted.click(page.get_by_role("button", name="New", exact=True))
    counted.click(page.get_by_role("link", name="Quote", exact=True))
    counted.fill("#id_number", id_number(date(1990, 5, 17), "FEMALE", 7))
    expect(page.locator("#identity")).to_contain_text("Female, born 1990/05/17")
    counted.fill("#first_name", "Naledi")
    counted.fill("#last_name", "Khumalo")
    expect(page.locator("#price .price")).to_have_text("R\u00a0100,00")
    counted.press("Control+Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("QT-")
    counted.click(page.get_by_role("button", name="Accept and issue"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("PL-")

    assert counted.count <= MOST, counted.count
    page.goto(page.url.split("/policies")[0] + "/")
    expect(page.get_by_role("heading", name="Set up your organization")).to_have_count(0)


def _mailed_link(app: Flask, name: str) -> str:
    """Return the path of the link in the newest mail to an insurer's administrator."""
    with app.app_context():
        with platform_scope():
            entry = find_entry(db.session(), name.lower().replace(" ", "-"))
        assert entry is not None
        with tenant_scope(entry.org_id):
            mail = db.session().scalars(select(Mail).order_by(Mail.id.desc()).limit(1)).one()
            found = _LINK.search(_opened(mail))
    assert found is not None
    return found[1]
