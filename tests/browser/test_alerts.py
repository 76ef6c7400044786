"""The bell in Chromium: it counts, opens beside the page, and leads to what it tells of."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from insurance.alerts.alert_kinds import MENTIONED
from insurance.alerts.services import notify
from insurance.core import clock
from insurance.core.db import db, transaction
from insurance.core.permissions import Role
from insurance.core.tenancy import platform_scope, tenant_scope
from insurance.identity.models import Membership
from tests.browser.axe import faults_of
from tests.factories.lifecycle import sell
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser


@pytest.fixture
def agent(app: Flask, org: OrganizationFacts, signed_in: Callable[..., Page]) -> Page:
    """Return the page of an agent whom a note names."""
    page = signed_in(Role.AGENT)
    _mention(app, org)
    return page


def _mention(app: Flask, org: OrganizationFacts) -> None:
    with app.app_context():
        agent_id = _agent(org)
    with app.app_context(), tenant_scope(org.id):
        policy_id = sell(clock.today("Africa/Johannesburg"))
        with transaction() as session:
            about, record = ("policies", policy_id), "a policy of Naledi"
            notify(session, MENTIONED, [agent_id], about, by="Sipho", record=record)


def _agent(org: OrganizationFacts) -> UUID:
    with platform_scope():
        mine = select(Membership.user_id).where(
            Membership.org_id == org.id, Membership.role == Role.AGENT
        )
        return db.session().scalars(mine).one()


def test_the_bell_counts_opens_beside_the_page_and_leads_on(
    agent: Page, org: OrganizationFacts
) -> None:
    agent.goto(f"/{org.slug}/customers")
    bell = agent.locator("#bell a")
    expect(bell).to_have_accessible_name("Alerts: 1 new")

    bell.press("Enter")
    drawer = agent.locator("#drawer")
    expect(drawer).to_contain_text("Sipho named you in a note on a policy of Naledi")
    assert faults_of(agent) == []
    agent.keyboard.press("Escape")
    expect(drawer).to_be_empty()
    expect(bell).to_be_focused()

    bell.click()
    drawer.get_by_role("link", name=re.compile("^Sipho named you")).click()
    expect(agent.get_by_role("heading", level=1)).to_contain_text("PL-")
    expect(agent.locator("#bell a")).to_have_accessible_name("Alerts")


def test_the_bell_is_a_link_where_there_is_no_javascript(
    app: Flask, org: OrganizationFacts, signed_in: Callable[..., Page]
) -> None:
    page = signed_in(Role.AGENT, javascript=False)
    _mention(app, org)

    page.goto(f"/{org.slug}/customers")
    page.locator("#bell a").click()
    page.get_by_role("button", name="Mark all as read").click()

    expect(page.locator("main")).to_contain_text("1 marked as read.")
