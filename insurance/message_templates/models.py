"""The words that an organization wrote for its mails, and which of them count."""

from datetime import datetime

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import AppendOnly, TenantRecord, TenantTable
from insurance.notifications.languages import Language


class MessageTemplate(TenantTable):
    """Which words count for a kind of mail in a language: version `in_use`, or the product's own.

    `version` counts changes of that.
    """

    __tablename__ = "message_templates"

    kind: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[Language] = mapped_column(primary_key=True)
    in_use: Mapped[int | None]
    changed_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=0)


class MessageTemplateVersion(AppendOnly, TenantRecord):
    """Subject and body as somebody wrote them for a kind of mail in a language, numbered from 1."""

    __tablename__ = "message_template_versions"
    __table_args__ = (
        UniqueConstraint("org_id", "kind", "language", "number"),
        CheckConstraint("number > 0", name="number"),
    )

    kind: Mapped[str]
    language: Mapped[Language]
    number: Mapped[int]
    subject: Mapped[str]
    body: Mapped[str]
    written_by: Mapped[str | None]
    written_at: Mapped[datetime]


class MessageSetting(TenantTable):
    """The language of an organization's mail: a row an organization. `version` counts changes."""

    __tablename__ = "message_settings"

    language: Mapped[Language]
    version: Mapped[int] = mapped_column(default=0)
