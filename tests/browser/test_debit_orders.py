"""A clerk prepares a debit-order run and a colleague releases it, in Chromium."""

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from insurance.core import clock
from insurance.core.business_days import is_business_day, public_holidays
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.debit_orders.services import add_holiday
from tests.browser.axe import faults_of_looks
from tests.factories.book import make_customer
from tests.factories.debit_orders import due_on, make_account, make_policies
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser


@pytest.fixture
def policies(app: Flask, org: OrganizationFacts) -> list[UUID]:
    """Return two policies with mandates and a premium of 100.00 due on the next business day."""
    with app.app_context(), tenant_scope(org.id):
        made = make_policies(2)
        due_on(_next_business_day(), made)
        make_account(make_customer(9))
        add_holiday(_next_business_day() + timedelta(days=7), name="Bank migration")
    return made


def _next_business_day() -> date:
    today = clock.today("Africa/Johannesburg")
    closed, day = public_holidays(today.year, today.year + 1), today + timedelta(days=1)
    while not is_business_day(day, closed):
        day += timedelta(days=1)
    return day


def _prepare(page: Page, org: OrganizationFacts) -> None:
    page.goto(f"/{org.slug}/debit-orders")
    page.get_by_role("link", name="Prepare a run").click()
    page.get_by_role("button", name="Show what it would hold").click()
    expect(page.locator("main")).to_contain_text("R\u00a0200,00")
    page.get_by_role("button", name="Prepare run").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("DR-")


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_a_run_is_prepared_by_one_and_released_by_another(
    javascript: bool,
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    policies: list[UUID],
) -> None:
    maker = signed_in(Role.FINANCE, javascript=javascript)
    other = signed_in(Role.FINANCE, javascript=javascript)
    _prepare(maker, org)
    expect(maker.locator("main")).to_contain_text("You prepared this run")
    expect(maker.get_by_role("link", name="Release…")).to_have_count(0)

    other.goto(maker.url)
    other.get_by_role("link", name="Release…").click()
    other.get_by_role("button", name="Release run").click()

    expect(other.locator("main")).to_contain_text("Released by")
    with other.expect_download() as download:
        other.get_by_role("link", name="Bureau file").click()
    assert download.value.suggested_filename.startswith("DR-")
    other.get_by_role("link", name="Submitted 2").click()
    expect(other.locator("#list tbody tr")).to_have_count(2)


def test_an_act_covers_a_telephone_and_gives_back_what_was_chosen_of_the_list(
    signed_in: Callable[..., Page], org: OrganizationFacts, policies: list[UUID]
) -> None:
    page = signed_in(Role.FINANCE, width=390)
    _prepare(page, org)
    chosen = f"{page.url}?status=PLANNED"
    page.goto(chosen)

    page.get_by_role("link", name="Cancel run…").click()
    title = page.get_by_role("heading", name="Cancel DR-")
    expect(title).to_be_visible()
    assert page.evaluate(
        "[20, 100].every((y) => document.elementFromPoint(200, y).closest('#drawer'))"
    )
    page.get_by_role("link", name="Close").click()

    expect(page).to_have_url(chosen)
    expect(title).to_have_count(0)


def test_the_screens_of_debit_orders_are_for_everybody(
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    policies: list[UUID],
) -> None:
    page = signed_in(Role.FINANCE)
    _prepare(page, org)
    run = page.url
    home = f"/{org.slug}/debit-orders"
    day = f"{_next_business_day():%Y-%m-%d}"
    found: dict[str, object] = {}
    for path in (
        home,
        f"{home}?status=CLOSED",
        f"{home}/prepare",
        f"{home}/prepare?action_date={day}&since={day}",
        f"{home}/prepare?action_date=never",
        run,
        f"{run}/release",
        f"{run}/cancel",
        f"{home}/mandates/{policies[0]}",
        f"{home}/mandates/{policies[0]}/new",
        f"{home}/debits",
        f"{home}/holidays",
        f"{home}/holidays/new",
    ):
        page.goto(path)
        if faults := faults_of_looks(page, [(1440, "light"), (1440, "dark"), (320, "light")]):
            found[path] = faults

    assert found == {}
