"""A form that was begun: whose it is, where it stands, and the words, which are sealed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import TenantRecord
from insurance.core.sealed import sealed


class Draft(TenantRecord):
    """What one person has typed into one form at one address.

    The id follows from these three, so that what is typed next takes its place in one statement.
    `record` is what the form changes; nothing where it makes something new. `began_at` is when
    the person came to it, and moves on after a long pause.
    """

    __tablename__ = "drafts"
    __table_args__ = (
        Index("drafts_person_ix", "org_id", "user_id", "saved_at"),
        Index("drafts_record_ix", "org_id", "record", postgresql_where="record IS NOT NULL"),
    )

    user_id: Mapped[UUID]
    address: Mapped[str]
    form: Mapped[str]
    record: Mapped[str | None]
    words_cipher: Mapped[str] = mapped_column(info=sealed("drafts", "words"))
    began_at: Mapped[datetime]
    saved_at: Mapped[datetime]
