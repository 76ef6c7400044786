"""Reading people, their memberships, sessions, keys and links."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, or_, select, text, tuple_
from sqlalchemy.orm import Session

from insurance.core.db import db
from insurance.core.errors import DomainError, NotFoundError
from insurance.core.paging import Page, decode_cursor, page_of
from insurance.core.permissions import (
    TENANT_ROLES,
    GrantChange,
    Permission,
    Role,
    granted_to,
    read_changes,
)
from insurance.core.tenancy import PLATFORM_ORG_ID, current_org, platform_scope
from insurance.identity.models import (
    ApiKey,
    LinkKind,
    MailedLink,
    Membership,
    RoleGrant,
    User,
    WebSession,
)
from insurance.organizations.models import OrganizationEntry

_BY_KEY = text(
    """
    SELECT k.id, k.org_id, k.scopes, k.last_used_at, u.id AS user_id, u.email, u.name,
           d.grant_changes, d.timezone,
           array(SELECT m.role FROM cp.memberships m
                 WHERE m.user_id = u.id AND m.org_id = k.org_id
                   AND m.accepted_at IS NOT NULL) AS roles
    FROM cp.api_keys k JOIN cp.users u ON u.id = k.user_id
    JOIN cp.org_directory d ON d.org_id = k.org_id
    WHERE k.key_hash = :key_hash AND k.revoked_at IS NULL AND k.expires_at > :now
      AND u.disabled_at IS NULL
    """
)
_BY_GRANT = text(
    """
    SELECT g.id, g.org_id, u.id AS user_id, u.email, u.name,
           d.grant_changes, d.timezone,
           array(SELECT m.role FROM cp.memberships m
                 WHERE m.user_id = u.id AND m.org_id = g.org_id
                   AND m.accepted_at IS NOT NULL) AS roles
    FROM cp.token_grants g JOIN cp.users u ON u.id = g.user_id
    JOIN cp.org_directory d ON d.org_id = g.org_id
    WHERE g.id = :grant_id AND g.user_id = :user_id AND g.org_id = :org_id
      AND g.revoked_at IS NULL AND g.expires_at > :now AND u.disabled_at IS NULL
      AND (u.totp_enabled_at IS NOT NULL OR NOT d.requires_mfa)
    """
)
_ROLES = text(
    "SELECT array_agg(role) AS roles FROM cp.memberships"
    " WHERE user_id = :user_id AND org_id = :org_id AND accepted_at IS NOT NULL"
)
_REACHABLE_ROLES = text(
    """
    SELECT array_agg(m.role) AS roles, d.grant_changes, d.timezone
    FROM cp.memberships m JOIN cp.org_directory d ON d.org_id = m.org_id
    JOIN cp.users u ON u.id = m.user_id
    WHERE m.user_id = :user_id AND m.org_id = :org_id AND m.accepted_at IS NOT NULL
      AND (u.totp_enabled_at IS NOT NULL OR NOT d.requires_mfa)
    GROUP BY d.org_id
    """
)
_CANDIDATE = text(
    """
    SELECT u.id, u.email, u.password_hash, u.totp_enabled_at IS NOT NULL AS has_mfa,
           (SELECT m.org_id FROM cp.memberships m
            WHERE m.user_id = u.id AND m.accepted_at IS NOT NULL
            ORDER BY m.created_at, m.org_id LIMIT 1) AS org_id
    FROM cp.users u WHERE u.email = :email AND u.disabled_at IS NULL
    """
)


@dataclass(frozen=True, slots=True)
class Colleague:
    """A person of the organization, or somebody invited to it, with the roles held or offered.

    Until the person has accepted, the organization sees what it typed itself and nothing more.
    """

    user: User
    roles: tuple[Role, ...]
    name: str
    has_accepted: bool
    grant_changes: frozenset[GrantChange]

    @property
    def permissions(self) -> frozenset[Permission]:
        """Return what the roles grant here."""
        return granted_to(frozenset(self.roles), self.grant_changes)

    def may(self, permission: Permission) -> bool:
        """Tell whether one of the roles allows something."""
        return permission in self.permissions


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person is in an organization, where its roles differ from the default, and its zone."""

    roles: frozenset[Role]
    grant_changes: frozenset[GrantChange]
    timezone: str


class NamedPerson(NamedTuple):
    """Who somebody is to an organization: a name, and the roles held there today."""

    email: str
    name: str
    roles: list[str]


@dataclass(frozen=True, slots=True)
class KeyLine:
    """An API key with the person it acts for."""

    key: ApiKey
    holder: User


def find_key_holder(key_hash: bytes, now: datetime) -> Row[Any] | None:
    """Return the valid API key of a hash, with its holder and the roles held today."""
    return _read_control(_BY_KEY, key_hash=key_hash, now=now)


