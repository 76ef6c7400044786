"""Counting failures in a row, alike for addresses that somebody has and for those nobody has."""

import hashlib
from contextlib import ExitStack
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from insurance.audit_logs.models import Outcome
from insurance.audit_logs.services import record
from insurance.core.context import acting_as, current_actor
from insurance.core.db import db, transaction
from insurance.core.errors import DomainError, NotFoundError
from insurance.core.tenancy import platform_scope, tenant_scope
from insurance.identity import queries, rules
from insurance.identity.models import SignInFailures
from insurance.identity.passwords import verify_password

WRONG = "The e-mail address, the password or the code is not right."


def home_of(user_id: UUID) -> UUID:
    """Return the organization in whose audit log a person's own doings stand: the first joined."""
    with platform_scope():
        memberships = queries.list_memberships(db.session(), user_id)
    if not memberships:
        raise NotFoundError
    return memberships[0].org_id


def begin_try(session: Session, email: str, now: datetime) -> SignInFailures:
    """Hold an address for one try, so that tries come one by one.

    Raises DomainError while the address has to wait.
    """
    held = (
        insert(SignInFailures)
        .values(address_hash=_address_hash(email), failures=0, last_tried_at=now)
        .on_conflict_do_update(
            index_elements=[SignInFailures.address_hash], set_={"last_tried_at": now}
        )
        .returning(SignInFailures)
    )
    found = session.scalars(held, execution_options={"populate_existing": True}).one()
    if found.locked_until is not None and found.locked_until > now:
        seconds = int((found.locked_until - now).total_seconds()) + 1
        raise DomainError(f"Too many failures. Try again in {seconds} seconds.")
    return found


def fail_try(
    session: Session,
    tries: SignInFailures,
    now: datetime,
    *,
    action: str,
    user_id: UUID | None,
    email: str | None,
) -> None:
    """Count a failure and record it. What was typed is not kept: it may be a password."""
    tries.failures += 1
    tries.locked_until = now + rules.delay_after(tries.failures)
    with ExitStack() as scope:
        if email is not None:
            scope.enter_context(acting_as(current_actor().within(email=email)))
        record(
            session,
            action=action,
            resource="users",
            resource_id=user_id,
            after={"failures": tries.failures},
            outcome=Outcome.REFUSED,
        )


def forget_tries(session: Session, tries: SignInFailures) -> None:
    """Start counting anew after a success."""
    session.delete(tries)


def forget_failures(session: Session, email: str) -> None:
    """Let an address be tried at once again: its owner has just proved to read its mail."""
    session.execute(
        delete(SignInFailures).where(SignInFailures.address_hash == _address_hash(email))
    )


def confirm_password(
    user_id: UUID, password: str, *, now: datetime, field: str = "password"
) -> None:
    """Check a signed-in person's password once more, before something that matters.

    Raises DomainError at `field`.
    """
    with tenant_scope(home_of(user_id)), transaction() as session:
        user = queries.get_user(session, user_id)
        tries = begin_try(session, user.email, now)
        accepted = verify_password(user.password_hash, password)
        if accepted:
            forget_tries(session, tries)
        else:
            fail_try(
                session,
                tries,
                now,
                action="identity.password",
                user_id=user.id,
                email=user.email,
            )
    if not accepted:
        raise DomainError("That is not your password.", field=field)


def _address_hash(email: str) -> bytes:
    return hashlib.sha256(email.encode()).digest()
