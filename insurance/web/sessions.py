"""Browser sessions in a table of the control plane, so that each can be seen and ended.

The cookie carries a random identifier; the table holds its SHA-256. One query reads the session,
the person and everything the person belongs to.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Flask, Request, Response, request, session
from flask.sessions import SessionInterface, SessionMixin
from flask_login import UserMixin
from sqlalchemy import text
from werkzeug.datastructures import CallbackDict

from insurance.core import clock
from insurance.core.db import db
from insurance.core.permissions import GrantChange, Role, read_changes
from insurance.core.tenancy import platform_scope

ABSOLUTE_LIFETIME = timedelta(hours=12)
ANONYMOUS_LIFETIME = timedelta(hours=1)
_SEEN_EVERY = timedelta(seconds=60)
_WITHOUT_SESSION = ("/api/", "/static/", "/healthz", "/readyz", "/metrics")

_READ = text(
    """
    SELECT s.user_id, s.data, s.created_at, s.last_seen_at, s.expires_at,
           u.email, u.name, u.preferences, u.totp_enabled_at, u.disabled_at,
           (SELECT jsonb_agg(jsonb_build_object(
                'org_id', m.org_id, 'role', m.role, 'slug', d.slug, 'name', d.name,
                'kind', d.kind, 'licence_type', d.licence_type, 'timezone', d.timezone,
                'currency', d.currency, 'requires_mfa', d.requires_mfa,
                'idle_minutes', d.session_idle_minutes, 'grant_changes', d.grant_changes) ORDER BY d.name)
            FROM cp.memberships m JOIN cp.org_directory d USING (org_id)
            WHERE m.user_id = u.id AND m.accepted_at IS NOT NULL
              AND m.org_id <> ALL (s.left_orgs)) AS memberships
    FROM cp.sessions s LEFT JOIN cp.users u ON u.id = s.user_id
    WHERE s.id_hash = :id_hash AND s.expires_at > :now
    """
)
_INSERT = text(
    """
    INSERT INTO cp.sessions
        (id_hash, user_id, data, ip, user_agent, created_at, last_seen_at, expires_at)
    VALUES (:id_hash, :user_id, CAST(:data AS jsonb), :ip, :user_agent, :now, :now, :expires_at)
    """
)
# A session that was ended elsewhere meanwhile stays ended: this finds no row.
_UPDATE = text(
    """
    UPDATE cp.sessions SET user_id = :user_id, data = CAST(:data AS jsonb), last_seen_at = :now
    WHERE id_hash = :id_hash
    """
)
_DELETE = text("DELETE FROM cp.sessions WHERE id_hash = :id_hash")


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organization as screens need it: where the request works, and how it prints times."""

    id: UUID
    slug: str
    name: str
    kind: str
    licence_type: str | None
    timezone: str
    currency: str
    requires_mfa: bool
    idle_minutes: int
    grant_changes: frozenset[GrantChange]


@dataclass(frozen=True)
class Person(UserMixin):  # type: ignore[misc]
    """Who is signed in, with the organizations the person belongs to and the roles there."""

    id: UUID
    email: str
    name: str
    preferences: dict[str, Any]
    has_mfa: bool
    tenants: tuple[Tenant, ...] = ()
    roles: dict[UUID, frozenset[Role]] = field(default_factory=dict)

    def get_id(self) -> str:
        """Return what the session stores."""
        return str(self.id)

    def tenant(self, slug: str) -> Tenant | None:
        """Return the person's organization of that slug, if there is one."""
        return next((tenant for tenant in self.tenants if tenant.slug == slug), None)


class ServerSession(CallbackDict[str, Any], SessionMixin):
    """The data of one browser session. `identifier` is the cookie's secret."""

    def __init__(self, identifier: str, data: dict[str, Any] | None = None) -> None:
        def changed(_self: CallbackDict[str, Any]) -> None:
            self.modified = True

        super().__init__(data or {}, changed)
        self.identifier = identifier
        self.stale_identifier: str | None = None
        self.person: Person | None = None
        self.created_at: datetime | None = None
        self.last_seen_at: datetime | None = None
        self.new = data is None
        self.modified = False
        self.accessed = True

    def renew(self) -> None:
        """Take a new identifier: at sign-in and whenever the person's standing changes."""
        self.stale_identifier = self.stale_identifier or self.identifier
        self.identifier = secrets.token_urlsafe(32)
        self.new = True
        self.modified = True

    @property
    def id_hash(self) -> bytes:
        """Return what the table stores in place of the identifier."""
        return hash_of(self.identifier)


class TransientSession(dict[str, Any], SessionMixin):
    """A session that nobody stores: the API, static files and health checks have none."""


