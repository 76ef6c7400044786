"""Notes and documents of records. The mails of a record are rows of the outbox."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core import crypto
from insurance.core.db import TenantRecord, tenant_key
from insurance.core.sealed import is_sealed, sealed


class NoteKind(StrEnum):
    """Who reads a note, or what is to be done."""

    COMMENT = "COMMENT"
    INVESTIGATION = "INVESTIGATION"
    CLAIMANT = "CLAIMANT"
    TASK = "TASK"


class Note(TenantRecord):
    """A note on a record; a task has a day it is due and is done one day.

    Its words never change: a correction is a further note that takes its place, and a note taken
    back keeps its row. `customer_id` is who the record concerns.
    """

    __tablename__ = "notes"
    __table_args__ = (
        Index("notes_record_ix", "org_id", "resource", "resource_id", "id"),
        Index("notes_customer_ix", "org_id", "customer_id", "id"),
        Index(
            "notes_corrects_ix",
            "org_id",
            "corrects_id",
            postgresql_where=text("corrects_id IS NOT NULL"),
        ),
        tenant_key("customers", "customer_id"),
        tenant_key("notes", "corrects_id"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn"),
    )

    resource: Mapped[str]
    resource_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    kind: Mapped[NoteKind]
    sealed_text: Mapped[str] = mapped_column(info=sealed("notes", "text", was_plain=True))
    due_on: Mapped[date | None]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    pinned_at: Mapped[datetime | None]
    corrects_id: Mapped[UUID | None]
    is_corrected: Mapped[bool] = mapped_column(default=False)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]

    @property
    def text(self) -> str:
        """Return the words of the note."""
        return opened_text(self.org_id, self.id, self.sealed_text)

    @property
    def is_in_use(self) -> bool:
        """Tell whether it stands: no other took its place, and it was not taken back."""
        return not self.is_corrected and self.withdrawn_at is None


def opened_text(org_id: UUID, note_id: UUID, kept: str) -> str:
    """Return the words of a note as it is kept.

    Those from before notes were encrypted are plain until `insurance keys rotate` has run.
    """
    if not is_sealed(kept):
        return kept
    return crypto.decrypt(org_id, "notes", "text", note_id, kept)


class DocumentSource(StrEnum):
    """How a document came to a record."""

    UPLOADED = "UPLOADED"
    LETTER = "LETTER"


class RecordDocument(TenantRecord):
    """A file kept with a record: one that somebody sent, or a letter made from it."""

    __tablename__ = "record_documents"
    __table_args__ = (
        Index("record_documents_record_ix", "org_id", "resource", "resource_id", "id"),
        Index("record_documents_customer_ix", "org_id", "customer_id", "id"),
        tenant_key("customers", "customer_id"),
    )

    resource: Mapped[str]
    resource_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    source: Mapped[DocumentSource]
    title: Mapped[str]
    letter: Mapped[str | None]
    file_key: Mapped[str]
    file_name: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
