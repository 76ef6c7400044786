"""A claim from its notice to the deducted cover, in a real browser, with and without JavaScript."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import typst
from flask import Flask
from playwright.sync_api import Page, expect

from insurance.core import clock
from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from tests.browser.axe import faults_of_looks
from tests.factories.claims import account, assess, claim, complete, make_claims, name_heirs
from tests.factories.lifecycle import pay as receive
from tests.factories.lifecycle import sell
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser


@pytest.fixture
def today() -> date:
    """Return the day that the running server has."""
    return clock.today("Africa/Johannesburg")


@pytest.fixture
def policy_id(app: Flask, org: OrganizationFacts, today: date) -> UUID:
    """Return a policy with cover of 100 000.00, in force for sixty days."""
    with app.app_context(), tenant_scope(org.id):
        return sell(today - timedelta(days=60))


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ").strip()


def _submit(page: Page, org: OrganizationFacts, policy_id: UUID, amount: str) -> None:
    page.goto(f"/{org.slug}/policies/{policy_id}")
    page.get_by_role("link", name="Claim c", exact=True).click()
    page.get_by_label("Type of claim").select_option("DEATH")
    page.get_by_label("Cause").select_option("ACCIDENT")
    page.get_by_label("Claimed of").fill(amount)
    page.get_by_label("Name of the claimant").fill("Sipho Dlamini")
    page.get_by_label("E-mail").fill("sipho@example.org")
    page.get_by_label("Name of the payee").fill("Sipho Dlamini")
    page.get_by_label("Account number").fill("62001234567")
    page.get_by_role("button", name="Register claim").click()
    expect(page.get_by_text("is registered.")).to_be_visible()


def _send_documents(page: Page, paper: Path) -> None:
    while page.get_by_role("link", name="Add", exact=False).filter(has_text="Add ").count() > 2:
        page.get_by_role("row").get_by_role("link", name="Add").first.click()
        page.get_by_label("File").set_input_files(paper)
        page.get_by_role("button", name="Add document").click()
        expect(page.get_by_text("The document was received.")).to_be_visible()


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """Return a document as people send it."""
    file = tmp_path / "Paper.pdf"
    file.write_bytes(typst.compile(b"= Death certificate"))
    return file


@pytest.mark.parametrize("javascript", [True, False])
def test_a_claim_goes_from_its_notice_to_the_cover_that_is_left(
    javascript: bool,
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    policy_id: UUID,
    paper: Path,
) -> None:
    agent = signed_in(Role.AGENT, javascript=javascript)
    _submit(agent, org, policy_id, "60 000,00")
    expect(agent.get_by_text("An accident does not wait.")).to_be_visible()
    _send_documents(agent, paper)
    expect(agent.get_by_text("complete", exact=True)).to_be_visible()
    where = agent.url

    assessor = signed_in(Role.CLAIMS_ASSESSOR, javascript=javascript)
    assessor.goto(f"/{org.slug}/claims/next")
    expect(assessor).to_have_url(where)
    expect(assessor.get_by_role("img", name="Death certificate, page 1 of 1")).to_be_visible()
    expect(assessor.get_by_label("Approve of")).to_have_value("60\u00a0000,00")
    assessor.get_by_label("Findings").fill("The register of deaths was read")
    assessor.get_by_role("button", name="Decide", exact=True).click()
    expect(assessor.get_by_text("is approved.")).to_be_visible()

    finance = signed_in(Role.FINANCE, javascript=javascript)
    finance.goto(where)
    finance.get_by_role("link", name="Pay p").click()
    finance.get_by_role("button", name="Pay", exact=True).click()
    expect(finance.get_by_text("paid to Sipho Dlamini").first).to_be_visible()
    money = finance.get_by_role("region", name="Money by benefit")
    expect(money).to_contain_text("R\u00a040\u00a0000,00")
    finance.goto(f"/{org.slug}/policies/{policy_id}?tab=claims")
    expect(finance.get_by_role("row").filter(has_text="CLM-")).to_contain_text("Paid")


def test_a_claim_is_refused_with_a_letter_and_comes_back(
    app: Flask,
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    policy_id: UUID,
) -> None:
    page = signed_in(Role.CLAIMS_ASSESSOR)
    _submit(page, org, policy_id, "60 000,00")
    page.get_by_label("Approve of").fill("60 000,00")
    page.get_by_role("button", name="Decide", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Documents are outstanding")

    page.get_by_label("Approve of").fill("0")
    page.get_by_label("Reason for").select_option("NO_PROOF")
    page.get_by_label("Findings").fill("No such death is registered")
    page.get_by_role("button", name="Decide", exact=True).click()
    expect(page.get_by_text("is rejected.")).to_be_visible()
    with page.expect_download() as letter:
        page.get_by_role("link", name="Outcome letter", exact=True).click()
    assert Path(letter.value.path()).read_bytes().startswith(b"%PDF")

    page.get_by_role("button", name="More").click()
    page.get_by_role("link", name="Reopen").click()
    page.get_by_label("Reason").fill("The family brought a certificate")
    page.get_by_role("button", name="Reopen claim").click()
    expect(page.get_by_text("is open again.")).to_be_visible()
    expect(page.get_by_text("The family brought a certificate")).to_be_visible()


def test_an_assessor_works_the_queue_by_keyboard_and_approves_a_part(
    app: Flask,
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    policy_id: UUID,
    today: date,
) -> None:
    with app.app_context(), tenant_scope(org.id):
        for _ in range(2):
            complete(claim(policy_id, "40000.00", day=today).id, today)
    page = signed_in(Role.CLAIMS_ASSESSOR)
    page.goto(f"/{org.slug}/")
    page.keyboard.press("g")
    page.keyboard.press("l")
    expect(page.get_by_role("heading", name="Claims", exact=True)).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator("tr.at a").first).to_be_focused()
    page.keyboard.press("Enter")
    amount = page.get_by_label("Approve of")
    expect(amount).to_be_visible()
    first = page.get_by_role("heading", level=1).inner_text()
    amount.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("25000")
    page.keyboard.press("Tab")
    page.keyboard.type("Part")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(f"{first} is partially approved.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).not_to_have_text(first)

    page.goto(f"/{org.slug}/claims")
    page.keyboard.press("5")
    expect(page.get_by_role("row").filter(has_text=first)).to_contain_text("Partially approved")


def test_a_claim_with_two_beneficiaries_is_paid_by_shares(
    app: Flask,
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    policy_id: UUID,
    paper: Path,
    today: date,
) -> None:
    with app.app_context(), tenant_scope(org.id):
        name_heirs(policy_id, today - timedelta(days=60))
        receive(policy_id, "300.00", today)
    page = signed_in(Role.AGENT)
    page.goto(f"/{org.slug}/claims/new/{policy_id}")
    assert page.get_by_label("Name of the claimant").input_value() == ""
    expect(page.get_by_text("Sipho Dlamini 60%, Zinhle Dlamini 40%")).to_be_visible()
    page.get_by_label("Type of claim").select_option("DEATH")
    page.get_by_label("Cause").select_option("ACCIDENT")
    page.get_by_label("Claimed of").fill("100000")
    page.get_by_label("Name of the claimant").fill("Sipho Dlamini")
    page.get_by_role("button", name="Register claim").click()
    who = page.get_by_role("region", name="Who is paid")
    expect(who.get_by_role("row").nth(1)).to_contain_text("Sipho Dlamini")
    expect(who.get_by_role("row").nth(2)).to_contain_text("Gogo Dlamini, guardian of Zinhle")
    claim_path = page.url
    claim_id = UUID(claim_path.rsplit("/", 1)[1])
    with app.app_context(), tenant_scope(org.id):
        complete(claim_id, today)
        assess(claim_id, "100000.00", day=today)

    payer = signed_in(Role.FINANCE)
    payer.goto(claim_path)
    payer.get_by_role("link", name="Pay p", exact=True).click()
    payer.get_by_label("Reference for Sipho Dlamini").fill("EFT-SIPHO")
    payer.get_by_role("button", name="Pay", exact=True).click()

    expect(payer.get_by_text("paid to Sipho Dlamini").first).to_be_visible()
    rows = payer.get_by_role("region", name="Payments").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("EFT-SIPHO")
    expect(rows.nth(2)).to_contain_text("Gogo Dlamini, guardian of Zinhle Dlamini")
    assert [_plain(rows.nth(at).get_by_role("cell").nth(2).inner_text()) for at in (1, 2)] == [
        "R 60 000,00",
        "R 40 000,00",
    ]


def test_axe_finds_nothing_on_any_screen_of_claims(
    app: Flask, signed_in: Callable[..., Page], org: OrganizationFacts, policy_id: UUID, today: date
) -> None:
    with app.app_context(), tenant_scope(org.id):
        made = make_claims(policy_id)
        waiting = claim(policy_id, "150000.00", day=today, payees=[account()])
        complete(waiting.id, today)
        document, note, flag, payment = _parts(made)
    page = signed_in()
    paths = [
        *(f"/claims?tab={tab}" for tab in ("open", "sla_breaches", "approved", "paid")),
        "/claims?q=nobody-at-all",
        f"/claims/{made}",
        f"/claims/{waiting.id}",
        f"/claims/new/{policy_id}",
        f"/policies/{policy_id}?tab=claims",
        *(
            f"/claims/{made}/{act}"
            for act in (
                "pay", "close", "reopen", "assign", "payees", "reserve", "recover",
                "documents/new", "documents/ask",
            )
        ),
        f"/claims/documents/{document}/review",
        f"/correspondence/claims/{made}/notes/new",
        f"/correspondence/notes/{note}/done",
        f"/claims/flags/{flag}/clear",
        f"/claims/payments/{payment}/void",
        "/claims/authority",
        "/claims/settings",
        "/claims/reports",
        "/claims/reports?report=ageing",
        "/claims/reports?from=never",
        "/claims/loss-ratio",
        "/claims/loss-ratio/entries?side=claims",
    ]  # fmt: skip
    found = {}
    for path in paths:
        page.goto(f"/{org.slug}{path}")
        if faults := faults_of_looks(page):
            found[path] = faults

    assert found == {}


def _parts(claim_id: UUID) -> tuple[UUID, UUID, UUID, UUID]:
    from insurance.claims import queries

    view = queries.get_view(db.session(), claim_id)
    return view.documents[0].id, view.notes[0].id, view.flags[0].id, view.payments[0].id
