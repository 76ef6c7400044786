"""Servicing a policy on screen: paying, taking back, changing, undoing."""

import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from pypdf import PdfReader
from sqlalchemy.orm import Session

from insurance.billing.queries import list_premium_lines, list_receipts
from insurance.core import clock
from insurance.core.permissions import Role
from insurance.policies import queries
from insurance.policies.services import accept_quote
from tests.factories.book import NOW, TODAY, make_customer, make_product, make_quote
from tests.factories.identity import SignedInClient

SignIn = Callable[..., SignedInClient]


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy of 100.00 a month that began on 1 November; today is the 20th."""
    quote_id = make_quote(make_product(), make_customer())
    began = date(2026, 11, 1)
    return accept_quote(quote_id, effective_date=began, on=TODAY, now=NOW).policy.id


@pytest.fixture(autouse=True)
def today() -> object:
    """Let it be the 20th of November."""
    with clock.frozen(NOW):
        yield


def test_the_policy_page_offers_what_the_role_may_do(sign_in: SignIn, policy_id: UUID) -> None:
    finance = sign_in(Role.FINANCE).get(f"/{sign_in().org.slug}/policies/{policy_id}")
    assert "Record payment" in finance.text
    assert "change-menu" not in finance.text

    auditor = sign_in(Role.AUDITOR).get(f"/{sign_in().org.slug}/policies/{policy_id}")
    assert "Record payment" not in auditor.text

    manager = sign_in(Role.MANAGER).get(f"/{sign_in().org.slug}/policies/{policy_id}")
    assert "change-menu" in manager.text
    assert "status-menu" in manager.text


def test_the_schedule_is_a_pdf_named_after_the_policy(
    sign_in: SignIn, session: Session, policy_id: UUID
) -> None:
    agent = sign_in(Role.AGENT)
    number = queries.get_policy(session, policy_id).policy_number
    session.rollback()

    sent = agent.get(agent.url(f"/policies/{policy_id}/schedule.pdf"))

    assert sent.headers["Content-Disposition"] == f'attachment; filename="{number}.pdf"'
    assert number in PdfReader(io.BytesIO(sent.data)).pages[0].extract_text()


def test_a_payment_is_proposed_with_what_is_owed_and_recorded_once(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    client = sign_in(Role.FINANCE)
    page = client.get(client.url(f"/policies/{policy_id}/pay"))
    assert 'value="100,00"' in page.text.replace("\u00a0", " ")

    form = {
        "line_id": "",
        "amount": "100,00",
        "payment_date": "2026/11/20",
        "payment_reference": "EFT 7",
    }
    first = client.post(client.url(f"/policies/{policy_id}/pay"), data=form)
    again = client.post(client.url(f"/policies/{policy_id}/pay"), data=form)
    same = client.post(
        client.url(f"/policies/{policy_id}/pay"), data=form | {"is_another_payment": "same"}
    )

    assert (first.status_code, again.status_code, same.status_code) == (303, 409, 303)
    assert "the same payment or another" in again.text
    assert len(list_receipts(session, policy_id)) == 1
    shown = client.get(client.url(f"/policies/{policy_id}?tab=premiums"))
    assert "EFT 7" in shown.text


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("amount", "1e9", "Enter an amount"),
        ("amount", "0", "more than nothing"),
        ("payment_date", "2026/02/30", "date"),
        ("payment_date", "2026/11/21", "in the future"),
        ("payment_reference", "", "Enter the reference."),
    ],
)
def test_a_payment_that_cannot_be_is_refused_at_its_field(
    field: str, typed: str, words: str, sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    client = sign_in(Role.FINANCE)
    good = {
        "line_id": "",
        "amount": "100,00",
        "payment_date": "2026/11/20",
        "payment_reference": "EFT 7",
    }

    refused = client.post(client.url(f"/policies/{policy_id}/pay"), data=good | {field: typed})

    assert refused.status_code == 422
    assert words in refused.text
    assert list_receipts(session, policy_id) == []


def test_a_payment_is_reversed_with_the_banks_code(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    client = sign_in(Role.FINANCE)
    form = {
        "line_id": "",
        "amount": "100,00",
        "payment_date": "2026/11/20",
        "payment_reference": "EFT 7",
    }
    client.post(client.url(f"/policies/{policy_id}/pay"), data=form)
    line_id = list_premium_lines(session, policy_id)[0].id
    session.rollback()
    path = client.url(f"/policies/{policy_id}/premiums/{line_id}/reverse")
    assert "EFT 7" in client.get(path).text

    receipt_id = list_receipts(session, policy_id)[0].id
    session.rollback()

    done = client.post(path, data={"receipt_id": str(receipt_id), "reason_code": "02"})

    assert done.status_code == 303
    assert list_receipts(session, policy_id)[0].status == "REVERSED"


def test_a_change_shows_its_effect_before_it_is_issued_and_can_be_undone(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    client = sign_in(Role.MANAGER)
    path = client.url(f"/policies/{policy_id}/endorse/due-day")
    typed = {"due_day": "25", "reason": "Salary day"}

    looked = client.post(path, data=typed | {"act": "look"})
    assert "Next debits: 2026/12/01" in looked.text
    assert _due_days(session, policy_id) == {1}

    issued = client.post(path, data=typed | {"act": "issue"})

    assert issued.status_code == 303
    assert _due_days(session, policy_id) == {1, 25}
    (endorsement,) = queries.list_endorsements(session, policy_id)
    session.rollback()
    tab = client.get(client.url(f"/policies/{policy_id}?tab=endorsements"))
    assert "Undo" in tab.text
    undo = client.url(f"/policies/{policy_id}/endorsements/{endorsement.id}/undo")
    assert client.post(undo).status_code == 303
    assert _due_days(session, policy_id) == {1}


def _due_days(session: Session, policy_id: UUID) -> set[int]:
    session.expire_all()
    found = {one.due_date.day for one in list_premium_lines(session, policy_id)}
    session.rollback()
    return found


def test_a_draft_waits_until_somebody_issues_it(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    client = sign_in(Role.MANAGER)
    path = client.url(f"/policies/{policy_id}/endorse/due-day")
    client.post(path, data={"due_day": "25", "act": "draft"})
    (draft,) = queries.list_endorsements(session, policy_id)
    session.rollback()

    client.post(client.url(f"/policies/{policy_id}/endorsements/{draft.id}/issue"))

    assert 25 in _due_days(session, policy_id)


def test_beneficiaries_are_entered_in_rows(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    client = sign_in(Role.MANAGER)
    path = client.url(f"/policies/{policy_id}/endorse/beneficiaries")
    row = {"kind-0": "PRIMARY", "first_name-0": "Thabo", "last_name-0": "Dlamini", "share-0": "60"}
    short = client.post(path, data=row | {"act": "issue"})
    assert short.status_code == 422
    assert "they must be 100.00" in short.text
    assert 'value="Thabo"' in short.text, "what was typed is kept"

    other = {"first_name-1": "Nandi", "last_name-1": "Dlamini", "share-1": "40,00"}
    assert client.post(path, data=row | other | {"act": "issue"}).status_code == 303

    found = [(one.first_name, one.share) for one in queries.list_beneficiaries(session, policy_id)]
    assert found == [("Thabo", Decimal("60.00")), ("Nandi", Decimal("40.00"))]


@pytest.mark.parametrize(
    "kind",
    [
        "cover",
        "add-member",
        "remove-member",
        "beneficiaries",
        "due-day",
        "frequency",
        "bank",
        "details",
    ],
)
def test_every_kind_of_change_has_a_page_and_refuses_an_empty_form(
    kind: str, sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    client = sign_in(Role.MANAGER)
    path = client.url(f"/policies/{policy_id}/endorse/{kind}")

    assert client.get(path).status_code == 200
    refused = client.post(path, data={"act": "issue", "effective_date": "2026/11/20"})

    assert refused.status_code in (409, 422), refused.text[:300]
    assert queries.list_endorsements(session, policy_id) == []


def test_a_kind_of_change_that_does_not_exist_is_not_found(
    sign_in: SignIn, policy_id: UUID
) -> None:
    client = sign_in(Role.MANAGER)

    assert client.get(client.url(f"/policies/{policy_id}/endorse/everything")).status_code == 404


def test_two_versions_are_chosen_and_compared(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    client = sign_in(Role.MANAGER)
    path = client.url(f"/policies/{policy_id}/endorse/due-day")
    client.post(path, data={"due_day": "25", "act": "issue"})

    chosen = client.get(client.url(f"/policies/{policy_id}/versions?version=2&version=1"))
    assert chosen.status_code == 303
    compared = client.get(chosen.headers["Location"])
    assert "Policy due day" in compared.text
    one = client.get(client.url(f"/policies/{policy_id}/versions?version=1"))
    assert one.status_code == 404
