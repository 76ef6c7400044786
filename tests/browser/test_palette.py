"""The search box, from the keys."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from insurance.core import clock
from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.policies.queries import get_policy
from tests.browser.axe import faults_of_looks
from tests.factories.lifecycle import sell
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser


def test_enter_opens_what_was_typed_though_its_answer_is_still_to_come(
    app: Flask, signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    with app.app_context(), tenant_scope(org.id):
        policy_id = sell(clock.today("Africa/Johannesburg"))
        number = get_policy(db.session(), policy_id).policy_number
    page = signed_in(Role.AGENT)
    page.goto(f"/{org.slug}/")

    page.keyboard.press("Control+k")
    page.keyboard.type(number)
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(f"/policies/{policy_id}$"))


@pytest.fixture
def policy_id(app: Flask, org: OrganizationFacts) -> UUID:
    """Return a policy, the first of its year."""
    with app.app_context(), tenant_scope(org.id):
        return sell(clock.today("Africa/Johannesburg"))


def _open(page: Page, said: str) -> None:
    page.keyboard.press("Control+k")
    page.keyboard.type(said)


@pytest.mark.parametrize(
    ("said", "leads_to"),
    [
        ("suspend 1", "/policies/{}/suspend$"),
        ("pay 000001", "/policies/{}/pay$"),
        ("new claim 1", "/claims/new/{}$"),
        ("hold 1", "/lapses/holds/{}/new$"),
        ("000001", "/policies/{}$"),
    ],
)
def test_what_one_says_to_a_record_by_its_digits_opens_that_act(
    said: str,
    leads_to: str,
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    policy_id: UUID,
) -> None:
    page = signed_in()
    page.goto(f"/{org.slug}/")

    _open(page, said)
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(leads_to.format(policy_id)))


def test_every_verb_of_the_open_record_is_there_with_its_key(
    signed_in: Callable[..., Page], org: OrganizationFacts, policy_id: UUID
) -> None:
    page = signed_in()
    page.goto(f"/{org.slug}/policies/{policy_id}")

    page.keyboard.press("Control+k")

    here = page.locator("#palette-here")
    expect(here.get_by_role("button", name="Suspend s")).to_be_visible()
    expect(here.get_by_role("button", name="Record payment p")).to_be_visible()
    assert faults_of_looks(page) == []
    page.keyboard.type("susp")
    expect(here.get_by_role("button")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#drawer").get_by_label("Reason")).to_be_focused()


def test_dark_and_light_and_signing_out_are_said(
    signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    page = signed_in()
    page.goto(f"/{org.slug}/policies")

    for theme in ("dark", "dark", "light"):
        _open(page, theme)
        page.keyboard.press("Enter")
        expect(page.locator(f"html[data-theme={theme}]")).to_be_attached()
        expect(page).to_have_url(re.compile(f"/{org.slug}/policies$"))
    _open(page, "sign out")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_what_one_worked_on_last_is_there_before_anything_is_typed(
    signed_in: Callable[..., Page], org: OrganizationFacts, policy_id: UUID
) -> None:
    page = signed_in()
    page.goto(f"/{org.slug}/policies/{policy_id}/suspend")
    page.get_by_label("Reason").fill("Asked")
    page.get_by_role("button", name="Suspend policy").click()
    expect(page).to_have_url(re.compile(f"/policies/{policy_id}$"))
    page.goto(f"/{org.slug}/claims")

    page.keyboard.press("Control+k")

    expect(page.locator("#palette-results .group").first).to_have_text("Worked on last")
    expect(page.locator("#palette-results a").first).to_contain_text("PL-")


def test_only_what_one_may_do_is_offered(
    signed_in: Callable[..., Page], org: OrganizationFacts, policy_id: UUID
) -> None:
    page = signed_in(Role.AUDITOR)
    page.goto(f"/{org.slug}/search?q=suspend+1")
    expect(page.locator("main .results")).to_have_count(0)
    page.goto(f"/{org.slug}/search?q=new")
    expect(page.get_by_role("link", name="New quote")).to_have_count(0)
