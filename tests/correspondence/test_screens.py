"""Notes, documents, letters and messages on screen and in the API, by role and organization."""

import io
import re
from collections.abc import Callable, Iterator
from html import unescape
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from insurance.blueprints.correspondence import messages
from insurance.core import clock
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.correspondence.queries import list_documents, list_entries
from insurance.correspondence.services import send_message
from tests.factories.book import NOW, Book, make_book
from tests.factories.claims import make_claims
from tests.factories.correspondence import make_document, make_note
from tests.factories.files import pages
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.organizations import OrganizationFacts, make_organization

SignIn = Callable[..., SignedInClient]


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    """Let it be the day of the book."""
    with clock.frozen(NOW):
        yield


@pytest.fixture
def book(session: Session) -> Book:
    """Return one of everything."""
    made = make_book()
    session.rollback()
    return made


@pytest.fixture
def theirs(app: Flask) -> tuple[Book, OrganizationFacts]:
    """Return what another organization has."""
    with app.app_context():
        other = make_organization()
        with tenant_scope(other.id):
            return make_book(), other


def _read(client: SignedInClient, path: str, status: int = 200) -> str:
    answer = client.get(client.url(path))
    assert answer.status_code == status, answer.text[:2000]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def test_every_record_shows_its_notes_documents_and_messages(
    sign_in: SignIn, session: Session, book: Book
) -> None:
    claim_id = make_claims(book.policy_id)
    agent = sign_in(Role.AGENT)
    shown = {
        "customers": (book.customer_id, f"/customers/{book.customer_id}"),
        "quotes": (book.quote_id, f"/quotes/{book.quote_id}"),
        "policies": (book.policy_id, f"/policies/{book.policy_id}?tab=correspondence"),
        "claims": (claim_id, f"/claims/{claim_id}"),
    }
    for resource, (record_id, path) in shown.items():
        _read(agent, f"/correspondence/{resource}/{record_id}/notes/new")
        sent = agent.post(
            agent.url(f"/correspondence/{resource}/{record_id}/notes/new"),
            data={"text": f"About {resource}", "kind": "COMMENT"},
        )
        assert sent.status_code == 303

        assert f"About {resource}" in _read(agent, path)
        assert f"About {resource}" in _read(agent, f"/correspondence/{resource}/{record_id}")
        assert f"About {resource}" not in _read(
            agent, f"/correspondence/{resource}/{record_id}?only=message"
        )
    page = _read(agent, f"/customers/{book.customer_id}")
    assert all(f"About {resource}" in page for resource in shown)


def test_a_document_of_a_claim_is_offered_only_to_those_who_may_add_it(
    sign_in: SignIn, session: Session, book: Book
) -> None:
    claim_id = make_claims(book.policy_id)
    way = f"/correspondence/claims/{claim_id}/documents/new"
    for role, may_add in ((Role.AGENT, True), (Role.FINANCE, False)):
        client = sign_in(role)
        page = client.get(client.url(f"/claims/{claim_id}")).text

        assert (client.url(way) in page) is may_add
        added = client.get(client.url(way), follow_redirects=True)
        assert added.status_code == (200 if may_add else 403)


def test_a_note_is_corrected_pinned_and_taken_back_on_its_pages(
    sign_in: SignIn, session: Session, book: Book
) -> None:
    agent = sign_in(Role.AGENT)
    agent.post(
        agent.url(f"/correspondence/policies/{book.policy_id}/notes/new"),
        data={"text": "Pays on Friday", "kind": "COMMENT"},
    )
    tab = f"/policies/{book.policy_id}?tab=correspondence"

    def note() -> UUID:
        session.rollback()
        return list_entries(session, "policies", book.policy_id, limit=5).items[0].id

    assert "Pays on Friday" in _read(agent, f"/correspondence/notes/{note()}/correct")
    agent.post(
        agent.url(f"/correspondence/notes/{note()}/correct"), data={"text": "Pays on Monday"}
    )
    assert "Pays on Monday" in _read(agent, tab)
    assert "Corrected Pays on Friday" in _read(agent, tab)
    _read(agent, f"/correspondence/notes/{note()}/pin")
    agent.post(agent.url(f"/correspondence/notes/{note()}/pin"))
    assert "Pinned" in _read(agent, tab)
    _read(agent, f"/correspondence/notes/{note()}/withdraw")
    agent.post(agent.url(f"/correspondence/notes/{note()}/withdraw"))
    page = _read(agent, tab)
    assert "was taken back" in page
    assert "Pays on Monday" not in page


