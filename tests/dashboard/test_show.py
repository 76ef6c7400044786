"""The start page: what waits for the person, and what a new organization does first."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.permissions import Role
from tests.factories.claims import claim
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import pay, sell
from tests.factories.month_end import plan

SignIn = Callable[..., SignedInClient]
TODAY = clock.today("Africa/Johannesburg")


def test_a_new_organization_sees_what_to_do_first_until_its_first_policy(
    sign_in: SignIn, session: Session
) -> None:
    client = sign_in(Role.TENANT_ADMINISTRATOR)

    before = client.get(client.url("/")).text
    sell(TODAY)
    after = client.get(client.url("/")).text

    assert "Set up your organization" in before
    assert client.url("/products/new") in before
    assert "Set up your organization" not in after


def test_an_agent_is_not_asked_to_set_up_what_an_administrator_does(sign_in: SignIn) -> None:
    client = sign_in(Role.AGENT)

    page = client.get(client.url("/")).text

    assert "Issue the first policy" in page
    assert "Invite your people" not in page


@pytest.mark.parametrize(
    ("role", "is_shown"),
    [(Role.CLAIMS_ASSESSOR, True), (Role.AGENT, False), (Role.AUDITOR, False)],
)
def test_a_claim_that_nobody_has_waits_for_whoever_assesses(
    role: Role, is_shown: bool, sign_in: SignIn, session: Session
) -> None:
    started = TODAY - timedelta(days=40)
    policy_id = sell(started)
    pay(policy_id, "310.00", started)
    submitted = claim(policy_id)
    client = sign_in(role)

    page = client.get(client.url("/")).text

    assert (submitted.claim_number in page) == is_shown


def test_what_waits_comes_alone_when_the_page_asks_again(sign_in: SignIn) -> None:
    client = sign_in(Role.MANAGER)

    part = client.htmx(client.url("/")).text

    assert "Waiting for you" in part
    assert "<main" not in part


def test_a_month_end_that_is_planned_waits_once_for_whoever_approves_it(
    sign_in: SignIn, session: Session
) -> None:
    sell(TODAY)
    run = plan(TODAY)
    client = sign_in(Role.MANAGER)

    page = client.get(client.url("/")).text

    assert page.count(client.url(f"/month-end/{run.id}")) == 1
    assert "to be approved by a second person" in page
    assert "Plan of the month-end" not in page


def test_the_chart_of_the_year_says_what_claims_took_of_the_premiums(
    sign_in: SignIn, session: Session
) -> None:
    started = TODAY - timedelta(days=40)
    policy_id = sell(started)
    claim(policy_id, day=TODAY)
    client = sign_in(Role.MANAGER)

    chart = client.htmx(client.url("/year")).text

    assert "of the premiums earned" in chart
    assert "Show as table" in chart
