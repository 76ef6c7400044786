"""The mail outbox."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import TenantRecord
from insurance.core.sealed import sealed


class MailState(StrEnum):
    """Where a mail is on its way."""

    WAITING = "WAITING"
    SENT = "SENT"
    FAILED = "FAILED"


class Mail(TenantRecord):
    """One mail to one recipient: sent when `sent_at` is set, given up when `failed_at` is.

    `tried_from` is when sending began, or began again; `asked_by` is the person it was written for.
    """

    __tablename__ = "mails"
    __table_args__ = (
        Index("mails_unsent_ix", "org_id", "id", postgresql_where=text("sent_at IS NULL")),
        Index("mails_failed_ix", "org_id", "id", postgresql_where=text("failed_at IS NOT NULL")),
    )

    kind: Mapped[str]
    recipient: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str] = mapped_column(info=sealed("mails", "body"))
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    tried_from: Mapped[datetime]
    failed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    request_id: Mapped[str | None]
    asked_by: Mapped[UUID | None]
    attachment_name: Mapped[str | None]
    attachment: Mapped[bytes | None]

    @property
    def state(self) -> MailState:
        """Return where the mail is on its way."""
        if self.sent_at is not None:
            return MailState.SENT
        return MailState.WAITING if self.failed_at is None else MailState.FAILED
