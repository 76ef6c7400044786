"""Reading notes, documents and mails of a record or a customer, newest first, by one statement."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core.errors import NotFoundError
from insurance.core.nested import records_of
from insurance.core.paging import Page, page_of
from insurance.core.reading import read_rows
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.correspondence.kinds import RecordFacts, kind_of
from insurance.correspondence.models import Note, RecordDocument, opened_text
from insurance.notifications.models import Mail

_LAST = UUID(int=2**128 - 1)
_MAIL = """
    t.org_id, t.id, t.kind, t.recipient, t.subject, '' AS body, t.created_at, t.sent_at, t.tried_from,
    t.failed_at, t.attempts, t.error, t.request_id, t.attachment_name, NULL AS attachment,
    t.resource, t.resource_id, t.customer_id, t.document_id, t.asked_by,
    t.language, t.template_version
"""


def _newest(table: str, whose: str, only: str = "", columns: str = "t.*") -> str:
    """Return the SQL of the newest rows of a table as one text; what it is given is constant."""
    return f"""
        (SELECT json_agg(page ORDER BY page.id DESC)::text FROM (
            SELECT {columns} FROM ins.{table} t
            WHERE t.org_id = %(org)s AND {whose} AND t.id < %(after)s {only}
            ORDER BY t.id DESC LIMIT %(limit)s) page)
    """  # noqa: S608


def _statement(whose: str) -> str:
    """Return the statement of a page of correspondence: each table, what is pinned, what was."""
    notes, documents, mails = (
        _newest("notes", whose, "AND NOT t.is_corrected AND t.pinned_at IS NULL AND %(notes)s"),
        _newest("record_documents", whose, "AND %(documents)s"),
        _newest("mails", whose, "AND %(messages)s", _MAIL),
    )
    return f"""
        SELECT {notes}, {documents}, {mails},
            (SELECT json_agg(t ORDER BY t.id DESC)::text FROM ins.notes t
             WHERE t.org_id = %(org)s AND {whose} AND t.pinned_at IS NOT NULL AND NOT t.is_corrected
               AND %(notes)s AND %(first)s),
            (SELECT json_object_agg(e.id, e.sealed_text)::text FROM ins.notes e
             WHERE e.org_id = %(org)s AND e.id IN (
                SELECT t.corrects_id FROM ins.notes t
                WHERE t.org_id = %(org)s AND {whose} AND t.id < %(after)s AND t.corrects_id IS NOT NULL
                ORDER BY t.id DESC LIMIT %(limit)s))
    """  # noqa: S608


_OF_RECORD = _statement("t.resource = %(resource)s AND t.resource_id = %(record)s")
_OF_CUSTOMER = _statement("t.customer_id = %(customer)s AND t.resource = ANY(%(seen)s)")


class What(StrEnum):
    """What an entry of the correspondence is."""

    NOTE = "note"
    DOCUMENT = "document"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class CorrespondenceEntry:
    """A note, a document or a mail of a record, as lists show it."""

    what: What
    item: Any
    earlier: str | None = None
    is_pinned: bool = False

    @property
    def id(self) -> UUID:
        """Return the id of what it is; ids are in the order they were made."""
        return self.item.id  # type: ignore[no-any-return]

    @property
    def created_at(self) -> datetime:
        """Return when it was written, kept or asked for."""
        return self.item.created_at  # type: ignore[no-any-return]


def list_entries(
    session: Session,
    resource: str,
    record_id: UUID,
    *,
    limit: int,
    after: UUID | None = None,
    only: What | None = None,
) -> Page[CorrespondenceEntry]:
    """Return what was written about a record, newest first; what is pinned heads the first page."""
    values = {"resource": resource, "record": record_id}
    return _read(session, _OF_RECORD, values, limit=limit, after=after, only=only)


def list_customer_entries(
    session: Session,
    customer_id: UUID,
    *,
    seen: Iterable[str],
    limit: int,
    after: UUID | None = None,
    only: What | None = None,
) -> Page[CorrespondenceEntry]:
    """Return what was written about a customer and their records of the kinds `seen`, newest first."""
    values = {"customer": customer_id, "seen": sorted(seen)}
    return _read(session, _OF_CUSTOMER, values, limit=limit, after=after, only=only)


def _read(
    session: Session,
    statement: str,
    values: Mapping[str, Any],
    *,
    limit: int,
    after: UUID | None,
    only: What | None,
) -> Page[CorrespondenceEntry]:
    wanted = {f"{what}s": only in (None, what) for what in What}
    place = {"after": after or _LAST, "first": after is None, "limit": limit + 1}
    ((notes, documents, mails, pinned, earlier),) = read_rows(
        session, statement, {"org": current_org(), **values, **wanted, **place}
    )
    before = json.loads(earlier or "{}")
    entries = [
        *[_note(note, before) for note in records_of(Note, notes)],
        *[
            CorrespondenceEntry(What.DOCUMENT, document)
            for document in records_of(RecordDocument, documents)
        ],
        *[CorrespondenceEntry(What.MESSAGE, mail) for mail in records_of(Mail, mails)],
    ]
    entries.sort(key=lambda entry: entry.id, reverse=True)
    page = page_of(entries, limit, lambda entry: (entry.id,))
    first = [_note(note, before) for note in records_of(Note, pinned)]
    return Page([*first, *page.items], page.next_cursor)


def _note(note: Note, before: Mapping[str, str]) -> CorrespondenceEntry:
    kept = before.get(str(note.corrects_id))
    earlier = (
        opened_text(note.org_id, note.corrects_id, kept) if kept and note.corrects_id else None
    )
    return CorrespondenceEntry(What.NOTE, note, earlier, note.pinned_at is not None)


def list_documents(
    session: Session, resource: str, record_id: UUID, *, limit: int = 100
) -> Sequence[RecordDocument]:
    """Return the newest documents of a record."""
    return session.scalars(
        select(RecordDocument)
        .where(
            RecordDocument.org_id == current_org(),
            RecordDocument.resource == resource,
            RecordDocument.resource_id == record_id,
        )
        .order_by(RecordDocument.id.desc())
        .limit(limit)
    ).all()


def get_note(session: Session, note_id: UUID, *, lock: bool = False) -> Note:
    """Return a note of the organization in scope. Raises NotFoundError."""
    return get_record(session, Note, note_id, lock=lock)


def get_note_in_place(session: Session, note_id: UUID) -> Note:
    """Return a note, or the last correction that took its place. Raises NotFoundError."""
    note = get_note(session, note_id)
    while note.is_corrected:
        note = session.scalars(
            select(Note).where(Note.org_id == current_org(), Note.corrects_id == note.id)
        ).one()
    return note


def get_document(session: Session, document_id: UUID) -> RecordDocument:
    """Return a document of the organization in scope. Raises NotFoundError."""
    return get_record(session, RecordDocument, document_id)


def get_message(session: Session, mail_id: UUID) -> Mail:
    """Return a mail that is about a record. Raises NotFoundError for every other mail."""
    mail = get_record(session, Mail, mail_id)
    if mail.resource is None:
        raise NotFoundError
    return mail


def get_facts(session: Session, resource: str, record_id: UUID) -> RecordFacts:
    """Return a record as its correspondence names it. Raises NotFoundError."""
    return kind_of(resource).find(session, record_id)
