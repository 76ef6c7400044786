"""The tasks of a day take few interactions: counted in Chromium, also by keys alone and plain."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from insurance.core import clock
from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.policies.queries import get_policy
from insurance.seeding.names import id_number
from tests.browser.hand import MODES, Hand, Mode
from tests.factories.book import make_product
from tests.factories.claims import assess, claim, complete
from tests.factories.funeral import make_funeral_product, sell_funeral
from tests.factories.lifecycle import sell
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser
MOST = {
    "T1": 3,
    "T2": 3,
    "T3": 8,
    "T4": 5,
    "T5": 7,
    "T6": 5,
    "T7": 7,
    "T8": 5,
    "T9": 2,
    "T10": 5,
    "T11": 6,
}
"""What each task may take, with keys; all but the month-end together no more than 52."""
Begin = Callable[[Role], Hand]


@pytest.fixture
def today() -> date:
    """Return the day that the running server has."""
    return clock.today("Africa/Johannesburg")


@pytest.fixture(params=MODES, ids=("mouse", "keys", "plain"))
def mode(request: pytest.FixtureRequest) -> Mode:
    """Return the way in which a person works."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def begin(signed_in: Callable[..., Page], org: OrganizationFacts, mode: Mode) -> Begin:
    """Return a function that begins a task: somebody of a role, signed in, on the start page."""

    def started(role: Role) -> Hand:
        page = signed_in(role, javascript=mode != "without JavaScript")
        page.goto(f"/{org.slug}/")
        return Hand(page, mode)

    return started


@pytest.fixture
def policy_id(app: Flask, org: OrganizationFacts, today: date) -> UUID:
    """Return a policy with cover of 100 000.00, in force for sixty days."""
    with app.app_context(), tenant_scope(org.id):
        return sell(today - timedelta(days=60))


@pytest.fixture
def number(app: Flask, org: OrganizationFacts, policy_id: UUID) -> str:
    """Return its number."""
    with app.app_context(), tenant_scope(org.id):
        return get_policy(db.session(), policy_id).policy_number


def _heading(hand: Hand, text: str) -> None:
    expect(hand.page.get_by_role("heading", level=1)).to_contain_text(text)


def _costs(hand: Hand, task: str) -> None:
    if hand.mode != "without JavaScript":
        assert hand.count <= MOST[task]


def test_the_tasks_of_a_day_take_at_most_52_interactions() -> None:
    assert sum(MOST.values()) - MOST["T11"] <= 52


def test_t1_a_policy_is_found_by_its_number(begin: Begin, mode: Mode, number: str) -> None:
    hand = begin(Role.AGENT)
    hand.find(number)
    _heading(hand, number)
    _costs(hand, "T1")


def test_t2_a_customer_is_found_by_name(begin: Begin, mode: Mode, number: str) -> None:
    hand = begin(Role.AGENT)
    hand.find("Palesa Dlamini")
    _heading(hand, "Palesa Dlamini")
    _costs(hand, "T2")


def test_t3_a_new_customer_is_quoted_and_insured(
    app: Flask, org: OrganizationFacts, begin: Begin, mode: Mode
) -> None:
    with app.app_context(), tenant_scope(org.id):
        make_product(name="Plain Life")
    hand = begin(Role.AGENT)
    hand.act("n", "New quote")
    hand.fill("South African ID number", id_number(date(1990, 5, 17), "FEMALE", 7))
    hand.fill("First names", "Naledi")
    hand.fill("Surname", "Khumalo")
    hand.fill("Telephone", "082 555 0101")
    hand.choose("Product", "Plain Life")
    if mode != "without JavaScript":
        expect(hand.page.locator("#price .price")).to_be_visible()
    hand.submit("Save quote")
    _heading(hand, "QT-")
    hand.submit("Accept and issue")
    _heading(hand, "PL-")
    _costs(hand, "T3")


def test_t4_a_premium_is_recorded(begin: Begin, mode: Mode, number: str) -> None:
    hand = begin(Role.FINANCE)
    hand.say("pay", number)
    hand.fill("Reference", "EFT 4711")
    hand.submit("Record payment")
    expect(hand.page.get_by_text("recorded for 2 premiums")).to_be_visible()
    _costs(hand, "T4")


def test_t5_a_spouse_is_added_after_the_effect_is_seen(
    app: Flask, org: OrganizationFacts, begin: Begin, mode: Mode, today: date
) -> None:
    with app.app_context(), tenant_scope(org.id):
        policy_id = sell_funeral(make_funeral_product(), today, 20_000, holder=901)
        number = get_policy(db.session(), policy_id).policy_number
    hand = begin(Role.MANAGER)
    hand.say("add a member", number)
    hand.fill("First name", "Thabo")
    hand.fill("Last name", "Nkosi")
    hand.fill("ID number", id_number(date(1985, 3, 9), "MALE", 3))
    if mode == "without JavaScript":
        hand.click(hand.page.get_by_role("button", name="Show effect"))
    expect(hand.page.get_by_role("heading", name="What this does")).to_be_visible()
    hand.submit("Issue")
    expect(hand.page.get_by_text("was changed")).to_be_visible()
    _costs(hand, "T5")


