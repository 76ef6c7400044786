"""A month-end from the plan to the result, in a real browser, with and without JavaScript."""

from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import text

from insurance.core import clock
from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.products.models import ProjectionType
from tests.browser.axe import faults_of_looks
from tests.factories.lifecycle import sell
from tests.factories.month_end import escalate_by
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser
INDEXED = {"premium_projection_type": ProjectionType.INDEXED}


@pytest.fixture
def today(app: Flask, org: OrganizationFacts) -> date:
    """Return today, in an insurer with a policy whose anniversary it is."""
    with app.app_context(), tenant_scope(org.id):
        day = clock.today("Africa/Johannesburg")
        sell(day.replace(year=day.year - 1), premium="310.00", **INDEXED)
        escalate_by("6")
    return day


@pytest.mark.parametrize("javascript", [True, False])
def test_a_month_end_is_planned_approved_applied_and_read(
    javascript: bool,
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    today: date,
    work: Callable[[], None],
) -> None:
    finance = signed_in(Role.FINANCE, javascript=javascript)
    finance.goto(f"/{org.slug}/")
    finance.get_by_role("link", name="Month-end").first.click()
    finance.get_by_role("link", name="Plan the first one").click()
    finance.get_by_label("Up to and with").fill(f"{today:%Y/%m/%d}")
    finance.get_by_role("button", name="Make the plan").click()
    expect(finance.get_by_text("0 of 1 policies")).to_be_visible()
    work()
    _seen(finance, javascript, "You asked for this yourself")

    manager = signed_in(Role.MANAGER, javascript=javascript)
    manager.goto(f"/{org.slug}/month-end")
    manager.get_by_role("link", name=f"{today:%Y/%m/%d}").click()
    row = manager.get_by_role("row").filter(has_text="Anniversaries").first
    expect(row).to_contain_text("R\u00a018,60")
    row.get_by_role("link", name="Anniversaries").click()
    expect(manager.get_by_role("heading", level=1)).to_have_text("What month-end does")
    manager.get_by_role("row").nth(1).get_by_role("link").click()
    # The list says 328,60 too: the next link is that of the policy's own page.
    expect(manager.get_by_role("heading", level=1)).to_contain_text("in month-end")
    expect(manager.get_by_text("328,60")).to_be_visible()
    manager.get_by_role("link", name=f"{today:%Y/%m/%d}").first.click()
    manager.get_by_label("Comment").fill("Checked")
    manager.get_by_role("button", name="Approve plan").click()
    expect(manager.get_by_text("The plan was approved.")).to_be_visible()

    finance.reload()
    finance.get_by_role("button", name="Apply to 1 policy").click()
    expect(finance.get_by_text("It is safe to leave this page.")).to_be_visible()
    finance.reload()
    expect(finance.get_by_text("It is safe to leave this page.")).to_be_visible()
    work()
    _seen(finance, javascript, "Completed")
    # The page may have come while the pack was being made.
    finance.reload()
    expect(finance.get_by_role("link", name="Pack, PDF")).to_be_visible()


def _seen(page: Page, javascript: bool, words: str) -> None:
    """Wait for words: the page comes to them by itself, or by its link."""
    if not javascript:
        page.get_by_role("link", name="Refresh").click()
    expect(page.get_by_text(words).first).to_be_visible(timeout=10_000)


def test_axe_finds_nothing_in_any_state(
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    today: date,
    work: Callable[[], None],
) -> None:
    page = signed_in(Role.TENANT_ADMINISTRATOR)
    for path in ("", "/escalations", "/escalations/new", "/index-values", "/settings"):
        page.goto(f"/{org.slug}/month-end{path}")
        _check(page)
    page.goto(f"/{org.slug}/month-end/escalations/new")
    page.get_by_label("Rise by policy year, per cent").fill("2")
    page.get_by_role("button", name="Add rule").click()
    expect(page.get_by_role("alert")).to_be_visible()
    _check(page)
    page.goto(f"/{org.slug}/month-end/index-values/new")
    page.get_by_role("button", name="Add value").click()
    expect(page.get_by_role("alert")).to_be_visible()
    _check(page)
    page.goto(f"/{org.slug}/month-end/new")
    page.get_by_label("Up to and with").fill(f"{today:%Y/%m/%d}")
    _check(page)
    page.get_by_role("button", name="Make the plan").click()
    expect(page.get_by_text("It is safe to leave this page.")).to_be_visible()
    _check(page)
    work()
    expect(page.get_by_text("You asked for this yourself")).to_be_visible(timeout=10_000)
    _check(page)
    page.get_by_role("link", name="See every effect").click()
    expect(page.get_by_role("heading", name="What month-end does")).to_be_visible()
    _check(page)
    page.get_by_role("row").nth(1).get_by_role("link").click()
    expect(page.get_by_role("link", name="Open policy")).to_be_visible()
    _check(page)


@pytest.mark.parametrize("javascript", [True, False])
def test_a_refusal_and_a_notice_are_recorded_on_a_policys_escalation(
    javascript: bool,
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    today: date,
    app: Flask,
) -> None:
    with app.app_context(), tenant_scope(org.id):
        number = db.session().scalar(text("SELECT policy_number FROM ins.policies"))
    page = signed_in(Role.FINANCE, javascript=javascript)
    page.goto(f"/{org.slug}/month-end/escalations")
    page.get_by_label("Policy number").fill("nothing")
    page.get_by_role("button", name="Open its escalation").click()
    expect(page.get_by_text("There is no such policy.")).to_be_visible()
    page.get_by_label("Policy number").fill(number)
    page.get_by_role("button", name="Open its escalation").click()
    expect(page.get_by_text("The holder has not refused a rise")).to_be_visible()
    _seen_whole(page, javascript)

    page.get_by_role("link", name="Record a notice").click()
    page.get_by_role("button", name="Record notice").click()
    expect(page.get_by_role("alert")).to_be_visible()
    _seen_whole(page, javascript)
    page.get_by_label("Sent to").fill("palesa@example.org")
    page.get_by_label("What proves it").fill("RC 123 456 789 ZA")
    page.get_by_role("button", name="Record notice").click()
    expect(page.get_by_role("cell", name="palesa@example.org")).to_be_visible()
    page.get_by_role("link", name="Record refusal").click()
    page.get_by_label("How the holder told us").fill("Letter")
    _seen_whole(page, javascript)
    page.get_by_role("button", name="Record refusal").click()
    expect(page.get_by_text("The holder refuses rises of")).to_be_visible()
    _seen_whole(page, javascript)
    page.get_by_role("link", name="Withdraw refusal").click()
    page.get_by_label("How the holder told us").fill("Call")
    page.get_by_role("button", name="Withdraw refusal").click()
    expect(page.get_by_text("Choose a day after").first).to_be_visible()
    _seen_whole(page, javascript)


def _seen_whole(page: Page, javascript: bool) -> None:
    """Let axe find nothing; it needs JavaScript itself."""
    if javascript:
        _check(page)


def _check(page: Page) -> None:
    assert faults_of_looks(page, [(1440, "dark"), (1440, "light")]) == []
