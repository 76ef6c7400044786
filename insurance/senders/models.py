"""Senders of mail, the types of mail that are theirs, and every change of either."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import AppendOnly, TenantRecord, TenantTable, tenant_key
from insurance.core.sealed import sealed


class EmailSender(TenantRecord):
    """Who mail of a role is from. Without an `email_address` it is the platform's own.

    `confirmed_at` is when somebody followed the link that was mailed to the address, `dns` what
    was found of its domain; `verified_at` is set while both hold. `version` counts edits.
    """

    __tablename__ = "email_senders"
    __table_args__ = (
        Index("email_senders_role_key", "org_id", text("lower(role)"), unique=True),
        CheckConstraint(
            "email_address IS NOT NULL OR verified_at IS NOT NULL", name="platform_is_verified"
        ),
    )

    role: Mapped[str]
    display_name: Mapped[str]
    email_address: Mapped[str | None]
    reply_to: Mapped[str | None]
    is_active: Mapped[bool]
    confirmed_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    dns: Mapped[list[Any]] = mapped_column(default=list)
    dns_checked_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]

    @property
    def domain(self) -> str:
        """Return the domain of its own address, or nothing."""
        return (self.email_address or "").rpartition("@")[2]

    @property
    def state(self) -> str:
        """Return whether mail leaves as it, and if not, why."""
        if not self.is_active:
            return "INACTIVE"
        return "VERIFIED" if self.verified_at else "NOT_VERIFIED"


class DkimKey(TenantRecord):
    """A key that mail from a domain is signed with, once `published_at` says that DNS has it."""

    __tablename__ = "dkim_keys"
    __table_args__ = (UniqueConstraint("org_id", "domain", "selector"),)

    domain: Mapped[str]
    selector: Mapped[str]
    private_key: Mapped[str] = mapped_column(info=sealed("dkim_keys", "private_key"))
    public_key: Mapped[str]
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]


class Security(StrEnum):
    """How a connection to a mail server is kept from being read."""

    STARTTLS = "STARTTLS"
    TLS = "TLS"
    NONE = "NONE"


class MailServer(TenantRecord):
    """The organization's own mail server, by which mail from its own addresses leaves.

    After a failure it is left alone until `rests_until`. `version` counts edits.
    """

    __tablename__ = "mail_servers"
    __table_args__ = (Index("mail_servers_one_key", "org_id", unique=True),)

    host: Mapped[str]
    port: Mapped[int]
    security: Mapped[Security]
    username: Mapped[str]
    password: Mapped[str | None] = mapped_column(info=sealed("mail_servers", "password"))
    rests_until: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class EmailSetting(TenantTable):
    """The sender of every mail that no other has: a row an organization, so there is exactly one."""

    __tablename__ = "email_settings"
    __table_args__ = (
        tenant_key("email_senders", "default_sender_id"),
        Index("email_settings_default_sender_id_ix", "org_id", "default_sender_id"),
    )

    default_sender_id: Mapped[UUID]


class EmailType(TenantTable):
    """The sender of a type of mail (a key of TEXTS). `version` counts changes."""

    __tablename__ = "email_types"
    __table_args__ = (
        tenant_key("email_senders", "sender_id"),
        Index("email_types_sender_id_ix", "org_id", "sender_id"),
    )

    type: Mapped[str] = mapped_column(primary_key=True)
    sender_id: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(default=1)


class EmailChange(AppendOnly, TenantRecord):
    """A change of a sender or of a type's sender, with what it takes to undo it.

    `subject` is the sender's id, or the type.
    """

    __tablename__ = "email_changes"
    __table_args__ = (Index("email_changes_subject_ix", "org_id", "subject", "id"),)

    subject: Mapped[str]
    event_type: Mapped[str]
    actor: Mapped[str | None]
    recorded_at: Mapped[datetime]
    payload: Mapped[dict[str, Any]]
