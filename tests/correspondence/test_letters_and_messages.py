"""Documents of a record, letters made of it, and messages to whom it concerns."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, NotFoundError
from insurance.core.files import read_file
from insurance.correspondence.kinds import kind_of, record_kinds
from insurance.correspondence.queries import What, list_documents, list_entries
from insurance.correspondence.services import (
    add_document,
    draw_letter,
    make_letter,
    read_document,
    send_again,
    send_message,
)
from insurance.customers.models import Customer
from insurance.notifications.models import Mail
from insurance.policies.services import suspend_policy
from insurance.quotes.models import Quote
from insurance.quotes.services import mail_quote
from tests.factories.book import NOW, TODAY, Book, make_book, make_customer
from tests.factories.claims import make_claims
from tests.factories.correspondence import make_document
from tests.factories.files import pages
from tests.factories.lifecycle import sell


@pytest.fixture
def book(session: Session) -> Book:
    """Return one of everything."""
    made = make_book()
    session.rollback()
    return made


def _mails(session: Session, resource: str, record_id: UUID) -> list[Mail]:
    found = list_entries(session, resource, record_id, limit=20, only=What.MESSAGE)
    return [entry.item for entry in found.items]


def _sent(mail_id: UUID, **columns: object) -> None:
    with transaction() as session:
        session.execute(update(Mail).where(Mail.id == mail_id).values(sent_at=NOW, **columns))


def test_a_document_is_kept_with_its_record_and_looks_are_audited(
    session: Session, book: Book
) -> None:
    kept = make_document(book.policy_id, "Licence of Palesa")

    document, content = read_document(kept.id)

    assert (document.title, document.file_name) == ("Licence of Palesa", "licence.pdf")
    assert content == pages(1)
    assert [one.id for one in list_documents(session, "policies", book.policy_id)] == [kept.id]
    assert list_documents(session, "quotes", book.quote_id) == []


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh", b"GIF89a", b"<svg/>"])
def test_a_file_that_is_no_paper_is_refused(book: Book, content: bytes) -> None:
    with pytest.raises(DomainError) as refusal:
        add_document("policies", book.policy_id, title="", name="x.pdf", content=content, now=NOW)

    assert refusal.value.field == "file"


@pytest.mark.parametrize("letter", ["schedule", "confirmation", "statement", "own-words"])
def test_every_letter_of_a_policy_is_seen_and_then_kept(
    session: Session, book: Book, letter: str
) -> None:
    wording = "Good news\nYour premium stays as it is."

    seen = draw_letter("policies", book.policy_id, letter, wording=wording, on=TODAY)
    assert list_documents(session, "policies", book.policy_id) == []
    kept = make_letter("policies", book.policy_id, letter, wording=wording, on=TODAY, now=NOW)

    assert seen[0].startswith(b"\x89PNG")
    assert (kept.source, kept.letter) == ("LETTER", letter)
    assert read_file(kept.file_key).startswith(b"%PDF-")


def test_every_kind_of_record_has_letters_that_can_be_made(session: Session) -> None:
    policy_id = sell(TODAY - timedelta(days=20))
    claim_id = make_claims(policy_id)
    facts = kind_of("policies").find(session, policy_id)
    quote = session.scalars(select(Quote).where(Quote.customer_id == facts.customer_id)).first()
    assert quote is not None
    records = {
        "customers": facts.customer_id,
        "quotes": quote.id,
        "policies": policy_id,
        "claims": claim_id,
    }

    made = {
        (kind.resource, letter.code)
        for kind in record_kinds()
        for letter in kind.letters
        if letter.code != "repudiation"
        and draw_letter(
            kind.resource, records[kind.resource], letter.code, wording="Hello", on=TODAY
        )
    }

    assert made >= {("claims", "outcome"), ("quotes", "quote"), ("customers", "own-words")}


def test_a_letter_of_one_s_own_words_needs_words(book: Book) -> None:
    with pytest.raises(DomainError) as refusal:
        make_letter("policies", book.policy_id, "own-words", on=TODAY, now=NOW)

    assert refusal.value.field == "wording"


def test_a_letter_that_there_is_not_is_refused(book: Book) -> None:
    with pytest.raises(NotFoundError):
        make_letter("policies", book.policy_id, "repudiation", on=TODAY, now=NOW)


def test_a_letter_is_mailed_with_its_file_and_again_after_it_left(
    session: Session, book: Book
) -> None:
    kept = make_letter("policies", book.policy_id, "statement", mails=True, on=TODAY, now=NOW)

    (mail, *_before) = _mails(session, "policies", book.policy_id)
    assert (mail.document_id, mail.attachment_name) == (kept.id, kept.file_name)
    with pytest.raises(ConflictError, match="on its way already"):
        send_again(mail.id)
    _sent(mail.id, attachment=None)

    again = send_again(mail.id)

    session.expire_all()
    copy = session.scalars(select(Mail).where(Mail.id == again)).one()
    assert copy.subject == mail.subject
    assert copy.attachment == read_file(kept.file_key)


def test_a_mail_whose_file_was_not_kept_is_not_sent_again_without_it(
    session: Session, book: Book
) -> None:
    mail_id = send_message("policies", book.policy_id, subject="Hello", text="Words")
    _sent(mail_id, attachment_name="lost.pdf", attachment=None)

    with pytest.raises(ConflictError, match="was not kept"):
        send_again(mail_id)


def test_a_mail_to_a_former_holder_is_not_sent_again_to_who_holds_the_policy_now(
    session: Session, book: Book
) -> None:
    mail_id = send_message("policies", book.policy_id, subject="Hello", text="Words")
    former = make_customer(77, first_name="Former", last_name="Holder")
    _sent(mail_id, customer_id=former, recipient="former@example.org")

    again = send_again(mail_id)

    session.expire_all()
    assert session.scalars(select(Mail.recipient).where(Mail.id == again)).one() == (
        "former@example.org"
    )


def test_a_failed_mail_is_tried_again_itself(session: Session, book: Book) -> None:
    mail_id = send_message("policies", book.policy_id, subject="Hello", text="Words")
    with transaction() as writing:
        writing.execute(update(Mail).where(Mail.id == mail_id).values(failed_at=NOW))

    assert send_again(mail_id) == mail_id


def test_a_message_goes_to_whom_the_record_concerns_with_a_document_of_it(
    session: Session, book: Book
) -> None:
    kept = make_document(book.policy_id)

    send_message(
        "policies", book.policy_id, subject="Your licence", text="Here it is.", document_id=kept.id
    )

    (mail, *_others) = _mails(session, "policies", book.policy_id)
    customer = session.scalars(select(Customer).where(Customer.id == book.customer_id)).one()
    assert (mail.recipient, mail.subject) == (customer.email, "Your licence")
    with pytest.raises(DomainError, match="of this record"):
        send_message("quotes", book.quote_id, subject="x", text="y", document_id=kept.id)


def test_nobody_without_an_address_is_written_to(session: Session, book: Book) -> None:
    with transaction() as writing:
        writing.execute(update(Customer).values(email=None).where(Customer.id == book.customer_id))

    with pytest.raises(DomainError, match="no e-mail address"):
        send_message("policies", book.policy_id, subject="x", text="y")
    with pytest.raises(DomainError) as refusal:
        make_letter("policies", book.policy_id, "schedule", mails=True, on=TODAY, now=NOW)
    assert refusal.value.field == "mails"
    assert list_documents(session, "policies", book.policy_id) == []


def test_mails_of_policies_quotes_and_claims_stand_with_their_record(session: Session) -> None:
    book = make_book()
    suspend_policy(book.policy_id, reason="Asked for", on=TODAY, now=NOW)
    quote_id = book.quote_id
    mail_quote(quote_id, on=TODAY, now=NOW)
    session.rollback()

    (suspended, *_more) = _mails(session, "policies", book.policy_id)
    assert suspended.kind == "policy_suspended"
    (quoted,) = _mails(session, "quotes", quote_id)
    (paper,) = list_documents(session, "quotes", quote_id)
    assert (quoted.kind, quoted.document_id) == ("quote", paper.id)
    assert quoted.customer_id == book.customer_id