def test_an_empty_note_and_a_strange_file_are_refused_with_words(
    sign_in: SignIn, book: Book
) -> None:
    agent = sign_in(Role.AGENT)
    about = f"/correspondence/policies/{book.policy_id}"

    note = agent.post(agent.url(f"{about}/notes/new"), data={"text": " ", "kind": "COMMENT"})
    file = agent.post(
        agent.url(f"{about}/documents/new"), data={"file": (io.BytesIO(b"MZ"), "a.exe")}
    )
    message = agent.post(
        agent.url(f"{about}/messages/new"), data={"subject": "", "text": "", "document_id": "x"}
    )
    letter = agent.post(agent.url(f"{about}/letters/new"), data={"letter": "nothing"})

    assert [answer.status_code for answer in (note, file, message, letter)] == [422] * 4
    assert "Send a PDF, a JPEG or a PNG." in file.text


def test_a_document_older_than_those_offered_goes_with_a_message_from_its_own_row(
    sign_in: SignIn, session: Session, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "NEWEST", 1)
    old = make_document(book.policy_id, "Old licence")
    make_document(book.policy_id, "New licence")
    agent = sign_in(Role.AGENT)
    write = agent.url(f"/correspondence/policies/{book.policy_id}/messages/new")

    offered, of_its_row = agent.get(write).text, agent.get(f"{write}?document={old.id}").text

    assert "Old licence" not in offered
    assert "The newest 1 are here; send an older one from its own row" in offered
    assert "Old licence" in of_its_row
    assert agent.get(f"{write}?document=nonsense").status_code == 200


def test_a_document_is_added_and_saved_again(sign_in: SignIn, session: Session, book: Book) -> None:
    agent = sign_in(Role.AGENT)
    about = f"/correspondence/policies/{book.policy_id}"
    assert 'enctype="multipart/form-data"' in agent.get(agent.url(f"{about}/documents/new")).text

    sent = agent.post(
        agent.url(f"{about}/documents/new"),
        data={"title": "Licence", "file": (io.BytesIO(pages(1)), "scan.pdf")},
    )

    assert sent.status_code == 303
    (document,) = list_documents(session, "policies", book.policy_id)
    saved = agent.get(agent.url(f"/correspondence/documents/{document.id}/file"))
    assert saved.data == pages(1)
    assert saved.headers["Content-Disposition"] == "attachment; filename=scan.pdf"
    assert saved.headers["X-Content-Type-Options"] == "nosniff"


def test_documents_of_a_claim_are_added_where_they_are_reviewed(
    sign_in: SignIn, session: Session, book: Book
) -> None:
    claim_id = make_claims(book.policy_id)
    agent = sign_in(Role.AGENT)

    answer = agent.get(agent.url(f"/correspondence/claims/{claim_id}/documents/new"))

    assert answer.location.endswith(f"/claims/{claim_id}/documents/new")


def test_a_letter_is_looked_at_and_then_made_and_mailed(
    sign_in: SignIn, session: Session, book: Book
) -> None:
    agent = sign_in(Role.AGENT)
    url = agent.url(f"/correspondence/policies/{book.policy_id}/letters/new")
    assert "data:image/png;base64," in agent.get(url).text

    seen = agent.post(url, data={"letter": "statement", "act": "look"})
    assert seen.status_code == 200
    assert list_documents(session, "policies", book.policy_id) == []
    session.rollback()
    made = agent.post(url, data={"letter": "statement", "mails": "y"})

    assert made.status_code == 303
    page = _read(agent, f"/policies/{book.policy_id}?tab=correspondence")
    assert "Statement of account was made and is on its way to" in page
    assert "Letter" in page
    assert "Waiting" in page


def test_a_message_is_read_and_sent_on_its_pages(
    sign_in: SignIn, session: Session, book: Book
) -> None:
    agent, auditor = sign_in(Role.AGENT), sign_in(Role.AUDITOR)
    document = make_document(book.policy_id)
    url = agent.url(f"/correspondence/policies/{book.policy_id}/messages/new")
    assert f'selected value="{document.id}"' in agent.get(f"{url}?document={document.id}").text

    agent.post(
        url, data={"subject": "Your licence", "text": "Here it is.", "document_id": document.id}
    )

    session.rollback()
    mail_id = list_entries(session, "policies", book.policy_id, limit=1).items[0].id
    assert "Here it is." in _read(auditor, f"/correspondence/messages/{mail_id}")
    assert "on its way already" in _read(agent, f"/correspondence/messages/{mail_id}/send-again")


def test_an_auditor_reads_all_of_it_and_writes_nothing(sign_in: SignIn, book: Book) -> None:
    auditor = sign_in(Role.AUDITOR)
    note, document = make_note(book.policy_id), make_document(book.policy_id)
    about = f"/correspondence/policies/{book.policy_id}"

    assert "Palesa rang" in _read(auditor, f"/policies/{book.policy_id}?tab=correspondence")
    assert (
        auditor.get(auditor.url(f"/correspondence/documents/{document.id}/file")).status_code == 200
    )
    for path in (
        f"{about}/notes/new",
        f"{about}/documents/new",
        f"{about}/letters/new",
        f"{about}/messages/new",
        f"/correspondence/notes/{note.id}/pin",
        f"/correspondence/notes/{note.id}/withdraw",
    ):
        assert auditor.get(auditor.url(path)).status_code == 403, path
        assert auditor.post(auditor.url(path)).status_code == 403, path


