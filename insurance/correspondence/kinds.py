"""The kinds of record that notes, documents, letters and messages are kept with.

An area describes its own in `record_kind.py`, found in its folder.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.core.errors import NotFoundError
from insurance.core.permissions import Permission
from insurance.correspondence.models import Note, NoteKind


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """A record as its correspondence names it: number, whom it concerns, and who is written to."""

    number: str
    customer_id: UUID
    name: str
    email: str | None


@dataclass(frozen=True, slots=True)
class Paper:
    """What a letter says: a template of `documents/` and the values of its places."""

    template: str
    values: Mapping[str, Any]


class WriteLetter(Protocol):
    """Return what a letter about a record says. Raises ConflictError where there is nothing to say.

    `wording` is what somebody wrote for this letter, in paragraphs.
    """

    def __call__(self, session: Session, record_id: UUID, on: date, wording: str, /) -> Paper: ...


@dataclass(frozen=True, slots=True)
class LetterTemplate:
    """A letter that can be made of a record; one that `asks_words` is nothing without them."""

    code: str
    title: str
    write: WriteLetter
    asks_words: bool = False


class AddNote(Protocol):
    """Add a note to a record as a command of its area."""

    def __call__(
        self,
        record_id: UUID,
        /,
        *,
        kind: NoteKind,
        text: str,
        due_on: date | None,
        on: date,
        now: datetime,
    ) -> Note: ...


class FinishTask(Protocol):
    """Mark a task of a record as done, as a command of its area."""

    def __call__(self, note_id: UUID, /, *, on: date, now: datetime) -> Note: ...


class FindMailValues(Protocol):
    """Return what mails say of the record with a number, or None where there is none."""

    def __call__(self, session: Session, number: str, /) -> Mapping[str, str] | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKind:
    """A kind of record: how it is called, who sees it, and what its letters are.

    `find` raises NotFoundError where there is no such record. An area that keeps a history of its
    own of notes has commands of its own for them; one whose documents are reviewed has its own
    screen for adding them, `document_endpoint`, for whoever `may_add_document`. One whose mails can
    be tried on a record of its own says with `find_mail_values` what they would say.
    """

    resource: str
    name: str
    id_name: str
    endpoint: str
    may_view: Permission
    find: Callable[[Session, UUID], RecordFacts]
    letters: Sequence[LetterTemplate] = ()
    note_kinds: Mapping[NoteKind, str] = field(
        default_factory=lambda: {NoteKind.COMMENT: "Note", NoteKind.TASK: "Task"}
    )
    document_endpoint: str = ""
    may_add_document: Permission | None = None
    add_note: AddNote | None = None
    finish_task: FinishTask | None = None
    find_mail_values: FindMailValues | None = None

    def letter(self, code: str) -> LetterTemplate:
        """Return a letter by its code. Raises NotFoundError."""
        for template in self.letters:
            if template.code == code:
                return template
        raise NotFoundError("There is no such letter.")


_kinds: dict[str, RecordKind] = {}


def register(kind: RecordKind) -> RecordKind:
    """Make a kind of record known, once, and return it."""
    if _kinds.setdefault(kind.resource, kind) != kind:
        raise ValueError(f"{kind.resource} is registered already.")
    return kind


def kind_of(resource: str) -> RecordKind:
    """Return a kind of record. Raises NotFoundError for one that has no correspondence."""
    if resource not in _kinds:
        raise NotFoundError
    return _kinds[resource]


def record_kinds() -> Sequence[RecordKind]:
    """Return every kind of record, by name."""
    return sorted(_kinds.values(), key=lambda kind: kind.resource)
