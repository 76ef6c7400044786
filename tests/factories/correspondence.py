"""Something written about a record, for tests."""

from uuid import UUID

from insurance.correspondence.models import Note, NoteKind, RecordDocument
from insurance.correspondence.services import add_document, add_note
from tests.factories.book import NOW, TODAY
from tests.factories.files import pages


def make_note(
    policy_id: UUID, text: str = "Palesa rang", *, kind: NoteKind = NoteKind.COMMENT
) -> Note:
    """Return a note on a policy, written on the day of the book."""
    return add_note("policies", policy_id, kind=kind, text=text, on=TODAY, now=NOW)


def make_document(policy_id: UUID, title: str = "Palesa's licence") -> RecordDocument:
    """Return a document of a policy."""
    return add_document(
        "policies", policy_id, title=title, name="licence.pdf", content=pages(1), now=NOW
    )


def make_correspondence(policy_id: UUID) -> None:
    """Write a note and keep a document."""
    make_note(policy_id)
    make_document(policy_id)
