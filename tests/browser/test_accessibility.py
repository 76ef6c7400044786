"""axe finds nothing, on every screen, light and dark, wide and narrow."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page

from insurance.core.permissions import Role
from insurance.core.tenancy import PLATFORM_ORG_ID, tenant_scope
from tests.browser.axe import faults_of, faults_of_looks
from tests.factories.book import Book, make_book
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser


@pytest.fixture
def book(app: Flask, org: OrganizationFacts) -> Book:
    """Return one of everything."""
    with app.app_context(), tenant_scope(org.id):
        return make_book()


def _screens(book: Book) -> list[str]:
    return [
        "/",
        "/customers",
        "/customers?q=nobody-at-all",
        "/customers/new",
        f"/customers/{book.customer_id}",
        f"/customers/{book.customer_id}/edit",
        f"/customers/{book.customer_id}/bank-accounts/new",
        "/quotes",
        "/quotes/new",
        f"/quotes/new?customer_id={book.customer_id}",
        f"/quotes/{book.open_quote_id}",
        f"/quotes/{book.open_quote_id}/decline",
        f"/quotes/{book.quote_id}",
        "/policies",
        "/policies?q=nobody-at-all",
        f"/policies/{book.policy_id}",
        f"/policies/{book.policy_id}?tab=premiums",
        f"/policies/{book.policy_id}?tab=endorsements",
        f"/policies/{book.policy_id}?tab=history",
        f"/policies/{book.policy_id}/pay",
        f"/policies/{book.policy_id}/premiums/{book.line_id}/reverse",
        *(
            f"/policies/{book.policy_id}/endorse/{kind}"
            for kind in ("cover", "add-member", "beneficiaries", "due-day", "bank", "details")
        ),
        f"/policies/{book.policy_id}?tab=ledger",
        f"/policies/{book.policy_id}/versions/1/1",
        "/products",
        f"/products/{book.product_id}",
        "/products/new",
        "/ledger",
        "/ledger/accounts/PREMIUM_DEBTORS",
        "/ledger/periods",
        "/ledger/periods/close",
        "/ledger/periods/reopen",
        "/audit-logs",
        "/audit-logs?from=nonsense",
        "/people",
        "/people/permissions",
        "/people/invite",
        "/settings",
        "/api-keys",
        "/api-keys/new",
        "/mail",
        "/alerts",
        "/alerts?state=NEW",
        "/alerts/latest",
        "/alerts/choose",
        "/health",
        "/search?q=palesa",
        "/not-there",
    ]


def test_axe_finds_nothing_on_any_screen_and_none_scrolls_sideways(
    signed_in: Callable[..., Page], org: OrganizationFacts, book: Book
) -> None:
    page = signed_in()
    found = {}
    for path in _screens(book):
        page.goto(f"/{org.slug}{path}")
        if faults := faults_of_looks(page, [(1440, "light"), (1440, "dark"), (320, "light")]):
            found[path] = faults

    assert found == {}


def test_axe_finds_nothing_on_the_platforms_and_ones_own_screens(
    signed_in: Callable[..., Page],
) -> None:
    platform = OrganizationFacts(PLATFORM_ORG_ID, "platform", "Platform")
    page = signed_in(Role.PLATFORM_ADMINISTRATOR, organization=platform)
    found = {}
    for path in (
        "/platform/organizations",
        "/platform/organizations/new",
        "/security",
        "/security/second-factor",
        "/forgotten",
        "/sign-in",
        "/api/docs",
    ):
        page.goto(path)
        if faults := faults_of(page):
            found[path] = faults

    assert found == {}
