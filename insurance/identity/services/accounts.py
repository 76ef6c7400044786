"""What people do with their own account: password, browsers, preferences, mailed links."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.db import db, transaction
from insurance.core.errors import NotFoundError
from insurance.core.jobs import enqueue
from insurance.core.tenancy import PLATFORM_ORG_ID, current_org, platform_scope, tenant_scope
from insurance.identity import queries, rules
from insurance.identity.models import (
    LinkKind,
    MailedLink,
    Membership,
    SignInFailures,
    TokenGrant,
    User,
    WebSession,
)
from insurance.identity.passwords import hash_password
from insurance.identity.services.tries import confirm_password, forget_failures, home_of
from insurance.identity.tokens import new_secret, secret_hash
from insurance.notifications.services import send_later
from insurance.organizations.queries import get_entry

USED_LINK = "This link has been used or has expired. Ask for a new one."


def change_password(
    user_id: UUID, *, old: str, new: str, keep_session: bytes | None, now: datetime
) -> None:
    """Set a new password; every other browser and API sign-in of the person ends."""
    confirm_password(user_id, old, now=now, field="old")
    with tenant_scope(home_of(user_id)), transaction() as session:
        user = queries.get_user(session, user_id, lock=True)
        _set_password(session, user, new, now, keep_session)
        record(session, action="identity.change_password", resource="users", resource_id=user_id)


def sign_out_everywhere(user_id: UUID, *, keep_session: bytes | None, now: datetime) -> None:
    """End every browser session but the one kept, and every API sign-in."""
    with tenant_scope(home_of(user_id)), transaction() as session:
        _end_everything(session, user_id, keep_session, now)
        record(
            session,
            action="identity.sign_out_everywhere",
            resource="users",
            resource_id=user_id,
        )


def end_session(user_id: UUID, id_hash: bytes) -> None:
    """End one of a person's own browser sessions. Raises NotFoundError for anybody else's."""
    with tenant_scope(home_of(user_id)), transaction() as session:
        ended = session.execute(
            delete(WebSession)
            .where(WebSession.user_id == user_id, WebSession.id_hash == id_hash)
            .returning(WebSession.user_agent)
        ).one_or_none()
        if ended is None:
            raise NotFoundError
        record(
            session,
            action="identity.end_session",
            resource="users",
            resource_id=user_id,
            before={"browser": rules.browser_name(ended.user_agent)},
        )


def set_preferences(user_id: UUID, preferences: dict[str, str]) -> None:
    """Store how a person likes the screens: theme, density, keys."""
    with tenant_scope(home_of(user_id)), transaction() as session:
        user = queries.get_user(session, user_id, lock=True)
        before = dict(user.preferences)
        user.preferences = before | preferences
        record(
            session,
            action="identity.set_preferences",
            resource="users",
            resource_id=user_id,
            before=before,
            after=user.preferences,
        )


def ask_for_reset(email: str) -> None:
    """Ask for a link to a new password. The same happens, as fast, whether anybody is known."""
    with tenant_scope(PLATFORM_ORG_ID), transaction() as session:
        enqueue(session, "identity.send_reset_link", email=email.strip().lower()[:254])


def send_reset_link(email: str, *, base_url: str, now: datetime) -> None:
    """Mail a link for a new password to whoever has the address; nobody is no error.

    A link younger than a minute is not followed by another.
    """
    found = queries.find_candidate(email)
    if found is None:
        return
    with tenant_scope(found.org_id), transaction() as session:
        user = queries.get_user(session, found.id, lock=True)
        if _mailed_since(session, user.id, now - rules.RESET_PAUSE):
            return
        link = mail_link(session, user, LinkKind.PASSWORD_RESET, rules.RESET_LIFETIME, now)
        send_later(
            session,
            "password_reset",
            to=user.email,
            name=user.name,
            link=f"{base_url}/new-password/{link}",
        )
        record(session, action="identity.send_reset", resource="users", resource_id=user.id)


def find_link_user(token: str, kind: LinkKind, *, now: datetime) -> User:
    """Return whom an open link is for. Raises NotFoundError for a used, expired or false one."""
    with platform_scope():
        link = queries.find_open_link(db.session(), secret_hash(token), now)
        if link is None or link.kind is not kind:
            raise NotFoundError(USED_LINK)
        return queries.get_user(db.session(), link.user_id)


def use_link(token: str, kind: LinkKind, *, password: str, now: datetime) -> UUID:
    """Set the password that an invitation or a reset asks for. The link works once."""
    user = find_link_user(token, kind, now=now)
    home = home_of(user.id) if kind is LinkKind.PASSWORD_RESET else _inviter_of(token, now)
    with tenant_scope(home), transaction() as session:
        link = queries.find_open_link(session, secret_hash(token), now, lock=True)
        if link is None or link.kind is not kind:
            raise NotFoundError(USED_LINK)
        link.used_at = now
        user = queries.get_user(session, link.user_id, lock=True)
        if kind is LinkKind.INVITATION:
            if user.password_hash is not None:
                raise NotFoundError(USED_LINK)
            begin_membership(session, user.id, now)
        _set_password(session, user, password, now, None)
        session.execute(
            delete(MailedLink).where(
                MailedLink.user_id == user.id,
                MailedLink.kind == kind,
                MailedLink.org_id == link.org_id,
                MailedLink.token_hash != link.token_hash,
            )
        )
        forget_failures(session, user.email)
        record(
            session,
            action=f"identity.use_{kind.value.lower()}",
            resource="users",
            resource_id=user.id,
        )
    return user.id


def begin_membership(session: Session, user_id: UUID, now: datetime) -> None:
    """Let a person hold the roles that the organization in scope offered."""
    session.execute(
        update(Membership)
        .where(
            Membership.user_id == user_id,
            Membership.org_id == current_org(),
            Membership.accepted_at.is_(None),
        )
        .values(accepted_at=now, invited_name=None)
    )


def _inviter_of(token: str, now: datetime) -> UUID:
    with platform_scope():
        link = queries.find_open_link(db.session(), secret_hash(token), now)
    if link is None:
        raise NotFoundError(USED_LINK)
    return link.org_id


def mail_link(
    session: Session, user: User, kind: LinkKind, lifetime: timedelta, now: datetime
) -> str:
    """Make a link and return its secret part; the organization's earlier ones stop working."""
    session.execute(
        delete(MailedLink).where(
            MailedLink.user_id == user.id,
            MailedLink.kind == kind,
            MailedLink.org_id == current_org(),
        )
    )
    token = new_secret()
    session.add(
        MailedLink(
            token_hash=secret_hash(token),
            kind=kind,
            user_id=user.id,
            org_id=current_org(),
            created_at=now,
            expires_at=now + lifetime,
        )
    )
    return token


