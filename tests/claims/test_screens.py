"""Claims on screen, as agents, assessors and finance use them."""

import io
import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any
from uuid import UUID

import pytest
import typst
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.claims import queries
from insurance.claims.models import ClaimStatus
from insurance.claims.rules import DEFAULT_LIMITS, TABS, Authority, Limits
from insurance.claims.services import limits_version, set_limit
from insurance.core import clock
from insurance.core.permissions import Role
from tests.factories.book import TODAY
from tests.factories.claims import (
    MANAGER,
    account,
    acting,
    assess,
    claim,
    complete,
    pay,
    seed_claims,
)
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import morning, sell

SignIn = Callable[..., SignedInClient]
START = date(2026, 9, 20)


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    """Let the business day be 20 November 2026."""
    with clock.frozen(morning(TODAY)):
        yield


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy with cover of 100 000.00 for 100.00 a month."""
    found = sell(START)
    session.rollback()
    return found


def _words(html: str) -> str:
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.replace("\u00a0", " ")))
    return plain.replace(" .", ".").replace(" ,", ",")


def _read(client: SignedInClient, path: str) -> str:
    answer = client.get(client.url(path))
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return _words(answer.text)


def _view(session: Session, claim_id: UUID) -> queries.ClaimView:
    session.rollback()
    session.expire_all()
    return queries.get_view(session, claim_id)


def _form(**more: str) -> dict[str, str]:
    return {
        "claim_type": "DEATH",
        "event_date": "2026/11/18",
        "cause": "ACCIDENT",
        "description": "Fell from a ladder",
        "amount_0": "60 000,00",
        "claimant_name": "Sipho Dlamini",
        "claimant_email": "sipho@example.org",
    } | more


def test_an_agent_registers_a_claim_from_the_policy(
    sign_in: SignIn, session: Session, policy_id: UUID
) -> None:
    agent = sign_in(Role.AGENT)
    assert f"/claims/new/{policy_id}" in agent.get(agent.url(f"/policies/{policy_id}")).text
    empty = _read(agent, f"/claims/new/{policy_id}")
    assert "New claim on PL-2026-000001" in empty
    assert "R 100 000,00 left of R 100 000,00 today" in empty

    sent = agent.post(agent.url(f"/claims/new/{policy_id}"), data=_form())

    assert sent.status_code == 303
    shown = _words(agent.get(sent.location).text)
    assert "Claim CLM-2026-000001 is registered." in shown
    assert "In force on 2026/11/18." in shown
    assert "Sipho Dlamini" in shown
    assert "CLM-2026-000001 Submitted" in _read(agent, f"/policies/{policy_id}?tab=claims")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"event_date": "2026/11/21"}, "The event cannot lie after the claim or ahead."),
        ({"amount_0": ""}, "Claim at least one benefit."),
        ({"amount_0": "0"}, "Claim at least one benefit."),
        ({"amount_0": "-5"}, "Enter an amount of zero or more."),
        ({"claimant_name": ""}, "Enter the name of the claimant."),
        ({"claimant_email": "sipho"}, "e-mail"),
        ({"payee_name": "S", "payee_account_number": "12"}, "4 to 11 digits"),
        ({"cause": "COLLISION"}, "Choose one from the list."),
    ],
)
def test_what_cannot_be_is_refused_beside_the_field_and_nothing_is_registered(
    sign_in: SignIn, session: Session, policy_id: UUID, wrong: dict[str, str], said: str
) -> None:
    agent = sign_in(Role.AGENT)

    sent = agent.post(agent.url(f"/claims/new/{policy_id}"), data=_form(**wrong))

    assert sent.status_code == 422
    assert said.lower() in _words(sent.text).lower()
    session.rollback()
    assert queries.list_claims_of_policy(session, policy_id) == []


def test_documents_are_sent_looked_at_and_sent_back(
    sign_in: SignIn, session: Session, policy_id: UUID
) -> None:
    made = claim(policy_id)
    agent, assessor = sign_in(Role.AGENT), sign_in(Role.CLAIMS_ASSESSOR)
    paper = typst.compile(b"= Death certificate")
    sent = agent.post(
        agent.url(f"/claims/{made.id}/documents/new"),
        data={
            "file": (io.BytesIO(paper), "../../etc/Death certificate.pdf"),
            "document_type": "DEATH_CERTIFICATE",
        },
    )
    assert sent.status_code == 303
    document = next(one for one in _view(session, made.id).documents if one.file_key)
    assert document.file_name == "Death certificate.pdf"

    picture = assessor.get(assessor.url(f"/claims/documents/{document.id}/picture"))
    assert picture.mimetype == "image/png"
    assert picture.data.startswith(b"\x89PNG")
    assert (
        assessor.get(assessor.url(f"/claims/documents/{document.id}/picture?page=2")).status_code
        == 404
    )
    saved = assessor.get(assessor.url(f"/claims/documents/{document.id}/file"))
    assert saved.data == paper
    assert saved.headers["Content-Disposition"].startswith("attachment")
    assert "Save Death certificate.pdf" in _read(assessor, f"/claims/{made.id}")

    back = assessor.post(
        assessor.url(f"/claims/documents/{document.id}/review"),
        data={"verdict": "reject", "reason": ""},
    )
    assert back.status_code == 422
    assessor.post(
        assessor.url(f"/claims/documents/{document.id}/review"),
        data={"verdict": "reject", "reason": "The stamp is missing"},
    )
    assert "The stamp is missing" in _read(assessor, f"/claims/{made.id}")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("paper.pdf", b"MZ\x90\0 an executable", "Send a PDF, a JPEG or a PNG."),
        ("paper.pdf", b"PK\x03\x04 a zip bomb", "Send a PDF, a JPEG or a PNG."),
        ("paper.pdf", b"", "The file is empty."),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    sign_in: SignIn, session: Session, policy_id: UUID, name: str, content: bytes, said: str
) -> None:
    made = claim(policy_id)
    agent = sign_in(Role.AGENT)

    sent = agent.post(
        agent.url(f"/claims/{made.id}/documents/new"),
        data={"file": (io.BytesIO(content), name), "document_type": "BANK_LETTER"},
    )

    assert sent.status_code == 422
    assert said in _words(sent.text)
    assert not any(one.file_key for one in _view(session, made.id).documents)


def test_an_assessor_decides_and_goes_on_to_the_next(
    sign_in: SignIn, session: Session, policy_id: UUID
) -> None:
    first, second = claim(policy_id, "60000.00"), claim(sell(START), "50000.00")
    complete(first.id)
    complete(second.id)
    assessor = sign_in(Role.CLAIMS_ASSESSOR)
    shown = _read(assessor, f"/claims/{first.id}")
    assert "You may approve R 100 000 at once" in shown

    sent = assessor.post(
        assessor.url(f"/claims/{first.id}/decide"),
        data={
            "version": str(_view(session, first.id).claim.version),
            "amount_0": "45 000,00",
            "reason_0": "PART_OF_LOSS",
            "findings_0": "The policy covers the fall",
            "then": "next",
        },
    )

    assert sent.status_code == 303
    after = assessor.get(sent.location)
    assert after.location.endswith(str(second.id))
    assert _view(session, first.id).claim.status is ClaimStatus.PARTIALLY_APPROVED
    assert assessor.get(assessor.url(f"/claims/{first.id}/letter")).data.startswith(b"%PDF")


def test_a_refusal_of_a_decision_stands_on_the_page(
    sign_in: SignIn, session: Session, policy_id: UUID
) -> None:
    made = claim(policy_id, "60000.00")
    assessor = sign_in(Role.CLAIMS_ASSESSOR)
    wanted = {"version": "1", "amount_0": "60000", "reason_0": "WITHIN_TERMS"}
    version = str(_view(session, made.id).claim.version)

    stale = assessor.htmx(
        assessor.url(f"/claims/{made.id}/decide"),
        "POST",
        data=wanted | {"version": "0"},
    )
    early = assessor.htmx(
        assessor.url(f"/claims/{made.id}/decide"), "POST", data=wanted | {"version": version}
    )

    assert stale.status_code == 409
    assert "Somebody has changed this claim since you opened it." in _words(stale.text)
    assert early.status_code == 409
    assert "Documents are outstanding" in _words(early.text)
    assert _view(session, made.id).claim.decided_at is None


def test_above_the_limit_the_claim_waits_for_somebody_who_may(
    sign_in: SignIn, session: Session, policy_id: UUID
) -> None:
    half = Limits(Decimal("50000.00"), Decimal("50000.00"), Decimal("50000.00"))
    with acting(MANAGER) as now:
        set_limit(role="claims_assessor", level=1, limits=half, now=now)
    made = claim(policy_id, "90000.00")
    complete(made.id)
    assessor, manager = sign_in(Role.CLAIMS_ASSESSOR), sign_in(Role.MANAGER)
    wanted = {
        "version": str(_view(session, made.id).claim.version),
        "amount_0": "90000",
        "reason_0": "WITHIN_TERMS",
    }

    sent = assessor.post(assessor.url(f"/claims/{made.id}/decide"), data=wanted)

    said = _words(assessor.get(sent.location).text)
    assert "R 90 000,00 is above your limit of R 50 000,00 at once." in said
    assert "Claims assessor level 2, Manager level 1" in said
    assert "Escalated" in _read(manager, "/claims?tab=pending_approval")
    assert 'value="90 000,00"' in manager.get(manager.url(f"/claims/{made.id}")).text.replace(
        "\u00a0", " "
    )
    manager.post(
        manager.url(f"/claims/{made.id}/decide"),
        data=wanted | {"version": str(_view(session, made.id).claim.version)},
    )
    assert _view(session, made.id).claim.status is ClaimStatus.APPROVED


def test_finance_pays_voids_and_pays_again(
    sign_in: SignIn, session: Session, policy_id: UUID
) -> None:
    made = claim(policy_id, "60000.00", payees=[account()])
    complete(made.id)
    assess(made.id, "60000.00")
    finance = sign_in(Role.FINANCE)
    shown = _read(finance, f"/claims/{made.id}/pay")
    assert "Premiums owed, deducted R 300,00" in shown
    wanted = {"payment_reference": "EFT 1", "payment_date": "2026/11/20", "amount_0": "60000"}

    sent = finance.post(finance.url(f"/claims/{made.id}/pay"), data=wanted | {"then": "stay"})

    assert "R 59 700,00 paid to Sipho Dlamini, R 300,00 deducted" in _words(
        finance.get(sent.location).text
    )
    again = finance.post(
        finance.url(f"/claims/{made.id}/pay"), data=wanted | {"payment_reference": "EFT 2"}
    )
    assert again.status_code == 409
    assert "This claim is paid; nothing can be paid." in _words(again.text)
    payment = _view(session, made.id).payments[0]
    finance.post(
        finance.url(f"/claims/payments/{payment.id}/void"),
        data={"reason": "Account closed", "death_stands": "y"},
    )
    assert "Void" in _read(finance, f"/claims/{made.id}")
    sent = finance.post(
        finance.url(f"/claims/{made.id}/pay"), data=wanted | {"payment_reference": "EFT 3"}
    )
    assert sent.status_code == 303
    assert _view(session, made.id).claim.status is ClaimStatus.PAID


def test_the_assessor_is_told_not_to_pay(
    sign_in: SignIn, session: Session, policy_id: UUID
) -> None:
    made = claim(policy_id, "60000.00")
    complete(made.id)
    both = sign_in(Role.TENANT_ADMINISTRATOR)
    both.post(
        both.url(f"/claims/{made.id}/decide"),
        data={
            "version": str(_view(session, made.id).claim.version),
            "amount_0": "60000",
            "reason_0": "WITHIN_TERMS",
        },
    )

    sent = both.post(
        both.url(f"/claims/{made.id}/pay"),
        data={"payment_reference": "EFT", "payment_date": "2026/11/20", "amount_0": "60000"},
    )

    assert sent.status_code == 403
    assert "You assessed this claim, so somebody else must pay it." in _words(sent.text)
    assert not _view(session, made.id).payments


@pytest.mark.parametrize(
    ("path", "form", "shown"),
    [
        ("assign", {"user_id": ""}, "Given back to the queue"),
        (
            "payees",
            {"payee_name_0": "Palesa", "payee_share_0": "100,00", "reason": "She is the heir"},
            "Payee is Palesa, 100%",
        ),
        ("payees", {"act": "policy", "reason": "As it says"}, "Payee is Estate late"),
        ("close", {"reason": "Withdrawn"}, "Withdrawn"),
        (
            "documents/ask",
            {"document_type": "POLICE_REPORT", "reason": "Not natural"},
            "Police report asked for",
        ),
    ],
)
def test_the_work_around_a_claim_is_done_on_its_own_page(
    sign_in: SignIn, session: Session, policy_id: UUID, path: str, form: Any, shown: str
) -> None:
    made = claim(policy_id)
    manager = sign_in(Role.MANAGER)
    assert _read(manager, f"/claims/{made.id}/{path}")

    sent = manager.post(manager.url(f"/claims/{made.id}/{path}"), data=form)

    assert sent.status_code == 303, _words(sent.text)
    assert shown in _words(manager.get(sent.location).text)


def test_a_reserve_a_flag_and_a_task_are_changed_on_their_pages(
    sign_in: SignIn, session: Session, policy_id: UUID
) -> None:
    made = claim(policy_id)
    manager = sign_in(Role.MANAGER)
    item = str(_view(session, made.id).items[0].id)
    reserve = {"item_id": item, "cost_type": "EXPENSE", "amount": "2500", "reason": "Assessor"}
    manager.post(manager.url(f"/claims/{made.id}/reserve"), data=reserve)
    assert "R 2 500,00" in _read(manager, f"/claims/{made.id}")

    flag = _view(session, made.id).flags[0]
    assert "Early claim" in _read(manager, f"/claims/{made.id}")
    manager.post(manager.url(f"/claims/flags/{flag.id}/clear"), data={"note": "Seen the doctor"})
    assert "Cleared by" in _read(manager, f"/claims/{made.id}")

    manager.post(
        manager.url(f"/correspondence/claims/{made.id}/notes/new"),
        data={"kind": "TASK", "text": "Ring him"},
    )
    note = _view(session, made.id).notes[0]
    manager.post(manager.url(f"/correspondence/notes/{note.id}/done"))
    assert "done 2026/11/20" in _read(manager, f"/claims/{made.id}")


def test_a_refused_claim_is_reopened(sign_in: SignIn, session: Session, policy_id: UUID) -> None:
    made = claim(policy_id)
    complete(made.id)
    assess(made.id, "0", reason="NO_PROOF")
    assessor = sign_in(Role.CLAIMS_ASSESSOR)

    assessor.post(assessor.url(f"/claims/{made.id}/reopen"), data={"reason": "A new report"})

    assert _view(session, made.id).claim.status is ClaimStatus.UNDER_ASSESSMENT
    assert "A new report" in _read(assessor, f"/claims/{made.id}")


def test_a_recovery_is_recorded_up_to_what_was_paid(
    sign_in: SignIn, session: Session, policy_id: UUID
) -> None:
    made = claim(policy_id, "60000.00")
    complete(made.id)
    assess(made.id, "60000.00")
    pay(made.id, "60000.00")
    finance = sign_in(Role.FINANCE)
    item = str(_view(session, made.id).items[0].id)
    wanted = {"item_id": item, "amount": "60000.01", "reference": "R1", "reason": "The driver"}

    refused = finance.post(finance.url(f"/claims/{made.id}/recover"), data=wanted)
    taken = finance.post(
        finance.url(f"/claims/{made.id}/recover"), data=wanted | {"amount": "20000"}
    )

    assert refused.status_code == 409
    assert taken.status_code == 303
    assert "R 20 000,00 recovered" in _read(finance, f"/claims/{made.id}")


def test_finance_asks_to_undo_a_death_that_was_none(
    sign_in: SignIn, session: Session, policy_id: UUID
) -> None:
    made = claim(policy_id, "60000.00")
    complete(made.id)
    assess(made.id, "60000.00")
    pay(made.id, "60000.00")
    finance = sign_in(Role.FINANCE)
    path = f"/claims/{made.id}/undo-death"

    assert "as if it had never ended" in _read(finance, path)
    silent = finance.post(finance.url(path), data={"reason": ""})
    asked = finance.post(finance.url(path), data={"reason": "A namesake died"})

    assert (silent.status_code, asked.status_code) == (422, 303)
    title = session.execute(text("SELECT title FROM ins.approval_requests")).scalar_one()
    assert title.endswith(": nobody has died")


def test_every_tab_shows_its_claims_and_says_so_when_empty(
    sign_in: SignIn, session: Session
) -> None:
    assessor = sign_in(Role.CLAIMS_ASSESSOR)
    for tab in TABS:
        assert "0 shown" in _read(assessor, f"/claims?tab={tab}")
    made = seed_claims([sell(START) for _ in range(7)], TODAY)
    numbers = {}
    for tab in TABS:
        numbers[tab] = re.findall(r"CLM-2026-\d+", _read(assessor, f"/claims?tab={tab}"))

    assert len(numbers["open"]) == 2
    assert len(numbers["pending_documents"]) == 1
    assert numbers["sla_breaches"] == numbers["pending_approval"] == []
    assert len(numbers["approved"]) == 3
    assert len(numbers["paid"]) == len(numbers["rejected"]) == 1
    with clock.frozen(morning(date(2027, 1, 20))):
        late = _read(sign_in(Role.CLAIMS_ASSESSOR), "/claims?tab=sla_breaches")
    assert len(re.findall(r"CLM-\d+-\d+", late)) == 1
    assert len(made) == 7


def test_the_list_is_searched_and_paged_by_deadline(
    sign_in: SignIn, session: Session, policy_id: UUID
) -> None:
    other = sell(START)
    made = [claim(policy_id if place % 2 else other, "100.00") for place in range(27)]
    complete(made[5].id)
    assessor = sign_in(Role.CLAIMS_ASSESSOR)

    first = assessor.get(assessor.url("/claims"))
    numbers = re.findall(r">(CLM-\d+-\d+)<", first.text)
    following = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert following
    rest = assessor.get(following[1].replace("&amp;", "&"))
    numbers += re.findall(r">(CLM-\d+-\d+)<", rest.text)

    assert numbers[0] == made[5].claim_number
    assert sorted(numbers) == sorted(one.claim_number for one in made)
    found = _read(assessor, f"/claims?q={made[7].claim_number.lower()}")
    assert re.findall(r"CLM-\d+-\d+", found)[-1] == made[7].claim_number
    assert "No claim matches" in _read(assessor, "/claims?q=nobody-at-all")
    assert assessor.get(assessor.url("/claims?cursor=nonsense")).status_code == 422


def test_limits_levels_and_settings_are_changed_by_administrators_only(
    sign_in: SignIn, session: Session
) -> None:
    chief, assessor = sign_in(), sign_in(Role.CLAIMS_ASSESSOR)
    limit = {
        "version": str(limits_version(DEFAULT_LIMITS[Authority("claims_assessor", 2)])),
        "transaction_limit": "150000",
        "benefit_limit": "150000",
        "claim_limit": "150000",
    }
    level = {"user_id": str(assessor.person.id), "colleague_level": "2"}
    settings = {
        "other_days": "7",
        "payee_change_days": "21",
        "early_claim_days": "90",
        "large_loss": "500000",
        "assignment": "IN_TURN",
        "days_RISK": "5",
    }
    for path, form in (
        ("authority/limit/claims_assessor/2", limit),
        ("authority/level", level),
        ("settings", settings),
    ):
        assert assessor.post(assessor.url(f"/claims/{path}"), data=form).status_code == 403
        assert chief.post(chief.url(f"/claims/{path}"), data=form).status_code == 303, path

    session.rollback()
    assert queries.get_authority(session, assessor.person.id)[1] == 2
    found = queries.get_settings(session)
    assert (found.other_days, found.days_by_class, found.assignment) == (7, {"RISK": 5}, "IN_TURN")
    assert "Claims assessor 2 R 150 000" in _read(assessor, "/claims/authority")
    assert "5 business days" in _read(assessor, "/claims/settings")
    second = chief.post(
        chief.url("/claims/authority/limit/claims_assessor/2"), data=limit | {"claim_limit": "90"}
    )
    assert second.status_code == 409
    assert "Somebody else saved first." in _words(second.text)
    assert re.findall(r"<(?:del|ins)>([^<]*)<", second.text) == [
        "R\u00a0150\u00a0000,00",
        "R\u00a090,00",
    ]
    assert chief.get(chief.url("/claims/authority/limit/agent/9")).status_code == 404
    wrong = chief.post(chief.url("/claims/settings"), data=settings | {"other_days": "0"})
    assert wrong.status_code == 422
    assert "From 1 to 250 business days." in _words(wrong.text)


def test_the_register_is_shown_by_pages_and_each_claim_is_on_one(
    sign_in: SignIn, policy_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("insurance.blueprints.claims.reports.ROWS", 2)
    made = {claim(policy_id, "100.00").claim_number for _ in range(5)}
    auditor, seen = sign_in(Role.AUDITOR), []
    path: str | None = auditor.url("/claims/reports?status=SUBMITTED")
    while path:
        html = auditor.get(path).get_data(as_text=True)
        shown = set(re.findall(r">(CLM-[0-9-]+)</a>", html))
        assert 1 <= len(shown) <= 2
        seen += shown
        following = re.search(r'href="([^"]+)" rel="next"', html)
        path = unescape(following[1]) if following else None

    assert sorted(seen) == sorted(made)
    assert "report=register&amp;" in html
