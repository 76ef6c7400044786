"""The control plane's people, with logins, sessions and tokens; what roles may do in a tenant."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import CONTROL_SCHEMA, ControlRecord, TenantTable
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.core.sealed import sealed


class User(ControlRecord):
    """A person who can sign in. The e-mail address is lower case and unique over all tenants."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("email"),
        CheckConstraint("email = lower(email)", name="email_lower"),
        {"schema": CONTROL_SCHEMA},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str | None]
    password_changed_at: Mapped[datetime | None]
    totp_secret: Mapped[str | None] = mapped_column(info=sealed("users", "totp_secret"))
    totp_enabled_at: Mapped[datetime | None]
    totp_last_step: Mapped[int | None]
    disabled_at: Mapped[datetime | None]
    preferences: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]


class Membership(ControlRecord):
    """A role of a person in an organization: offered, then held once the person has accepted.

    `invited_name` is what the inviter calls the person until then.
    """

    __tablename__ = "memberships"
    __table_args__ = (
        Index("memberships_org_id_ix", "org_id", "user_id"),
        {"schema": CONTROL_SCHEMA},
    )

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[Role] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    invited_name: Mapped[str | None]


class SignInFailures(ControlRecord):
    """Failures in a row at one address, whether anybody has it or not: both are answered alike."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (
        Index("sign_in_failures_tried_ix", "last_tried_at"),
        {"schema": CONTROL_SCHEMA},
    )

    address_hash: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    last_tried_at: Mapped[datetime]


class WebSession(ControlRecord):
    """A signed-in browser (or one about to sign in). Only a hash of its identifier is stored.

    `left_orgs` are organizations that the person was removed from while it was open: it enters
    them never again, whatever happens to the membership.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        Index("sessions_user_id_ix", "user_id"),
        Index("sessions_expires_at_ix", "expires_at"),
        {"schema": CONTROL_SCHEMA},
    )

    id_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID | None]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    ip: Mapped[str | None]
    user_agent: Mapped[str | None]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    left_orgs: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), default=list)


class RecoveryCode(ControlRecord):
    """A one-time code that stands in for the second factor."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(primary_key=True)
    used_at: Mapped[datetime | None]


class LinkKind(StrEnum):
    """What a mailed link is for."""

    INVITATION = "INVITATION"
    PASSWORD_RESET = "PASSWORD_RESET"


class MailedLink(ControlRecord):
    """A link sent by mail, usable once before it expires."""

    __tablename__ = "mailed_links"
    __table_args__ = (
        Index("mailed_links_user_id_ix", "user_id"),
        {"schema": CONTROL_SCHEMA},
    )

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    kind: Mapped[LinkKind]
    user_id: Mapped[UUID]
    org_id: Mapped[UUID]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiKey(ControlRecord):
    """A long-lived key of a program, bound to one organization; shown once, stored as a hash."""

    __tablename__ = "api_keys"
    __table_args__ = (
        UniqueConstraint("key_hash"),
        Index("api_keys_org_id_ix", "org_id", "created_at"),
        {"schema": CONTROL_SCHEMA},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    user_id: Mapped[UUID]
    name: Mapped[str]
    key_hash: Mapped[bytes]
    hint: Mapped[str]
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class TokenGrant(ControlRecord):
    """One API sign-in: its access tokens name it, its refresh token replaces itself at each use."""

    __tablename__ = "token_grants"
    __table_args__ = (
        UniqueConstraint("refresh_hash"),
        Index("token_grants_user_id_ix", "user_id"),
        {"schema": CONTROL_SCHEMA},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID]
    org_id: Mapped[UUID]
    refresh_hash: Mapped[bytes]
    spent_hashes: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class RoleGrant(TenantTable):
    """Where an organization differs from the default: a role was given a permission, or lost it.

    The directory repeats these rows, so that the query that signs a request in reads them too.
    """

    __tablename__ = "role_grants"

    role: Mapped[Role] = mapped_column(primary_key=True)
    permission: Mapped[str] = mapped_column(primary_key=True)
    granted: Mapped[bool]
    changed_at: Mapped[datetime]
    changed_by: Mapped[UUID | None]
    changed_by_email: Mapped[str]
