"""A session that ends while somebody is typing costs nothing that was typed."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import text

from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.core.tenancy import platform_scope
from tests.factories.identity import PASSWORD, make_person, with_password
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser


def test_somebody_signs_in_again_in_another_tab_and_goes_on(
    app: Flask, signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    with app.app_context():
        person = with_password(make_person(org.id, Role.TENANT_ADMINISTRATOR))
    page = signed_in()
    page.goto(f"/{org.slug}/people/invite")
    page.fill("#name", "Sipho Ndlovu")
    page.fill("#email", f"sipho@{org.slug}.example")
    page.get_by_label("Underwriter").check()
    with app.app_context(), platform_scope():
        db.session.execute(text("DELETE FROM cp.sessions"))
        db.session.commit()
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_role("dialog", name="Your session ended")).to_be_visible()

    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in").click()
    tab = opened.value
    tab.fill("#email", person.email)
    tab.fill("#password", PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    expect(tab.get_by_role("heading", level=1)).to_be_visible()
    tab.close()
    page.bring_to_front()
    page.evaluate("window.dispatchEvent(new Event('focus'))")

    expect(page.locator("#toasts")).to_contain_text("You are signed in again")
    page.get_by_role("button", name="Send invitation").click()
    expect(page.locator("main")).to_contain_text(f"sipho@{org.slug}.example was invited")