class DatabaseSessions(SessionInterface):
    """Reads and writes sessions in `cp.sessions`."""

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        """Return the browser's session, or a new one."""
        if request.path.startswith(_WITHOUT_SESSION):
            return TransientSession()
        identifier = request.cookies.get(self.get_cookie_name(app), "")
        stored = _read(identifier) if identifier else None
        return stored or ServerSession(secrets.token_urlsafe(32))

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Store what changed and send the cookie of a new session."""
        if not isinstance(session, ServerSession):
            return
        if session.stale_identifier:
            _delete(session.stale_identifier)
        if not session:
            if not session.new:
                _delete(session.identifier)
                response.delete_cookie(self.get_cookie_name(app), path="/")
            return
        is_poll = "X-Poll" in request.headers  # a page left open is no sign of somebody
        if session.modified or (_seen_long_ago(session) and not is_poll):
            _write(session)
        if session.new:
            self._send_cookie(app, session, response)
        response.headers.add("Vary", "Cookie")

    def _send_cookie(self, app: Flask, session: ServerSession, response: Response) -> None:
        response.set_cookie(
            self.get_cookie_name(app),
            session.identifier,
            path="/",
            secure=bool(app.config["SESSION_COOKIE_SECURE"]),
            httponly=True,
            samesite="Lax",
        )


def this_session() -> ServerSession:
    """Return the session of the browser that asks."""
    return session._get_current_object()  # type: ignore[attr-defined, no-any-return]


def hash_of(identifier: str) -> bytes:
    """Return what the table stores in place of a session's identifier."""
    return hashlib.sha256(identifier.encode()).digest()


def _read(identifier: str) -> ServerSession | None:
    now = clock.now()
    with platform_scope(), db.engine.connect() as connection:
        reading = connection.execution_options(isolation_level="AUTOCOMMIT")
        row = reading.execute(_READ, {"id_hash": hash_of(identifier), "now": now}).one_or_none()
    if row is None:
        return None
    person = _person(row) if row.user_id else None
    if person and (row.disabled_at or _idle(person, row.last_seen_at, now)):
        _delete(identifier)
        return None
    found = ServerSession(identifier, row.data)
    found.person = person
    found.created_at, found.last_seen_at = row.created_at, row.last_seen_at
    return found


def _person(row: Any) -> Person:
    tenants: dict[UUID, Tenant] = {}
    roles: dict[UUID, frozenset[Role]] = {}
    for membership in row.memberships or []:
        org_id = UUID(membership["org_id"])
        roles[org_id] = roles.get(org_id, frozenset()) | {Role(membership["role"])}
        particulars = {name: membership[name] for name in Tenant.__slots__ if name != "id"}
        particulars["grant_changes"] = read_changes(membership["grant_changes"])
        tenants[org_id] = Tenant(org_id, **particulars)
    return Person(
        id=row.user_id,
        email=row.email,
        name=row.name,
        preferences=row.preferences,
        has_mfa=row.totp_enabled_at is not None,
        tenants=tuple(tenants.values()),
        roles=roles,
    )


def _idle(person: Person, last_seen_at: datetime, now: datetime) -> bool:
    """Tell whether no organization of the person's lets a browser stay idle for so long."""
    minutes = max((tenant.idle_minutes for tenant in person.tenants), default=30)
    return now - last_seen_at > timedelta(minutes=minutes)


def is_idle_for(session: ServerSession, tenant: Tenant) -> bool:
    """Tell whether a browser was idle for longer than the organization that is opened allows."""
    if session.last_seen_at is None:
        return False
    return clock.now() - session.last_seen_at > timedelta(minutes=tenant.idle_minutes)


def _seen_long_ago(session: ServerSession) -> bool:
    return session.last_seen_at is None or clock.now() - session.last_seen_at > _SEEN_EVERY


def _write(session: ServerSession) -> None:
    from flask import json

    now = clock.now()
    user_id = session.get("_user_id")
    lifetime = ABSOLUTE_LIFETIME if user_id else ANONYMOUS_LIFETIME
    values = {
        "id_hash": hash_of(session.identifier),
        "user_id": UUID(user_id) if user_id else None,
        "data": json.dumps(dict(session)),
        "ip": request.remote_addr,
        "user_agent": request.user_agent.string[:300],
        "now": now,
        "expires_at": now + lifetime,
    }
    with platform_scope(), db.engine.begin() as connection:
        connection.execute(_INSERT if session.new else _UPDATE, values)


def _delete(identifier: str) -> None:
    with platform_scope(), db.engine.begin() as connection:
        connection.execute(_DELETE, {"id_hash": hash_of(identifier)})
