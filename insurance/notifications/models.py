"""The mail outbox."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import TenantRecord, tenant_key
from insurance.core.sealed import sealed
from insurance.notifications.languages import Language


class MailState(StrEnum):
    """Where a mail is on its way."""

    WAITING = "WAITING"
    SENT = "SENT"
    FAILED = "FAILED"


class Mail(TenantRecord):
    """One mail to one recipient: sent when `sent_at` is set, given up when `failed_at` is.

    `tried_from` is when sending began, or began again. `resource` and `resource_id` are the record
    it is about, `customer_id` whom that concerns; `document_id` is what was sent with it and is kept.
    `asked_by` is the person it was written for. `template_version` is the version of the words
    that the organization wrote itself, in `language`: none where the product's own were used, 0 for
    words that were tried before they were saved.
    """

    __tablename__ = "mails"
    __table_args__ = (
        Index("mails_unsent_ix", "org_id", "id", postgresql_where=text("sent_at IS NULL")),
        Index("mails_failed_ix", "org_id", "id", postgresql_where=text("failed_at IS NOT NULL")),
        Index(
            "mails_record_ix",
            "org_id",
            "resource",
            "resource_id",
            "id",
            postgresql_where=text("resource_id IS NOT NULL"),
        ),
        Index(
            "mails_customer_ix",
            "org_id",
            "customer_id",
            "id",
            postgresql_where=text("customer_id IS NOT NULL"),
        ),
        Index(
            "mails_document_ix",
            "org_id",
            "document_id",
            postgresql_where=text("document_id IS NOT NULL"),
        ),
        tenant_key("customers", "customer_id"),
        tenant_key("record_documents", "document_id"),
        CheckConstraint("(resource IS NULL) = (resource_id IS NULL)", name="about_a_record"),
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
    resource: Mapped[str | None]
    resource_id: Mapped[UUID | None]
    customer_id: Mapped[UUID | None]
    document_id: Mapped[UUID | None]
    language: Mapped[str | None]
    template_version: Mapped[int | None]

    @property
    def state(self) -> MailState:
        """Return where the mail is on its way."""
        if self.sent_at is not None:
            return MailState.SENT
        return MailState.WAITING if self.failed_at is None else MailState.FAILED

    @property
    def wording(self) -> str:
        """Return whose words it is in, and in which language."""
        whose = {None: "Built in", 0: "Draft"}.get(
            self.template_version, f"Version {self.template_version}"
        )
        return f"{whose}, {Language(self.language or Language.ENGLISH).spoken_name}"
