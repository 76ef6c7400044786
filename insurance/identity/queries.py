"""Reading people, their memberships, sessions, keys and links."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.core.permissions import Role
from insurance.core.tenancy import current_org, platform_scope
from insurance.identity.models import ApiKey, MailedLink, Membership, User, WebSession

_BY_KEY = text(
    """
    SELECT k.id, k.org_id, k.scopes, u.id AS user_id, u.email, u.name,
           array(SELECT m.role FROM cp.memberships m
                 WHERE m.user_id = u.id AND m.org_id = k.org_id) AS roles
    FROM cp.api_keys k JOIN cp.users u ON u.id = k.user_id
    WHERE k.key_hash = :key_hash AND k.revoked_at IS NULL AND k.expires_at > :now
      AND u.disabled_at IS NULL
    """
)
_BY_GRANT = text(
    """
    SELECT g.id, g.org_id, u.id AS user_id, u.email, u.name,
           array(SELECT m.role FROM cp.memberships m
                 WHERE m.user_id = u.id AND m.org_id = g.org_id) AS roles
    FROM cp.token_grants g JOIN cp.users u ON u.id = g.user_id
    WHERE g.id = :grant_id AND g.user_id = :user_id AND g.org_id = :org_id
      AND g.revoked_at IS NULL AND u.disabled_at IS NULL
    """
)


@dataclass(frozen=True, slots=True)
class Colleague:
    """A person of the organization, with the roles held there."""

    user: User
    roles: tuple[Role, ...]


def find_key_holder(key_hash: bytes, now: datetime) -> Row[Any] | None:
    """Return the valid API key of a hash, with its holder and the roles held today."""
    return _read_control(_BY_KEY, key_hash=key_hash, now=now)


def find_grant_holder(grant_id: UUID, user_id: UUID, org_id: UUID) -> Row[Any] | None:
    """Return the standing sign-in of an access token, with the roles held today."""
    return _read_control(_BY_GRANT, grant_id=grant_id, user_id=user_id, org_id=org_id)


def find_roles(user_id: UUID | None, org_id: UUID) -> frozenset[Role]:
    """Return what a person is in an organization; nothing where the person does not belong."""
    statement = text("SELECT array_agg(role) AS roles FROM cp.memberships"
                     " WHERE user_id = :user_id AND org_id = :org_id")
    row = _read_control(statement, user_id=user_id, org_id=org_id)
    return frozenset(Role(role) for role in (row.roles or [])) if row else frozenset()


def find_user_by_email(session: Session, email: str, *, lock: bool = False) -> User | None:
    """Return the person with an address."""
    query = select(User).where(User.email == email.strip().lower())
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def get_user(session: Session, user_id: UUID, *, lock: bool = False) -> User:
    """Return a person. Raises NotFoundError."""
    query = select(User).where(User.id == user_id)
    user = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if user is None:
        raise NotFoundError
    return user


def list_memberships(session: Session, user_id: UUID) -> Sequence[Membership]:
    """Return everything a person belongs to, oldest first."""
    return session.scalars(
        select(Membership)
        .where(Membership.user_id == user_id)
        .order_by(Membership.created_at, Membership.org_id)
    ).all()


def list_colleagues(session: Session) -> list[Colleague]:
    """Return the people of the organization in scope, by name."""
    rows = session.execute(
        select(User, func.array_agg(Membership.role))
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.org_id == current_org())
        .group_by(User.id)
        .order_by(User.name, User.id)
    )
    return [Colleague(user, tuple(sorted(Role(role) for role in roles))) for user, roles in rows]


def get_colleague(session: Session, user_id: UUID) -> Colleague:
    """Return a person of the organization in scope. Raises NotFoundError for anybody else."""
    roles = session.scalars(
        select(Membership.role).where(
            Membership.org_id == current_org(), Membership.user_id == user_id
        )
    ).all()
    if not roles:
        raise NotFoundError
    return Colleague(get_user(session, user_id), tuple(sorted(roles)))


def list_sessions(session: Session, user_id: UUID, now: datetime) -> Sequence[WebSession]:
    """Return the browsers a person is signed in with, newest use first."""
    return session.scalars(
        select(WebSession)
        .where(WebSession.user_id == user_id, WebSession.expires_at > now)
        .order_by(WebSession.last_seen_at.desc())
    ).all()


def list_api_keys(session: Session) -> Sequence[ApiKey]:
    """Return the API keys of the organization in scope, newest first."""
    return session.scalars(
        select(ApiKey).where(ApiKey.org_id == current_org()).order_by(ApiKey.created_at.desc())
    ).all()


def find_open_link(
    session: Session, token_hash: bytes, now: datetime, *, lock: bool = False
) -> MailedLink | None:
    """Return a mailed link that can still be used."""
    query = select(MailedLink).where(
        MailedLink.token_hash == token_hash,
        MailedLink.used_at.is_(None),
        MailedLink.expires_at > now,
    )
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def _read_control(statement: Any, **values: Any) -> Row[Any] | None:
    """Read one row of the control plane in one round trip."""
    with platform_scope(), db.engine.connect() as connection:
        reading = connection.execution_options(isolation_level="AUTOCOMMIT")
        return reading.execute(statement, values).one_or_none()
