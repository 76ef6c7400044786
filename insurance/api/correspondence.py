"""Notes, documents, letters and messages of customers, quotes, policies and claims in the API."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from flask import Response
from pydantic import Field, StrictBool

import insurance.record_kinds  # noqa: F401 - every kind of record has endpoints
from insurance.api.edge import Answer, Body, ListQuery, Reply, Sent, endpoint, listing
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import ForbiddenError
from insurance.core.paging import Page, decode_cursor
from insurance.correspondence import queries, services
from insurance.correspondence.kinds import RecordKind, record_kinds
from insurance.correspondence.models import DocumentSource, NoteKind
from insurance.correspondence.permissions import CorrespondenceMay
from insurance.correspondence.queries import What
from insurance.correspondence.rules import LONGEST_NOTE
from insurance.notifications.models import MailState
from insurance.web.business import business_day
from insurance.web.documents import send_record_document
from insurance.web.parsing import Day, Words

TAG = "Correspondence"
Text = Annotated[Words, Field(min_length=1, max_length=LONGEST_NOTE)]


class NoteBody(Body):
    """A note, or a task that is due on a day."""

    kind: NoteKind = NoteKind.COMMENT
    text: Text
    due_on: Day | None = None


class NoteTextBody(Body):
    """What a note says instead."""

    text: Text


class PinBody(Body):
    """Whether a note stays at the head of its record."""

    is_pinned: StrictBool


class RecordDocumentBody(Body):
    """What the file is; its name, unless something is said."""

    title: Annotated[Words, Field(max_length=120)] = ""


class RecordLetterBody(Body):
    """Which letter, what it says beside its own words, and whether it is mailed."""

    letter: Annotated[Words, Field(min_length=1, max_length=40)]
    wording: Annotated[Words, Field(max_length=LONGEST_NOTE)] = ""
    mails: StrictBool = False


class MessageBody(Body):
    """What is written, and which document of the record goes with it."""

    subject: Annotated[Words, Field(min_length=1, max_length=150)]
    text: Text
    document_id: UUID | None = None


class NoteAnswer(Answer):
    """A note of a record. One that was taken back has no words any more."""

    id: UUID
    resource: str
    resource_id: UUID
    kind: NoteKind
    text: str | None
    due_on: Day | None
    done_at: datetime | None
    created_at: datetime
    created_by: str
    pinned_at: datetime | None
    corrects_id: UUID | None
    withdrawn_at: datetime | None


class RecordDocumentAnswer(Answer):
    """A file that is kept with a record; a letter of ours has its code as `letter`."""

    id: UUID
    resource: str
    resource_id: UUID
    source: DocumentSource
    title: str
    letter: str | None
    file_name: str
    content_type: str
    size: int
    sha256: str
    created_at: datetime
    created_by: str


class MessageAnswer(Answer):
    """A mail about a record and where it is on its way."""

    id: UUID
    resource: str
    resource_id: UUID
    kind: str
    recipient: str
    subject: str
    state: MailState
    created_at: datetime
    sent_at: datetime | None
    document_id: UUID | None


def _publish(kind: RecordKind) -> None:
    """Publish the endpoints of a kind of record. Claims have a POST of notes and documents already."""
    one = f"/{kind.resource}/<uuid:{kind.id_name}>"
    is_claim = bool(kind.document_endpoint)
    _reading(kind, f"{one}/notes", What.NOTE, NoteAnswer, _note, "notes")
    _reading(kind, f"{one}/messages", What.MESSAGE, MessageAnswer, _same, "messages")
    _writing(kind, f"{one}/messages", "send_{}_message", MessageBody, MessageAnswer, _send_message)
    _writing(
        kind, f"{one}/letters", "make_{}_letter", RecordLetterBody, RecordDocumentAnswer, _make
    )
    if is_claim:
        _reading(kind, f"{one}/letters", What.DOCUMENT, RecordDocumentAnswer, _same, "letters")
        return
    _reading(kind, f"{one}/documents", What.DOCUMENT, RecordDocumentAnswer, _same, "documents")
    _writing(kind, f"{one}/notes", "add_{}_note", NoteBody, NoteAnswer, _add_note)

    def add_document(body: RecordDocumentBody, sent: Sent, **path: UUID) -> Any:
        """Keep a PDF, JPEG or PNG of at most 20 MB with a record."""
        return services.add_document(
            kind.resource,
            path[kind.id_name],
            title=body.title,
            name=sent.name,
            content=sent.content,
            now=clock.now(),
        )

    add_document.__name__ = f"add_{kind.name}_document"
    endpoint("POST", f"{one}/documents", may=CorrespondenceMay.WRITE, upload=RecordDocumentBody,
             answer=RecordDocumentAnswer, status=201, tag=TAG)(add_document)  # fmt: skip


def _reading(
    kind: RecordKind,
    path: str,
    what: What,
    answer: type[Answer],
    shown: Callable[[Any], Any],
    plural: str,
) -> None:
    def read(query: ListQuery, **ids: UUID) -> Reply:
        session, record_id = db.session(), ids[kind.id_name]
        if not current_actor().may(kind.may_view):
            raise ForbiddenError("Your role does not allow this.")
        kind.find(session, record_id)
        after = decode_cursor(query.cursor, 1, UUID)[0] if query.cursor else None
        found = queries.list_entries(
            session, kind.resource, record_id, limit=query.limit, after=after, only=what
        )
        return listing(Page([shown(entry.item) for entry in found.items], found.next_cursor))

    read.__name__ = f"list_{kind.name}_{plural}"
    read.__doc__ = f"List the {plural} of a {kind.name}, newest first."
    publish = endpoint(
        "GET",
        path,
        may=CorrespondenceMay.VIEW,
        query=ListQuery,
        answer=list[answer],  # type: ignore[valid-type]
        tag=TAG,
    )
    publish(read)


def _writing(
    kind: RecordKind,
    path: str,
    name: str,
    body_type: type[Body],
    answer: type[Answer],
    write: Callable[[str, UUID, Any], Any],
) -> None:
    def act(body: Any, **ids: UUID) -> Any:
        return write(kind.resource, ids[kind.id_name], body)

    act.__name__ = name.format(kind.name)
    act.__doc__ = (write.__doc__ or "").format(kind.name)
    endpoint("POST", path, may=CorrespondenceMay.WRITE, body=body_type, answer=answer, status=201,
             tag=TAG)(act)  # fmt: skip


def _add_note(resource: str, record_id: UUID, body: NoteBody) -> Any:
    """Add a note, or a task that is due on a day, to a {}."""
    return services.add_note(
        resource,
        record_id,
        kind=body.kind,
        text=body.text,
        due_on=body.due_on,
        on=business_day(),
        now=clock.now(),
    )


def _send_message(resource: str, record_id: UUID, body: MessageBody) -> Any:
    """Write to whom a {} concerns, with one of its documents if asked."""
    mail_id = services.send_message(
        resource, record_id, subject=body.subject, text=body.text, document_id=body.document_id
    )
    return queries.get_message(db.session(), mail_id)


def _make(resource: str, record_id: UUID, body: RecordLetterBody) -> Any:
    """Make a letter about a {}, keep it with its documents, and mail it if asked."""
    return services.make_letter(
        resource,
        record_id,
        body.letter,
        wording=body.wording,
        mails=body.mails,
        on=business_day(),
        now=clock.now(),
    )


def _same(item: Any) -> Any:
    return item


def _note(note: Any) -> dict[str, Any]:
    said = {name: getattr(note, name) for name in NoteAnswer.model_fields if name != "text"}
    return said | {"text": None if note.withdrawn_at else note.text}


for _kind in record_kinds():
    _publish(_kind)


@endpoint("PUT", "/notes/<uuid:note_id>", may=CorrespondenceMay.WRITE, body=NoteTextBody,
          answer=NoteAnswer, tag=TAG)  # fmt: skip
def correct_note(note_id: UUID, body: NoteTextBody) -> Any:
    """Let other words of its author take the place of a note, within a day."""
    return services.correct_note(note_id, text=body.text, now=clock.now())


@endpoint("PUT", "/notes/<uuid:note_id>/pin", may=CorrespondenceMay.WRITE, body=PinBody,
          answer=NoteAnswer, tag=TAG)  # fmt: skip
def pin_note(note_id: UUID, body: PinBody) -> Any:
    """Keep a note at the head of its record, or no longer."""
    return services.pin_note(note_id, is_pinned=body.is_pinned, now=clock.now())


@endpoint("PUT", "/notes/<uuid:note_id>/withdraw", may=CorrespondenceMay.WRITE, answer=NoteAnswer,
          tag=TAG)  # fmt: skip
def withdraw_note(note_id: UUID) -> Any:
    """Take back a note of one's own, within a day."""
    return _note(services.withdraw_note(note_id, now=clock.now()))


@endpoint("PUT", "/notes/<uuid:note_id>/done", may=CorrespondenceMay.WRITE, answer=NoteAnswer,
          tag=TAG)  # fmt: skip
def finish_task(note_id: UUID) -> Any:
    """Mark a task as done."""
    return services.finish_task(note_id, on=business_day(), now=clock.now())


@endpoint("GET", "/record-documents/<uuid:record_document_id>/file", may=CorrespondenceMay.VIEW,
          answer=bytes, media=("application/pdf", "image/jpeg", "image/png"), tag=TAG)  # fmt: skip
def get_record_document_file(record_document_id: UUID) -> Response:
    """Return a document's file; the look is audited."""
    return send_record_document(record_document_id)


@endpoint("PUT", "/messages/<uuid:mail_id>/send-again", may=CorrespondenceMay.WRITE,
          answer=MessageAnswer, tag=TAG)  # fmt: skip
def send_message_again(mail_id: UUID) -> Any:
    """Send a mail about a record again; answered with the one that is on its way."""
    return queries.get_message(db.session(), services.send_again(mail_id))