def test_what_another_organization_wrote_is_not_there(
    app: Flask,
    sign_in: SignIn,
    api: Callable[..., TestClient],
    book: Book,
    theirs: tuple[Book, OrganizationFacts],
) -> None:
    other, organization = theirs
    with app.app_context(), tenant_scope(organization.id):
        note, document = make_note(other.policy_id), make_document(other.policy_id)
        mail_id = send_message("policies", other.policy_id, subject="Secret", text="Secret")
    manager, client = sign_in(Role.MANAGER), api()
    for resource, record_id in (
        ("policies", other.policy_id),
        ("customers", other.customer_id),
        ("quotes", other.quote_id),
        ("nothing", book.policy_id),
    ):
        about = f"/correspondence/{resource}/{record_id}"
        for path in (about, f"{about}/notes/new", f"{about}/letters/new", f"{about}/messages/new"):
            assert manager.get(manager.url(path)).status_code == 404, path
        written = manager.post(
            manager.url(f"{about}/notes/new"), data={"text": "x", "kind": "COMMENT"}
        )
        assert written.status_code == 404
    for path in (
        f"/correspondence/notes/{note.id}/pin",
        f"/correspondence/documents/{document.id}/file",
        f"/correspondence/messages/{mail_id}",
    ):
        assert manager.get(manager.url(path)).status_code == 404, path
    assert client.get(f"/api/v1/policies/{other.policy_id}/notes").status_code == 404
    assert client.get(f"/api/v1/record-documents/{document.id}/file").status_code == 404
    attached = client.post(
        f"/api/v1/policies/{book.policy_id}/messages",
        json={"subject": "x", "text": "y", "document_id": str(document.id)},
    )
    assert attached.status_code == 404


def test_the_api_writes_and_lists_what_the_screen_does(
    api: Callable[..., TestClient], session: Session, book: Book
) -> None:
    client, policy = api(), f"/api/v1/policies/{book.policy_id}"

    note = client.post(
        f"{policy}/notes", json={"text": "Rang", "kind": "TASK", "due_on": "2026-12-01"}
    )
    assert note.status_code == 201
    done = client.put(f"/api/v1/notes/{note.json['id']}/done")
    pinned = client.put(f"/api/v1/notes/{note.json['id']}/pin", json={"is_pinned": True})
    assert done.json["done_at"]
    assert pinned.json["pinned_at"]
    corrected = client.put(f"/api/v1/notes/{note.json['id']}", json={"text": "Rang twice"})
    assert corrected.json["corrects_id"] == note.json["id"]
    gone = client.put(f"/api/v1/notes/{corrected.json['id']}/withdraw")
    assert gone.json["text"] is None

    sent = client.post(
        f"{policy}/documents",
        data={"title": "Licence", "file": (io.BytesIO(pages(1)), "licence.pdf")},
    )
    letter = client.post(f"{policy}/letters", json={"letter": "confirmation", "mails": True})
    message = client.post(
        f"{policy}/messages",
        json={"subject": "Hello", "text": "You are covered.", "document_id": letter.json["id"]},
    )

    assert [answer.status_code for answer in (sent, letter, message)] == [201] * 3
    assert {one["title"] for one in client.get(f"{policy}/documents").json} == {
        "Licence",
        "Confirmation of cover",
    }
    listed = client.get(f"{policy}/messages?limit=1")
    assert listed.json[0]["subject"] == "Hello"
    assert 'rel="next"' in listed.headers["Link"]
    again = client.put(f"/api/v1/messages/{message.json['id']}/send-again")
    assert again.status_code == 409


def test_words_that_were_taken_back_are_read_on_no_screen(
    sign_in: SignIn, session: Session, book: Book
) -> None:
    agent, colleague = sign_in(Role.AGENT), sign_in(Role.MANAGER)
    at = f"/correspondence/policies/{book.policy_id}"
    agent.post(agent.url(f"{at}/notes/new"), data={"text": "Blames Sipho", "kind": "TASK"})
    (note,) = list_entries(session, "policies", book.policy_id, limit=2).items
    session.rollback()
    corrected = agent.post(
        agent.url(f"/correspondence/notes/{note.id}/correct"), data={"text": "Blames Thabo"}
    )
    (stands,) = list_entries(session, "policies", book.policy_id, limit=2).items
    session.rollback()
    gone = agent.post(agent.url(f"/correspondence/notes/{stands.id}/withdraw"))
    assert (corrected.status_code, gone.status_code) == (303, 303)

    for note_id in (note.id, stands.id):
        for act in ("correct", "withdraw", "pin", "done"):
            shown = _read(colleague, f"/correspondence/notes/{note_id}/{act}")
            assert "corrected or taken back already" in shown
            page = colleague.get(colleague.url(f"/correspondence/notes/{note_id}/{act}")).text
            assert "Blames" not in page