def find_grant_holder(
    grant_id: UUID, user_id: UUID, org_id: UUID, now: datetime
) -> Row[Any] | None:
    """Return the standing sign-in of an access token, with the roles held today."""
    return _read_control(_BY_GRANT, grant_id=grant_id, user_id=user_id, org_id=org_id, now=now)


def find_candidate(email: str) -> Row[Any] | None:
    """Return who may sign in with an address, and the organization the person joined first."""
    found = _read_control(_CANDIDATE, email=email)
    return found if found and found.org_id else None


def find_roles(user_id: UUID | None, org_id: UUID) -> frozenset[Role]:
    """Return what a person is in an organization; nothing where the person does not belong."""
    return _roles(_read_control(_ROLES, user_id=user_id, org_id=org_id))


def find_reachable_standing(user_id: UUID | None, org_id: UUID) -> Standing | None:
    """Return a person's standing; None where a second factor is asked for that is not set up."""
    row = _read_control(_REACHABLE_ROLES, user_id=user_id, org_id=org_id)
    return Standing(_roles(row), read_changes(row.grant_changes), row.timezone) if row else None


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
    """Return everything a person belongs to, oldest first; invitations are no part of it."""
    return session.scalars(
        select(Membership)
        .where(Membership.user_id == user_id, Membership.accepted_at.is_not(None))
        .order_by(Membership.created_at, Membership.org_id)
    ).all()


def list_roles(session: Session, user_id: UUID) -> frozenset[Role]:
    """Return what a person is in the organization in scope, or was offered to become."""
    return frozenset(
        session.scalars(
            select(Membership.role).where(
                Membership.org_id == current_org(), Membership.user_id == user_id
            )
        )
    )


def list_roles_here() -> tuple[Role, ...]:
    """Return the roles that people of the organization in scope can have."""
    is_platform = current_org() == PLATFORM_ORG_ID
    return (Role.PLATFORM_ADMINISTRATOR,) if is_platform else TENANT_ROLES


def find_grant_changes(session: Session) -> frozenset[GrantChange]:
    """Return where the roles of the organization in scope differ from the default."""
    changes = select(RoleGrant.role, RoleGrant.permission, RoleGrant.granted)
    return read_changes(session.execute(changes.where(RoleGrant.org_id == current_org())))


def list_colleagues(
    session: Session,
    *,
    search: str = "",
    cursor: str | None = None,
    limit: int = 100,
    accepted_only: bool = False,
) -> Page[Colleague]:
    """Return the people of the organization in scope, by name, with those invited to it or not."""
    query, name, accepted_at = _colleagues()
    if accepted_only:
        query = query.where(accepted_at.is_not(None))
    query = query.order_by(name, User.id).limit(limit + 1)
    if search:
        query = query.where(
            or_(
                name.icontains(search, autoescape=True),
                User.email.icontains(search, autoescape=True),
            )
        )
    if cursor:
        last_name, user_id = decode_cursor(cursor, 2)
        query = query.where(tuple_(name, User.id) > (last_name, _uuid(user_id)))
    rows = [_colleague(row) for row in session.execute(query)]
    return page_of(rows, limit, lambda row: (row.name, row.user.id))


def list_members(session: Session, *, user_id: UUID | None = None) -> list[Colleague]:
    """Return everybody, or one person, who can sign in to the organization in scope.

    Roles that were offered and not accepted are none.
    """
    query = (
        select(
            User,
            func.array_agg(Membership.role).label("roles"),
            User.name,
            func.min(Membership.accepted_at).label("accepted_at"),
            _grant_changes(),
        )
        .join(Membership, Membership.user_id == User.id)
        .where(
            Membership.org_id == current_org(),
            Membership.accepted_at.is_not(None),
            User.disabled_at.is_(None),
        )
        .group_by(User.id)
        .order_by(User.name, User.id)
    )
    if user_id is not None:
        query = query.where(User.id == user_id)
    return [_colleague(row) for row in session.execute(query)]


def name_people(session: Session, emails: Collection[str]) -> list[NamedPerson]:
    """Return who some people are by the addresses under which they acted in the organization."""
    held = and_(Membership.user_id == User.id, Membership.org_id == current_org())
    roles = func.array_remove(func.array_agg(Membership.role), None)
    query = select(User.email, User.name, roles).outerjoin(Membership, held)
    rows = session.execute(query.where(User.email.in_(emails)).group_by(User.id))
    return [NamedPerson(email, name, sorted(held)) for email, name, held in rows]


def find_ids(session: Session, emails: Collection[str]) -> list[UUID]:
    """Return the people of the organization in scope who have one of some addresses."""
    held = select(User.id).join(Membership, Membership.user_id == User.id)
    here = held.where(Membership.org_id == current_org(), User.email.in_(emails))
    return list(session.scalars(here.distinct()))


