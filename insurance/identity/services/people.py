"""Who belongs to an organization, and as what."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.context import current_actor
from insurance.core.db import db, transaction
from insurance.core.errors import ConflictError, DomainError, NotFoundError, StaleError
from insurance.core.first_rows import version_of
from insurance.core.permissions import Role
from insurance.core.tenancy import current_org, platform_scope, tenant_scope
from insurance.identity import queries, rules
from insurance.identity.models import (
    ApiKey,
    LinkKind,
    MailedLink,
    Membership,
    TokenGrant,
    User,
    WebSession,
)
from insurance.identity.passwords import hash_password
from insurance.identity.services.accounts import USED_LINK, begin_membership, mail_link
from insurance.identity.tokens import secret_hash
from insurance.notifications.services import send_later
from insurance.organizations.queries import get_entry, get_organization

_ADMINISTRATORS = frozenset({Role.TENANT_ADMINISTRATOR, Role.PLATFORM_ADMINISTRATOR})


def invite(*, email: str, name: str, roles: frozenset[Role], base_url: str, now: datetime) -> UUID:
    """Offer somebody roles in the organization in scope and mail the link to accept them.

    What the person has elsewhere is neither shown nor touched; the membership begins when the
    link is used. Raises ConflictError for somebody who belongs to it or is invited already.
    """
    address, called = rules.check_email(email), _checked_name(name)
    _check_roles(roles)
    with transaction() as session:
        user = queries.find_user_by_email(session, address, lock=True)
        if user is None:
            user = User(email=address, name=called, created_at=now)
            session.add(user)
            session.flush()
        elif queries.list_roles(session, user.id):
            raise ConflictError(
                "This person already belongs to the organization or is invited.", field="email"
            )
        _give_roles(session, user.id, roles, now, invited_name=called)
        _mail_invitation(session, user, called, base_url, now)
        record(
            session,
            action="people.invite",
            resource="users",
            resource_id=user.id,
            after={"email": address, "name": called, "roles": sorted(roles)},
        )
    return user.id


def invite_administrator(
    org_id: UUID, *, email: str, name: str, base_url: str, now: datetime
) -> UUID:
    """Invite an administrator to an insurer, from the platform's side."""
    with tenant_scope(org_id):
        return invite(
            email=email,
            name=name,
            roles=frozenset({Role.TENANT_ADMINISTRATOR}),
            base_url=base_url,
            now=now,
        )


def resend_invitation(user_id: UUID, *, base_url: str, now: datetime) -> str:
    """Mail a new link to somebody who has not accepted yet; returns the address."""
    with transaction() as session:
        colleague = queries.get_colleague(session, user_id)
        if colleague.has_accepted:
            raise ConflictError("This person has accepted already.")
        user = queries.get_user(session, user_id, lock=True)
        _mail_invitation(session, user, colleague.name, base_url, now)
        record(session, action="people.invite_again", resource="users", resource_id=user_id)
    return user.email


def add_user(
    session: Session, *, email: str, name: str, password: str, roles: frozenset[Role], now: datetime
) -> User:
    """Give a person roles in the organization in scope, with a password if the person is new.

    Somebody known keeps the password. For the command line and the demo data.
    """
    address = rules.check_email(email)
    _check_roles(roles)
    user = queries.find_user_by_email(session, address, lock=True)
    if user is None:
        user = User(email=address, name=_checked_name(name), created_at=now)
        user.password_hash, user.password_changed_at = hash_password(password), now
        session.add(user)
        session.flush()
    held = queries.list_roles(session, user.id)
    _give_roles(session, user.id, roles - held, now, accepted_at=now)
    record(
        session,
        action="people.add",
        resource="users",
        resource_id=user.id,
        before={"roles": sorted(held)} if held else None,
        after={"email": user.email, "name": user.name, "roles": sorted(roles | held)},
    )
    return user


def roles_version(roles: Iterable[Role]) -> int:
    """Return the version of roles that somebody sees and may change."""
    return version_of(sorted(roles))


def change_roles(
    user_id: UUID, roles: frozenset[Role], *, version: int | None = None, now: datetime
) -> None:
    """Change what a person is in the organization in scope; none at all ends the membership.

    The end is for good: keys, API sign-ins and open browsers of the person enter the organization
    no more, also after another invitation. The last administrator cannot be taken away. Raises
    ConflictError; StaleError where somebody gave other roles than those of `version`.
    """
    with transaction() as session:
        # One change of roles after another: each sees what the one before it left.
        get_organization(session, lock=True)
        colleague = queries.get_colleague(session, user_id)
        before = frozenset(colleague.roles)
        if version is not None and version != roles_version(before):
            raise StaleError(
                "Somebody else saved first.",
                theirs={"roles": sorted(before)},
                yours={"roles": sorted(roles)},
            )
        if roles:
            _check_roles(roles)
        if user_id == current_actor().user_id and before & _ADMINISTRATORS - roles:
            raise ConflictError(
                "Ask another administrator: you cannot take this from yourself.", field="roles"
            )
        _keep_an_administrator(session, user_id, before, roles)
        session.execute(
            delete(Membership).where(
                Membership.user_id == user_id,
                Membership.org_id == current_org(),
                Membership.role.in_(before - roles),
            )
        )
        _give_roles(
            session,
            user_id,
            roles - before,
            now,
            invited_name=None if colleague.has_accepted else colleague.name,
            accepted_at=now if colleague.has_accepted else None,
        )
        if not roles:
            _shut_out(session, user_id, now)
        record(
            session,
            action="people.change_roles" if roles else "people.remove",
            resource="users",
            resource_id=user_id,
            before={"roles": sorted(before)},
            after={"roles": sorted(roles)},
        )


