"""The search box, from the keys."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from insurance.core import clock
from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.policies.queries import get_policy
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
