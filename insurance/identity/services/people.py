"""Who belongs to an organization, and as what."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.permissions import TENANT_ROLES, Role
from insurance.core.tenancy import PLATFORM_ORG_ID, current_org, tenant_scope
from insurance.identity import queries, rules
from insurance.identity.models import LinkKind, Membership, User
from insurance.identity.passwords import hash_password
from insurance.identity.services.accounts import mail_link
from insurance.notifications.services import send_later
from insurance.organizations.queries import get_entry

_ADMINISTRATORS = frozenset({Role.TENANT_ADMINISTRATOR, Role.PLATFORM_ADMINISTRATOR})


def invite(*, email: str, name: str, roles: frozenset[Role], base_url: str, now: datetime) -> UUID:
    """Give somebody roles in the organization in scope and mail a link, or a notice to a colleague.

    Raises ConflictError for somebody who belongs to it already.
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
            raise ConflictError("This person already belongs to the organization.", field="email")
        _give_roles(session, user.id, roles, now)
        _mail_invitation(session, user, base_url, now)
        record(
            session,
            action="people.invite",
            resource="users",
            resource_id=user.id,
            after={"email": user.email, "name": user.name, "roles": sorted(roles)},
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
    """Mail a new link to somebody who has not chosen a password yet; returns the address."""
    with transaction() as session:
        queries.get_colleague(session, user_id)
        user = queries.get_user(session, user_id, lock=True)
        if user.password_hash is not None:
            raise ConflictError("This person has chosen a password already.")
        _mail_invitation(session, user, base_url, now)
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
    _give_roles(session, user.id, roles - held, now)
    record(
        session,
        action="people.add",
        resource="users",
        resource_id=user.id,
        before={"roles": sorted(held)} if held else None,
        after={"email": user.email, "name": user.name, "roles": sorted(roles | held)},
    )
    return user


def change_roles(user_id: UUID, roles: frozenset[Role], *, now: datetime) -> None:
    """Change what a person is in the organization in scope; none at all ends the membership.

    The last administrator cannot be taken away. Raises ConflictError.
    """
    with transaction() as session:
        before = frozenset(queries.get_colleague(session, user_id).roles)
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
        _give_roles(session, user_id, roles - before, now)
        record(
            session,
            action="people.change_roles" if roles else "people.remove",
            resource="users",
            resource_id=user_id,
            before={"roles": sorted(before)},
            after={"roles": sorted(roles)},
        )


def _mail_invitation(session: Session, user: User, base_url: str, now: datetime) -> None:
    values: dict[str, Any] = {
        "name": user.name,
        "inviter": current_actor().name,
        "organization": get_entry(session, current_org()).name,
    }
    if user.password_hash is not None:
        send_later(session, "access_given", to=user.email, link=f"{base_url}/sign-in", **values)
        return
    link = mail_link(session, user, LinkKind.INVITATION, rules.INVITATION_LIFETIME, now)
    send_later(session, "invitation", to=user.email, link=f"{base_url}/welcome/{link}", **values)


def _checked_name(name: str) -> str:
    called = " ".join(name.split())
    if not called or len(called) > 200:
        raise DomainError("Enter a name of at most 200 characters.", field="name")
    return called


def _check_roles(roles: frozenset[Role]) -> None:
    is_platform = current_org() == PLATFORM_ORG_ID
    allowed = {Role.PLATFORM_ADMINISTRATOR} if is_platform else set(TENANT_ROLES)
    if not roles or not roles <= allowed:
        raise DomainError("Choose at least one of the roles on the list.", field="roles")


def _give_roles(session: Session, user_id: UUID, roles: frozenset[Role], now: datetime) -> None:
    session.add_all(
        Membership(user_id=user_id, org_id=current_org(), role=role, created_at=now)
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
        .where(Membership.org_id == current_org(), Membership.role.in_(_ADMINISTRATORS))
        .order_by(Membership.user_id)
        .with_for_update()
    ).all()
    if not set(others) - {user_id}:
        raise ConflictError("The last administrator stays: name another one first.", field="roles")