def list_expiring_keys(session: Session, now: datetime, *, by: datetime) -> Sequence[ApiKey]:
    """Return the keys of the organization in scope that work now and end by a moment."""
    return session.scalars(
        select(ApiKey).where(
            ApiKey.org_id == current_org(),
            ApiKey.revoked_at.is_(None),
            ApiKey.expires_at > now,
            ApiKey.expires_at <= by,
        )
    ).all()


def _colleagues() -> tuple[Select[Any], ColumnElement[str], ColumnElement[datetime]]:
    """Return the people of the organization in scope, the names shown and when they accepted."""
    held = (
        select(
            Membership.user_id,
            func.array_agg(Membership.role).label("roles"),
            func.min(Membership.accepted_at).label("accepted_at"),
            func.max(Membership.invited_name).label("invited_name"),
        )
        .where(Membership.org_id == current_org())
        .group_by(Membership.user_id)
        .subquery()
    )
    name = case(
        (held.c.accepted_at.is_(None), func.coalesce(held.c.invited_name, User.email)),
        else_=User.name,
    )
    query = select(
        User, held.c.roles, name.label("name"), held.c.accepted_at, _grant_changes()
    ).join(held, held.c.user_id == User.id)
    return query, name, held.c.accepted_at


def _grant_changes() -> ColumnElement[list[Any]]:
    entry = select(OrganizationEntry.grant_changes).where(OrganizationEntry.org_id == current_org())
    return entry.scalar_subquery().label("grant_changes")


def _colleague(row: Row[Any]) -> Colleague:
    roles, changes = tuple(sorted(map(Role, row.roles))), read_changes(row.grant_changes)
    return Colleague(row.User, roles, row.name, row.accepted_at is not None, changes)


def count_members(session: Session, org_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return how many people belong to each of some organizations."""
    rows = session.execute(
        select(Membership.org_id, func.count(Membership.user_id.distinct()))
        .where(Membership.org_id.in_(org_ids), Membership.accepted_at.is_not(None))
        .group_by(Membership.org_id)
    )
    return dict(rows.tuples().all())


def list_open_invitations(session: Session, now: datetime) -> dict[UUID, datetime]:
    """Return until when each invited person of the organization in scope can use the link."""
    rows = session.execute(
        select(MailedLink.user_id, MailedLink.expires_at).where(
            MailedLink.org_id == current_org(),
            MailedLink.kind == LinkKind.INVITATION,
            MailedLink.used_at.is_(None),
            MailedLink.expires_at > now,
        )
    )
    return dict(rows.tuples().all())


def get_colleague(session: Session, user_id: UUID) -> Colleague:
    """Return a person of the organization in scope. Raises NotFoundError for anybody else."""
    query, _name, _accepted_at = _colleagues()
    row = session.execute(query.where(User.id == user_id)).one_or_none()
    if row is None:
        raise NotFoundError
    return _colleague(row)


def list_sessions(session: Session, user_id: UUID, now: datetime) -> Sequence[WebSession]:
    """Return the browsers a person is signed in with, newest use first."""
    return session.scalars(
        select(WebSession)
        .where(WebSession.user_id == user_id, WebSession.expires_at > now)
        .order_by(WebSession.last_seen_at.desc())
    ).all()


def list_api_keys(session: Session, *, cursor: str | None = None, limit: int = 50) -> Page[KeyLine]:
    """Return the API keys of the organization in scope with their holders, newest first."""
    query = (
        select(ApiKey, User)
        .join(User, User.id == ApiKey.user_id)
        .where(ApiKey.org_id == current_org())
        .order_by(ApiKey.id.desc())
        .limit(limit + 1)
    )
    if cursor:
        query = query.where(ApiKey.id < _uuid(decode_cursor(cursor, 1)[0]))
    rows = [KeyLine(key, user) for key, user in session.execute(query)]
    return page_of(rows, limit, lambda row: (row.key.id,))


def get_api_key(session: Session, key_id: UUID, *, lock: bool = False) -> ApiKey:
    """Return a key of the organization in scope. Raises NotFoundError."""
    query = select(ApiKey).where(ApiKey.id == key_id, ApiKey.org_id == current_org())
    key = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if key is None:
        raise NotFoundError
    return key


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


def _roles(row: Row[Any] | None) -> frozenset[Role]:
    return frozenset(Role(role) for role in (row.roles or [])) if row else frozenset()


def _uuid(text_: str) -> UUID:
    try:
        return UUID(text_)
    except ValueError as error:
        raise DomainError("This page link is not valid.", field="cursor") from error


def _read_control(statement: Any, **values: Any) -> Row[Any] | None:
    """Read one row of the control plane in one round trip."""
    with platform_scope(), db.engine.connect() as connection:
        reading = connection.execution_options(isolation_level="AUTOCOMMIT")
        return reading.execute(statement, values).one_or_none()