@dataclass(frozen=True, slots=True)
class Invitation:
    """Where an open link invites somebody to, and whether the person has no password yet."""

    organization: str
    email: str
    roles: tuple[Role, ...]
    is_new: bool


def find_invitation(token: str, *, now: datetime) -> Invitation:
    """Return what an invitation's link offers. Raises NotFoundError for one that is not open."""
    with platform_scope():
        session = db.session()
        link = queries.find_open_link(session, secret_hash(token), now)
        if link is None or link.kind is not LinkKind.INVITATION:
            raise NotFoundError(USED_LINK)
        user = queries.get_user(session, link.user_id)
        organization = get_entry(session, link.org_id).name
    with tenant_scope(link.org_id):
        roles = queries.list_roles(db.session(), user.id)
    return Invitation(organization, user.email, tuple(sorted(roles)), user.password_hash is None)


def accept_invitation(token: str, *, now: datetime) -> None:
    """Begin the membership that somebody with a password was invited to. The link works once.

    Raises NotFoundError for a used, expired or false link.
    """
    with platform_scope():
        found = queries.find_open_link(db.session(), secret_hash(token), now)
    if found is None or found.kind is not LinkKind.INVITATION:
        raise NotFoundError(USED_LINK)
    with tenant_scope(found.org_id), transaction() as session:
        link = queries.find_open_link(session, secret_hash(token), now, lock=True)
        if link is None:
            raise NotFoundError(USED_LINK)
        link.used_at = now
        begin_membership(session, link.user_id, now)
        record(
            session, action="people.accept_invitation", resource="users", resource_id=link.user_id
        )


def _shut_out(session: Session, user_id: UUID, now: datetime) -> None:
    """Revoke what a person holds in the organization in scope, for good."""
    org_id = current_org()
    for kind in (ApiKey, TokenGrant):
        session.execute(
            update(kind)
            .where(kind.user_id == user_id, kind.org_id == org_id, kind.revoked_at.is_(None))
            .values(revoked_at=now)
        )
    session.execute(
        delete(MailedLink).where(
            MailedLink.user_id == user_id,
            MailedLink.org_id == org_id,
            MailedLink.kind == LinkKind.INVITATION,
        )
    )
    session.execute(
        update(WebSession)
        .where(WebSession.user_id == user_id)
        .values(left_orgs=func.array_append(WebSession.left_orgs, org_id))
        .execution_options(synchronize_session=False)
    )


def _mail_invitation(session: Session, user: User, name: str, base_url: str, now: datetime) -> None:
    values: dict[str, Any] = {
        "name": name,
        "inviter": current_actor().name,
        "organization": get_entry(session, current_org()).name,
    }
    link = mail_link(session, user, LinkKind.INVITATION, rules.INVITATION_LIFETIME, now)
    kind = "invitation" if user.password_hash is None else "access_offered"
    send_later(session, kind, to=user.email, link=f"{base_url}/welcome/{link}", **values)


def _checked_name(name: str) -> str:
    called = " ".join(name.split())
    if not called or len(called) > 200:
        raise DomainError("Enter a name of at most 200 characters.", field="name")
    return called


def _check_roles(roles: frozenset[Role]) -> None:
    if not roles or not roles <= set(queries.list_roles_here()):
        raise DomainError("Choose at least one of the roles on the list.", field="roles")


def _give_roles(
    session: Session,
    user_id: UUID,
    roles: frozenset[Role],
    now: datetime,
    *,
    invited_name: str | None = None,
    accepted_at: datetime | None = None,
) -> None:
    session.add_all(
        Membership(
            user_id=user_id,
            org_id=current_org(),
            role=role,
            created_at=now,
            accepted_at=accepted_at,
            invited_name=invited_name,
        )
        for role in sorted(roles)
    )
    session.flush()


def _keep_an_administrator(
    session: Session, user_id: UUID, before: frozenset[Role], after: frozenset[Role]
) -> None:
    if not (before & _ADMINISTRATORS) or after & _ADMINISTRATORS:
        return
    # The lock makes two administrators who remove each other wait for one another.
    others = session.scalars(
        select(Membership.user_id)
        .where(
            Membership.org_id == current_org(),
            Membership.role.in_(_ADMINISTRATORS),
            Membership.accepted_at.is_not(None),
        )
        .order_by(Membership.user_id)
        .with_for_update()
    ).all()
    if not set(others) - {user_id}:
        raise ConflictError("The last administrator stays: name another one first.", field="roles")