def delete_expired(*, now: datetime) -> None:
    """Delete sessions, links, API sign-ins and failure counts that nothing needs any more."""
    with platform_scope(), transaction() as session:
        session.execute(delete(WebSession).where(WebSession.expires_at <= now))
        session.execute(delete(MailedLink).where(MailedLink.expires_at <= now))
        session.execute(delete(TokenGrant).where(TokenGrant.expires_at <= now))
        session.execute(
            delete(SignInFailures).where(
                SignInFailures.last_tried_at <= now - rules.FAILURES_REMEMBERED
            )
        )


def _set_password(
    session: Session, user: User, password: str, now: datetime, keep: bytes | None
) -> None:
    organization = get_entry(session, current_org()).name
    rules.check_password(password, context=(user.name, user.email.split("@")[0], organization))
    user.password_hash, user.password_changed_at = hash_password(password), now
    _end_everything(session, user.id, keep, now)
    send_later(session, "password_changed", to=user.email, name=user.name)


def _end_everything(session: Session, user_id: UUID, keep: bytes | None, now: datetime) -> None:
    ended = delete(WebSession).where(WebSession.user_id == user_id)
    session.execute(ended if keep is None else ended.where(WebSession.id_hash != keep))
    session.execute(
        update(TokenGrant)
        .where(TokenGrant.user_id == user_id, TokenGrant.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def _mailed_since(session: Session, user_id: UUID, moment: datetime) -> bool:
    mailed = exists().where(
        MailedLink.user_id == user_id,
        MailedLink.kind == LinkKind.PASSWORD_RESET,
        MailedLink.created_at > moment,
    )
    return bool(session.scalar(select(mailed)))
