"""Writing notes, keeping documents, making letters and sending messages about records.

Every command is recorded with the record it is about. The words of notes and messages stay out of
the audit log: what is sealed there can never be cleaned.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.alerts.alert_kinds import MENTIONED
from insurance.alerts.services import notify
from insurance.audit_logs.services import record
from insurance.core import crypto
from insurance.core.context import current_actor
from insurance.core.db import db, transaction
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.files import StoredFile, keep_file, read_file
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org
from insurance.correspondence import queries
from insurance.correspondence.kinds import RecordFacts, RecordKind, kind_of
from insurance.correspondence.models import DocumentSource, Note, NoteKind, RecordDocument
from insurance.correspondence.rules import check_changeable, is_named, named_in, read_text
from insurance.documents.pdf import draw, render
from insurance.documents.received import read_picture
from insurance.identity.queries import list_members
from insurance.notifications.models import Mail, MailState
from insurance.notifications.services import About, send_copy, send_later, try_again
from insurance.organizations.queries import get_organization

_RECORDS = {
    "customers": "a customer",
    "quotes": "a quote",
    "policies": "a policy",
    "claims": "a claim",
}


def add_note(
    resource: str,
    record_id: UUID,
    *,
    kind: NoteKind,
    text: str,
    due_on: date | None = None,
    on: date,
    now: datetime,
) -> Note:
    """Add a note, or a task that is due on a day, to a record that one may see."""
    record_kind = _seen(resource)
    if kind not in record_kind.note_kinds:
        raise DomainError("Choose one of the kinds listed.", field="kind")
    words = read_text(text)
    if due_on is not None and kind is not NoteKind.TASK:
        raise DomainError("Only a task is due on a day.", field="due_on")
    if record_kind.add_note is not None:
        return record_kind.add_note(record_id, kind=kind, text=words, due_on=due_on, on=on, now=now)
    with transaction() as session:
        facts = record_kind.find(session, record_id)
        note = write_note(
            session,
            About(resource, record_id, facts.customer_id),
            kind=kind,
            text=words,
            due_on=due_on,
            now=now,
        )
        _record_note(session, "notes.add", note)
        return note


def write_note(
    session: Session,
    about: About,
    *,
    kind: NoteKind,
    text: str,
    due_on: date | None = None,
    corrects: Note | None = None,
    now: datetime,
) -> Note:
    """Write the row of a note, as a step of a command that records it."""
    note_id = new_id()
    note = Note(
        id=note_id,
        resource=about.resource,
        resource_id=about.resource_id,
        customer_id=about.customer_id,
        kind=kind,
        sealed_text=crypto.encrypt(current_org(), "notes", "text", note_id, text),
        due_on=due_on,
        created_at=now,
        created_by=current_actor().email,
        corrects_id=corrects.id if corrects else None,
        is_corrected=False,
    )
    session.add(note)
    session.flush()
    _tell_named(session, about, text)
    return note


def _tell_named(session: Session, about: About, text: str) -> None:
    """Tell colleagues whom a note names, of those who may see its record."""
    names = named_in(text)
    if not names or about.resource not in MENTIONED.pages:
        return
    may_view = kind_of(about.resource).may_view
    people = [
        member.user.id
        for member in list_members(session)
        if member.may(may_view) and is_named(names, member.name, member.user.email)
    ]
    record_name = _RECORDS[about.resource]
    place = (about.resource, about.resource_id)
    notify(session, MENTIONED, people, place, by=current_actor().name, record=record_name)


def correct_note(note_id: UUID, *, text: str, now: datetime) -> Note:
    """Let other words of its author take the place of a note; the first are kept behind them.

    Raises ForbiddenError for somebody else, ConflictError a day later, where it is done already, or
    for words that a claimant has by mail.
    """
    words = read_text(text)
    with transaction() as session:
        note = _own_note(session, note_id, now)
        if note.kind is NoteKind.CLAIMANT:
            raise ConflictError(
                "The claimant has these words by mail. Write another note that says what is right."
            )
        if words == note.text:
            raise DomainError("That is what the note says.", field="text")
        corrected = write_note(
            session,
            About(note.resource, note.resource_id, note.customer_id),
            kind=note.kind,
            text=words,
            due_on=note.due_on,
            corrects=note,
            now=now,
        )
        corrected.pinned_at, note.is_corrected = note.pinned_at, True
        corrected.done_at, corrected.done_by = note.done_at, note.done_by
        _record_note(session, "notes.correct", corrected, {"note_id": note.id})
        return corrected


def withdraw_note(note_id: UUID, *, now: datetime) -> Note:
    """Take a note back: nobody reads its words any more, and that it was there stays to be seen.

    Raises ForbiddenError for somebody else, ConflictError a day later or where it is done already.
    """
    with transaction() as session:
        note = _own_note(session, note_id, now)
        if kind_of(note.resource).add_note is not None:
            raise ConflictError("This note is taken back in the history of its record, by Undo.")
        take_back(note, now=now)
        _record_note(session, "notes.withdraw", note)
        return note


def take_back(note: Note, *, now: datetime) -> None:
    """Take a note back, as a step of a command. Raises ConflictError where it is no longer there."""
    _require_in_use(note)
    note.withdrawn_at, note.withdrawn_by = now, current_actor().email
    note.pinned_at = None


def pin_note(note_id: UUID, *, is_pinned: bool, now: datetime) -> Note:
    """Keep a note at the head of its record, or no longer."""
    with transaction() as session:
        note = _note_in_use(session, note_id)
        note.pinned_at = now if is_pinned else None
        _record_note(session, "notes.pin" if is_pinned else "notes.unpin", note)
        return note


def finish_task(note_id: UUID, *, on: date, now: datetime) -> Note:
    """Mark a task as done. Raises ConflictError for what is no task, or is done."""
    with transaction() as session:
        note = _note_in_use(session, note_id)
        own = kind_of(note.resource).finish_task
        if own is None:
            mark_done(note, now=now)
            _record_note(session, "notes.finish_task", note)
            return note
    return own(note_id, on=on, now=now)


def mark_done(note: Note, *, now: datetime) -> None:
    """Mark a task as done, as a step of a command. Raises ConflictError for what is no open task."""
    _require_in_use(note)
    if note.kind is not NoteKind.TASK or note.done_at is not None:
        raise ConflictError("This is no task that is still to be done.")
    note.done_at, note.done_by = now, current_actor().email


def open_again(note: Note) -> None:
    """Let a task that was done be open again, as a step of a command."""
    note.done_at = note.done_by = None


def add_document(
    resource: str, record_id: UUID, *, title: str, name: str, content: bytes, now: datetime
) -> RecordDocument:
    """Keep a PDF, JPEG or PNG of at most 20 MB with a record.

    Raises DomainError at `file` for a file that is not taken.
    """
    record_kind = _seen(resource)
    with transaction() as session:
        facts = record_kind.find(session, record_id)
        stored = keep_file(name, read_picture(content))
        about = About(resource, record_id, facts.customer_id)
        return keep_document(
            session, about, stored, title=title.strip() or stored.name, letter=None, now=now
        )


def draw_letter(
    resource: str, record_id: UUID, code: str, *, wording: str, on: date
) -> list[bytes]:
    """Return the pages of a letter as it would be, as pictures; nothing is kept.

    Raises ConflictError where there is nothing to say.
    """
    record_kind = _seen(resource)
    template, session = record_kind.letter(code), db.session()
    record_kind.find(session, record_id)
    paper = template.write(session, record_id, on, wording)
    return draw(paper.template, paper.values)


def make_letter(
    resource: str,
    record_id: UUID,
    code: str,
    *,
    wording: str = "",
    mails: bool = False,
    on: date,
    now: datetime,
) -> RecordDocument:
    """Make a letter about a record, keep it with its documents, and mail it if asked.

    Raises DomainError at `wording` for a letter that is nothing without words and at `mails` where
    nobody can be written to, ConflictError where there is nothing to say.
    """
    record_kind = _seen(resource)
    template = record_kind.letter(code)
    if template.asks_words:
        read_text(wording, "wording")
    with transaction() as session:
        facts = record_kind.find(session, record_id)
        paper = template.write(session, record_id, on, wording)
        about = About(resource, record_id, facts.customer_id)
        document = keep_letter(
            session,
            about,
            render(paper.template, paper.values),
            title=template.title,
            letter=code,
            number=facts.number,
            now=now,
        )
        if mails:
            _mail_letter(session, about, facts, document)
        return document


def _mail_letter(
    session: Session, about: About, facts: RecordFacts, document: RecordDocument
) -> None:
    mail_id = send_later(
        session,
        "letter",
        to=_address_of(facts, "mails"),
        attachment=_attached(document),
        about=about,
        document_id=document.id,
        title=document.title,
        number=facts.number,
        name=facts.name,
        organization=get_organization(session).name,
    )
    _record_message(session, "messages.send", about, mail_id, document.id)


def keep_letter(
    session: Session,
    about: About,
    pdf: bytes,
    *,
    title: str,
    letter: str,
    number: str,
    now: datetime,
) -> RecordDocument:
    """Keep a letter of ours with the documents of its record, as a step of a command."""
    stored = keep_file(f"{title} {number}.pdf", pdf)
    return keep_document(session, about, stored, title=title, letter=letter, now=now)


def keep_document(
    session: Session,
    about: About,
    stored: StoredFile,
    *,
    title: str,
    letter: str | None,
    now: datetime,
) -> RecordDocument:
    """Write the row of a file that is kept, as a step of a command."""
    document = RecordDocument(
        id=new_id(),
        resource=about.resource,
        resource_id=about.resource_id,
        customer_id=about.customer_id,
        source=DocumentSource.LETTER if letter else DocumentSource.UPLOADED,
        title=title,
        letter=letter,
        file_key=stored.key,
        file_name=stored.name,
        content_type=stored.content_type,
        size=stored.size,
        sha256=stored.sha256,
        created_at=now,
        created_by=current_actor().email,
    )
    session.add(document)
    session.flush()
    _record_document(session, "letters.make" if letter else "documents.add", document)
    return document


def read_document(document_id: UUID) -> tuple[RecordDocument, bytes]:
    """Return a document and its file; the look is audited. Raises NotFoundError."""
    with transaction() as session:
        document = queries.get_document(session, document_id)
        _seen(document.resource)
        content = read_file(document.file_key)
        _record_document(session, "documents.read", document)
    return document, content


def send_message(
    resource: str,
    record_id: UUID,
    *,
    subject: str,
    text: str,
    document_id: UUID | None = None,
) -> UUID:
    """Write to whom a record concerns, with one of its documents if asked; return the mail's id.

    Raises DomainError where nobody can be written to, NotFoundError for a document of another
    record.
    """
    record_kind = _seen(resource)
    subject, words = read_text(subject, "subject"), read_text(text)
    with transaction() as session:
        facts = record_kind.find(session, record_id)
        to, about = _address_of(facts), About(resource, record_id, facts.customer_id)
        document = _document_of(session, resource, record_id, document_id)
        mail_id = send_later(
            session,
            "message",
            to=to,
            attachment=_attached(document),
            about=about,
            document_id=document_id,
            subject=subject,
            words=words,
            name=facts.name,
            organization=get_organization(session).name,
        )
        _record_message(session, "messages.send", about, mail_id, document_id)
        return mail_id


def send_again(mail_id: UUID) -> UUID:
    """Send a mail about a record once more, with its words; return the id of the one on its way.

    One that failed is tried again; one that left is sent to the address that the record has today,
    or to where it went if the record concerns somebody else since.
    Raises ConflictError while the first still waits, and where a file that went with it is gone.
    """
    with transaction() as session:
        mail = queries.get_message(session, mail_id)
        if mail.resource is None or mail.resource_id is None:
            raise ConflictError("This mail is about no record.")
        facts = _seen(mail.resource).find(session, mail.resource_id)
        about = About(mail.resource, mail.resource_id, mail.customer_id)
        if mail.state is MailState.WAITING:
            raise ConflictError("This mail is on its way already.")
        again = mail.id
        if mail.state is MailState.FAILED:
            try_again(session, [mail])
        else:
            attachment = _attachment_again(session, mail)
            is_theirs = mail.customer_id in (None, facts.customer_id)
            to = (facts.email if is_theirs else None) or mail.recipient
            again = send_copy(session, mail, to=to, attachment=attachment)
        _record_message(session, "messages.send_again", about, again, mail.document_id)
        return again


def _attachment_again(session: Session, mail: Mail) -> tuple[str, bytes] | None:
    if mail.attachment_name is None:
        return None
    if mail.document_id is not None:
        return _attached(queries.get_document(session, mail.document_id))
    raise ConflictError("What went with this mail was not kept. Make the letter and send it.")


def _seen(resource: str) -> RecordKind:
    """Return a kind of record that whoever acts may see. Raises ForbiddenError, NotFoundError."""
    kind = kind_of(resource)
    if not current_actor().may(kind.may_view):
        raise ForbiddenError("Your role does not allow this.")
    return kind


def _note_in_use(session: Session, note_id: UUID) -> Note:
    note = queries.get_note(session, note_id, lock=True)
    _seen(note.resource)
    _require_in_use(note)
    return note


def _require_in_use(note: Note) -> None:
    if not note.is_in_use:
        raise ConflictError("This note was corrected or taken back already.")


def _own_note(session: Session, note_id: UUID, now: datetime) -> Note:
    note = _note_in_use(session, note_id)
    check_changeable(
        author=note.created_by, actor=current_actor().email, written_at=note.created_at, now=now
    )
    return note


def _document_of(
    session: Session, resource: str, record_id: UUID, document_id: UUID | None
) -> RecordDocument | None:
    if document_id is None:
        return None
    document = queries.get_document(session, document_id)
    if (document.resource, document.resource_id) != (resource, record_id):
        raise DomainError("Choose a document of this record.", field="document_id")
    return document


def _address_of(facts: RecordFacts, field: str | None = None) -> str:
    if not facts.email:
        raise DomainError(f"{facts.name} has no e-mail address. Add one first.", field=field)
    return facts.email


def _attached(document: RecordDocument | None) -> tuple[str, bytes] | None:
    return None if document is None else (document.file_name, read_file(document.file_key))


def _record_note(
    session: Session, action: str, note: Note, before: Mapping[str, Any] | None = None
) -> None:
    record(
        session,
        action=action,
        resource=note.resource,
        resource_id=note.resource_id,
        before=dict(before) if before else None,
        after={"note_id": note.id, "kind": note.kind, "due_on": note.due_on},
    )


def _record_document(session: Session, action: str, document: RecordDocument) -> None:
    record(
        session,
        action=action,
        resource=document.resource,
        resource_id=document.resource_id,
        after={
            "document_id": document.id,
            "title": document.title,
            "name": document.file_name,
            "sha256": document.sha256,
        },
    )


def _record_message(
    session: Session, action: str, about: About, mail_id: UUID, document_id: UUID | None
) -> None:
    record(
        session,
        action=action,
        resource=about.resource,
        resource_id=about.resource_id,
        after={"mail_id": mail_id, "document_id": document_id},
    )
