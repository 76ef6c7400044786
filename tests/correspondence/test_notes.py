"""Notes of a record: written, corrected, taken back, pinned, done; sealed, and seen by who may."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.audit_logs.queries import list_resource_events
from insurance.core.context import Actor, acting_as, current_actor
from insurance.core.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from insurance.core.sealed import is_sealed
from insurance.correspondence.models import Note, NoteKind
from insurance.correspondence.queries import What, list_customer_entries, list_entries
from insurance.correspondence.services import (
    add_note,
    correct_note,
    finish_task,
    pin_note,
    withdraw_note,
)
from insurance.organizations.key_rotation import rotate_keys
from tests.factories.book import NOW, TODAY, Book, make_book
from tests.factories.correspondence import make_note


@pytest.fixture
def book(session: Session) -> Book:
    """Return one of everything."""
    made = make_book()
    session.rollback()
    return made


def _texts(session: Session, policy_id: UUID) -> list[str]:
    entries = list_entries(session, "policies", policy_id, limit=20, only=What.NOTE).items
    return [entry.item.text for entry in entries]


def test_a_note_is_read_newest_first_and_kept_encrypted(session: Session, book: Book) -> None:
    make_note(book.policy_id, "Rang about the arrears")
    make_note(book.policy_id, "Pays on Friday")

    assert _texts(session, book.policy_id) == ["Pays on Friday", "Rang about the arrears"]
    kept = session.execute(text("SELECT sealed_text FROM ins.notes")).scalars().all()
    assert not any("arrears" in words or "Friday" in words for words in kept)


def test_notes_from_before_they_were_encrypted_are_encrypted_in_batches_and_once(
    session: Session, book: Book
) -> None:
    for number in range(3):
        make_note(book.policy_id, f"Old words {number}")
    session.execute(text("UPDATE ins.notes SET sealed_text = 'Old words, plain'"))
    session.commit()
    make_note(book.policy_id, "New words")

    first, second = rotate_keys(batch=2), rotate_keys(batch=2)

    assert (first, second) == ({"notes.sealed_text": 3}, {})
    kept = session.scalars(text("SELECT sealed_text FROM ins.notes")).all()
    assert all(is_sealed(words) for words in kept)
    session.rollback()
    assert _texts(session, book.policy_id) == ["New words", *["Old words, plain"] * 3]


def test_what_is_noted_stays_out_of_the_audit_log(session: Session, book: Book) -> None:
    note = make_note(book.policy_id, "Rang about her illness")

    (event, *_others) = list_resource_events(session, "policies", book.policy_id)
    assert (event.action, event.after["note_id"]) == ("notes.add", str(note.id))
    assert "illness" not in str(event.after)


def test_a_correction_takes_the_place_of_a_note_and_keeps_what_it_said(
    session: Session, book: Book
) -> None:
    note = make_note(book.policy_id, "Pays on Friday")

    correct_note(note.id, text="Pays on Monday", now=NOW + timedelta(hours=23))

    (entry,) = list_entries(session, "policies", book.policy_id, limit=20).items
    assert (entry.item.text, entry.earlier) == ("Pays on Monday", "Pays on Friday")
    with pytest.raises(ConflictError, match="corrected or taken back already"):
        correct_note(note.id, text="Pays on Tuesday", now=NOW)


@pytest.mark.parametrize("change", ["correct", "withdraw"])
def test_a_note_stays_as_it_is_after_a_day_and_for_everybody_but_its_author(
    book: Book, change: str
) -> None:
    note = make_note(book.policy_id)

    def change_it(hours: int) -> Note:
        now = NOW + timedelta(hours=hours)
        if change == "correct":
            return correct_note(note.id, text="Something else", now=now)
        return withdraw_note(note.id, now=now)

    with pytest.raises(ConflictError, match="a day old"):
        change_it(24)
    somebody = Actor(**{**_as_dict(current_actor()), "email": "somebody.else@example.org"})
    with acting_as(somebody), pytest.raises(ForbiddenError, match="Only who wrote"):
        change_it(1)
    assert change_it(1)


def _as_dict(actor: Actor) -> dict[str, object]:
    return {name: getattr(actor, name) for name in actor.__dataclass_fields__}


def test_a_note_taken_back_says_no_more_than_that_it_was_there(
    session: Session, book: Book
) -> None:
    note = make_note(book.policy_id, "Written on the wrong policy")

    withdraw_note(note.id, now=NOW)

    (entry,) = list_entries(session, "policies", book.policy_id, limit=20).items
    assert entry.item.withdrawn_at == NOW
    with pytest.raises(ConflictError):
        pin_note(note.id, is_pinned=True, now=NOW)


def test_a_pinned_note_heads_the_first_page_and_stands_on_no_other(
    session: Session, book: Book
) -> None:
    pinned = make_note(book.policy_id, "Speaks isiZulu only")
    others = [make_note(book.policy_id, f"Call {number}") for number in range(3)]
    pin_note(pinned.id, is_pinned=True, now=NOW)

    first = list_entries(session, "policies", book.policy_id, limit=2)
    rest = list_entries(session, "policies", book.policy_id, limit=2, after=others[1].id)

    assert [entry.item.text for entry in first.items] == ["Speaks isiZulu only", "Call 2", "Call 1"]
    assert first.next_cursor is not None
    assert [entry.item.text for entry in rest.items] == ["Call 0"]


def test_a_task_is_done_once_and_a_note_never(session: Session, book: Book) -> None:
    task = add_note(
        "policies",
        book.policy_id,
        kind=NoteKind.TASK,
        text="Ring back",
        due_on=TODAY,
        on=TODAY,
        now=NOW,
    )
    note = make_note(book.policy_id)

    assert finish_task(task.id, on=TODAY, now=NOW).done_at == NOW

    for note_id in (task.id, note.id):
        with pytest.raises(ConflictError, match="no task"):
            finish_task(note_id, on=TODAY, now=NOW)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"text": "   "}, "text"),
        ({"text": "x" * 4001}, "text"),
        ({"due_on": TODAY}, "due_on"),
        ({"kind": NoteKind.CLAIMANT}, "kind"),
    ],
)
def test_a_note_that_says_nothing_or_is_of_no_such_kind_is_refused(
    book: Book, changes: dict[str, object], field: str
) -> None:
    values = {"kind": NoteKind.COMMENT, "text": "Rang", "due_on": None} | changes

    with pytest.raises(DomainError) as refusal:
        add_note("policies", book.policy_id, on=TODAY, now=NOW, **values)  # type: ignore[arg-type]

    assert refusal.value.field == field


def test_there_is_nothing_to_note_about_a_record_that_is_not_there(book: Book) -> None:
    for resource in ("customers", "quotes", "policies", "claims"):
        with pytest.raises(NotFoundError):
            add_note(resource, uuid4(), kind=NoteKind.COMMENT, text="x", on=TODAY, now=NOW)
    with pytest.raises(NotFoundError):
        add_note("products", book.product_id, kind=NoteKind.COMMENT, text="x", on=TODAY, now=NOW)


def test_a_customer_s_contacts_are_those_of_their_policies_too(
    session: Session, book: Book
) -> None:
    make_note(book.policy_id, "About the policy")
    add_note(
        "customers", book.customer_id, kind=NoteKind.COMMENT, text="About her", on=TODAY, now=NOW
    )

    def texts(*seen: str) -> list[str]:
        page = list_customer_entries(session, book.customer_id, seen=seen, limit=9, only=What.NOTE)
        return [entry.item.text for entry in page.items]

    assert texts("customers", "policies") == ["About her", "About the policy"]
    assert texts("customers") == ["About her"]
