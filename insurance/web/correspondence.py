"""The card "Notes, documents and messages" of a record's page, and acts on what stands in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import url_for

from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import ForbiddenError
from insurance.core.paging import Page
from insurance.correspondence.kinds import RecordKind, kind_of, record_kinds
from insurance.correspondence.models import Note, NoteKind, RecordDocument
from insurance.correspondence.permissions import CorrespondenceMay
from insurance.correspondence.queries import (
    CorrespondenceEntry,
    What,
    get_facts,
    list_customer_entries,
    list_entries,
)
from insurance.correspondence.rules import CORRECTABLE
from insurance.notifications.models import Mail
from insurance.web.acts import Act
from insurance.web.people import know_people

FEW, MANY = 6, 30


@dataclass(frozen=True)
class Correspondence:
    """What was written about a record, as its card shows it."""

    kind: RecordKind
    record_id: UUID
    page: Page[CorrespondenceEntry]
    only: What | None
    now: datetime
    me: str
    is_whole: bool = False

    def may_change(self, note: Note) -> bool:
        """Tell whether whoever looks may still correct a note or take it back."""
        is_sent = note.kind is NoteKind.CLAIMANT
        is_mine = note.created_by == self.me and not is_sent
        return is_mine and self.now - note.created_at < CORRECTABLE

    def url_of(self, item: Note | RecordDocument | Mail) -> str:
        """Return the address of the record that something was written about."""
        return record_url(item.resource or "", item.resource_id or self.record_id)

    def name_of(self, item: Note | RecordDocument | Mail) -> str:
        """Return what kind of record something was written about."""
        return kind_of(item.resource or "").name

    def url(self, only: str | None = None, cursor: str | None = None) -> str:
        """Return the address of everything that was written, or of one kind of it."""
        return url_for(
            "correspondence.show",
            resource=self.kind.resource,
            record_id=self.record_id,
            only=only,
            cursor=cursor,
        )


def correspondence_of(
    resource: str,
    record_id: UUID,
    *,
    only: What | None = None,
    after: UUID | None = None,
    is_whole: bool = False,
) -> Correspondence | None:
    """Return the card of a record that was found; None for whoever may not see it.

    On a customer's page it has what was written about their policies, quotes and claims too.
    """
    if not current_actor().may(CorrespondenceMay.VIEW):
        return None
    session, limit = db.session(), MANY if is_whole else FEW
    if resource == "customers":
        seen = [kind.resource for kind in record_kinds() if current_actor().may(kind.may_view)]
        page = list_customer_entries(
            session, record_id, seen=seen, limit=limit, after=after, only=only
        )
    else:
        page = list_entries(session, resource, record_id, limit=limit, after=after, only=only)
    know_people(_people_in(page.items))
    return Correspondence(
        kind_of(resource), record_id, page, only, clock.now(), current_actor().email, is_whole
    )


def _people_in(entries: Iterable[CorrespondenceEntry]) -> Iterable[str | None]:
    for entry in entries:
        if entry.what is not What.MESSAGE:
            yield entry.item.created_by
        if entry.what is What.NOTE:
            yield entry.item.done_by
            yield entry.item.withdrawn_by


def seen_kind(resource: str) -> RecordKind:
    """Return a kind of record. Raises NotFoundError for none, ForbiddenError for one not seen."""
    kind = kind_of(resource)
    if not current_actor().may(kind.may_view):
        raise ForbiddenError("Your role does not allow this.")
    return kind


def record_url(resource: str, record_id: UUID) -> str:
    """Return the address of a record's page, at its correspondence."""
    kind = kind_of(resource)
    values: dict[str, Any] = {kind.id_name: record_id}
    if resource == "policies":
        values["tab"] = "correspondence"
    return url_for(kind.endpoint, **values)


def about_record(resource: str, record_id: UUID, title: str, verb: str, **more: Any) -> Act:
    """Return an act on what is written about a record, which goes back to the record.

    Raises NotFoundError where there is none.
    """
    kind = seen_kind(resource)
    facts, back = get_facts(db.session(), resource, record_id), record_url(resource, record_id)
    crumbs = [(f"{kind.resource.capitalize()}", url_for(f"{kind.resource}.index"))]
    crumbs.append((facts.number, back))
    return Act(title, verb, back, crumbs, leave="Cancel", **more)