def test_t6_a_policy_is_suspended(begin: Begin, mode: Mode, number: str) -> None:
    hand = begin(Role.MANAGER)
    hand.say("suspend", number)
    hand.fill("Reason", "The holder asked for it")
    hand.submit("Suspend policy")
    expect(hand.page.locator("main")).to_contain_text("uspended")
    _costs(hand, "T6")


def test_t7_a_claim_is_registered(begin: Begin, mode: Mode, number: str) -> None:
    hand = begin(Role.AGENT)
    hand.say("claim", number)
    hand.choose("Cause", "Accident")
    hand.fill("Claimed of", "60000")
    hand.fill("Name of the claimant", "Sipho Dlamini")
    hand.submit("Register claim")
    expect(hand.page.get_by_text("is registered.")).to_be_visible()
    _costs(hand, "T7")


def test_t8_the_next_claim_is_approved_in_part(
    app: Flask,
    org: OrganizationFacts,
    begin: Begin,
    mode: Mode,
    policy_id: UUID,
    today: date,
) -> None:
    with app.app_context(), tenant_scope(org.id):
        complete(claim(policy_id, "40000.00", day=today).id, today)
    hand = begin(Role.CLAIMS_ASSESSOR)
    hand.go("l", "Claims")
    hand.act("n", "Take next")
    hand.fill("Approve of", "25000")
    hand.choose("Reason for", "Part of the loss is covered")
    hand.submit("Decide")
    expect(hand.page.get_by_text("is partially approved.")).to_be_visible()
    _costs(hand, "T8")


def test_t9_an_approved_claim_is_paid_and_the_next_shown(
    app: Flask,
    org: OrganizationFacts,
    begin: Begin,
    mode: Mode,
    policy_id: UUID,
    today: date,
) -> None:
    with app.app_context(), tenant_scope(org.id):
        done = claim(policy_id, "40000.00", day=today)
        complete(done.id, today)
        assess(done.id, "40000.00", day=today)
    hand = begin(Role.FINANCE)
    hand.click(hand.page.locator("#work").get_by_role("link", name="CLM-"))
    hand.submit("Pay")
    expect(hand.page.get_by_text("paid to").first).to_be_visible()
    _costs(hand, "T9")


def test_t10_an_auditor_finds_what_somebody_did_and_copies_its_request(
    app: Flask, org: OrganizationFacts, begin: Begin, mode: Mode, number: str
) -> None:
    manager = begin(Role.MANAGER)
    manager.say("suspend", number)
    manager.fill("Reason", "The holder asked for it")
    manager.submit("Suspend policy")
    expect(manager.page.locator("main")).to_contain_text("uspended")
    hand = begin(Role.AUDITOR)
    hand.go("a", "Audit log")
    hand.choose("Who", "Thandi Mokoena, manager")
    hand.choose("What was done", "Policy suspended")
    hand.click(hand.page.locator("main").get_by_role("button", name="Apply"))
    row = hand.page.locator("tbody tr")
    expect(row).to_have_count(1)
    copy = row.get_by_role("button", name="Copy")
    if mode != "without JavaScript":
        hand.click(copy)
        expect(hand.page.get_by_text("Copied")).to_be_visible()
    _costs(hand, "T10")


def test_t11_a_month_end_is_planned_approved_applied_and_its_result_shown(
    begin: Begin, mode: Mode, policy_id: UUID, work: Callable[[], None]
) -> None:
    finance = begin(Role.FINANCE)
    finance.go("m", "Month-end")
    finance.act("n", "Plan")
    finance.submit("Make the plan")
    expect(finance.page.get_by_text("It is safe to leave this page.")).to_be_visible()
    work()

    manager = begin(Role.TENANT_ADMINISTRATOR)
    manager.click(
        manager.page.locator("#work").get_by_role("link", name=re.compile("^Month-end of"))
    )
    manager.submit("Approve and apply to 1 policy")
    expect(manager.page.get_by_text("It is safe to leave this page.")).to_be_visible()
    work()
    if mode == "without JavaScript":
        manager.click(manager.page.get_by_role("link", name="Refresh"))
    expect(manager.page.locator("main")).to_contain_text("Completed", timeout=10_000)
    if mode != "without JavaScript":
        assert finance.count + manager.count <= MOST["T11"]
