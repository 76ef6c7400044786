"""Signing in: a password, a code where one is set up, and the audit row of the arrival."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from insurance.audit_logs.services import record
from insurance.core.context import Actor, acting_as, current_actor
from insurance.core.db import db, transaction
from insurance.core.errors import DomainError, NotFoundError
from insurance.core.tenancy import PLATFORM_ORG_ID, platform_scope, tenant_scope
from insurance.identity import queries
from insurance.identity.passwords import hash_password, is_outdated, verify_password
from insurance.identity.services.second_factor import accept_code
from insurance.identity.services.tries import WRONG, begin_try, fail_try, forget_tries, home_of


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody whose password was right, and whether a code is still to come."""

    user_id: UUID
    org_id: UUID
    needs_code: bool


def check_sign_in(email: str, password: str, *, now: datetime) -> SignedIn:
    """Check an address and password. Raises DomainError, alike and as slow for unknown people.

    Where a code is still to come, the failures before it stay counted: else who knows a password
    could try out codes without end.
    """
    address = email.strip().lower()
    found = queries.find_candidate(address)
    with tenant_scope(found.org_id if found else PLATFORM_ORG_ID), transaction() as session:
        tries = begin_try(session, address, now)
        accepted = verify_password(found.password_hash if found else None, password)
        if found is None or not accepted:
            fail_try(
                session,
                tries,
                now,
                action="identity.password",
                user_id=found.id if found else None,
                email=found.email if found else None,
            )
        elif not found.has_mfa:
            forget_tries(session, tries)
    if found is None or not accepted:
        raise DomainError(WRONG)
    if is_outdated(found.password_hash):
        _store_anew(found.id, password)
    return SignedIn(found.id, found.org_id, found.has_mfa)


def check_code(user_id: UUID, code: str, *, now: datetime, field: str = "code") -> None:
    """Check a code of the second factor, or a recovery code; each works once."""
    with tenant_scope(home_of(user_id)), transaction() as session:
        user = queries.get_user(session, user_id, lock=True)
        tries = begin_try(session, user.email, now)
        accepted = user.disabled_at is None and accept_code(session, user, code, now)
        if accepted:
            forget_tries(session, tries)
        else:
            fail_try(
                session,
                tries,
                now,
                action="identity.code",
                user_id=user.id,
                email=user.email,
            )
    if not accepted:
        raise DomainError(WRONG, field=field)


def record_sign_in(user_id: UUID, org_id: UUID) -> None:
    """Write the sign-in to the audit log of the organization the person lands in."""
    with tenant_scope(org_id), as_person(user_id, org_id), transaction() as session:
        record(session, action="identity.sign_in", resource="users", resource_id=user_id)


@contextmanager
def as_person(user_id: UUID, org_id: UUID) -> Iterator[Actor]:
    """Act as a person with the roles held today, through the door the request came by."""
    with platform_scope():
        user = queries.get_user(db.session(), user_id)
    roles = queries.find_roles(user_id, org_id)
    if not roles:
        raise NotFoundError
    actor = current_actor().within(
        user_id=user.id,
        email=user.email,
        name=user.name,
        org_id=org_id,
        roles=roles,
        is_system=False,
    )
    with acting_as(actor):
        yield actor


def _store_anew(user_id: UUID, password: str) -> None:
    with platform_scope(), transaction() as session:
        queries.get_user(session, user_id, lock=True).password_hash = hash_password(password)
