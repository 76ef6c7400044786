"""The mail outbox."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import TenantRecord


class Mail(TenantRecord):
    """One mail to one recipient; sent when `sent_at` is set."""

    __tablename__ = "mails"
    __table_args__ = (
        Index("mails_unsent_ix", "org_id", "created_at", postgresql_where=text("sent_at IS NULL")),
    )

    kind: Mapped[str]
    recipient: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    request_id: Mapped[str | None]
    attachment_name: Mapped[str | None]
    attachment: Mapped[bytes | None]
