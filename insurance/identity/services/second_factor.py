"""The second factor: codes of an authenticator app, and the codes that stand in for it."""

import base64
import secrets
from datetime import datetime
from uuid import UUID

import pyotp
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core import crypto
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.tenancy import PLATFORM_ORG_ID, tenant_scope
from insurance.identity import queries, rules
from insurance.identity.models import RecoveryCode, User
from insurance.identity.services.tries import home_of
from insurance.notifications.services import send_later

TOTP_SECONDS = 30
_CODE_BYTES = 10


def new_totp_secret() -> str:
    """Return a fresh secret for an authenticator app."""
    return pyotp.random_base32()


def totp_address(secret: str, email: str) -> str:
    """Return what the QR code for an authenticator app says."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Insurance")


def enable_mfa(user_id: UUID, secret: str, code: str, *, now: datetime) -> list[str]:
    """Switch the second factor on once a code proves the app has the secret.

    Returns the recovery codes, which are shown this once. Raises DomainError at `code`.
    """
    step = _matching_step(secret, plain_code(code), now, after=None)
    if step is None:
        raise DomainError("That code is not right. Enter the newest one.", field="code")
    with tenant_scope(home_of(user_id)), transaction() as session:
        user = queries.get_user(session, user_id, lock=True)
        user.totp_secret = crypto.encrypt(PLATFORM_ORG_ID, "users", "totp_secret", user.id, secret)
        user.totp_enabled_at, user.totp_last_step = now, step
        codes = _new_recovery_codes(session, user_id)
        send_later(session, "mfa_changed", to=user.email, name=user.name, state="on")
        record(session, action="identity.enable_mfa", resource="users", resource_id=user_id)
    return codes


def renew_recovery_codes(user_id: UUID) -> list[str]:
    """Make new recovery codes; the earlier ones stop working. They are shown this once."""
    with tenant_scope(home_of(user_id)), transaction() as session:
        user = queries.get_user(session, user_id, lock=True)
        if user.totp_enabled_at is None:
            raise ConflictError("Set up the second factor first.")
        codes = _new_recovery_codes(session, user_id)
        record(
            session,
            action="identity.renew_recovery_codes",
            resource="users",
            resource_id=user_id,
        )
    return codes


def disable_mfa(user_id: UUID) -> None:
    """Switch the second factor off. An organization that demands it asks to set it up anew."""
    with tenant_scope(home_of(user_id)), transaction() as session:
        user = queries.get_user(session, user_id, lock=True)
        if user.totp_enabled_at is None:
            raise ConflictError("The second factor is off already.")
        user.totp_secret = user.totp_enabled_at = user.totp_last_step = None
        session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
        send_later(session, "mfa_changed", to=user.email, name=user.name, state="off")
        record(session, action="identity.disable_mfa", resource="users", resource_id=user_id)


def accept_code(session: Session, user: User, code: str, now: datetime) -> bool:
    """Use up a code of the app or a recovery code; each works once. The person's row is locked."""
    plain = plain_code(code)
    return _accept_totp(user, plain, now) or _accept_recovery_code(session, user.id, plain, now)


def plain_code(code: str) -> str:
    """Return a code without the spaces and dashes that people type."""
    return code.replace(" ", "").replace("-", "").lower()


def _accept_totp(user: User, code: str, now: datetime) -> bool:
    if user.totp_secret is None:
        return False
    secret = crypto.decrypt(PLATFORM_ORG_ID, "users", "totp_secret", user.id, user.totp_secret)
    step = _matching_step(secret, code, now, after=user.totp_last_step)
    if step is None:
        return False
    user.totp_last_step = step
    return True


def _matching_step(secret: str, code: str, now: datetime, *, after: int | None) -> int | None:
    """Return the time step whose unused code this is: now, just before or just after."""
    if not (code.isascii() and code.isdigit()):
        return None
    totp = pyotp.TOTP(secret)
    this_step = int(now.timestamp()) // TOTP_SECONDS
    for step in (this_step - 1, this_step, this_step + 1):
        is_fresh = after is None or step > after
        if is_fresh and secrets.compare_digest(totp.at(step * TOTP_SECONDS), code):
            return step
    return None


def _accept_recovery_code(session: Session, user_id: UUID, code: str, now: datetime) -> bool:
    used = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.code_hash == _code_hash(user_id, code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.user_id)
    ).one_or_none()
    return used is not None


def _new_recovery_codes(session: Session, user_id: UUID) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = [
        base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().lower()
        for _ in range(rules.RECOVERY_CODES)
    ]
    session.add_all(
        RecoveryCode(user_id=user_id, code_hash=_code_hash(user_id, code)) for code in codes
    )
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in codes]


def _code_hash(user_id: UUID, code: str) -> bytes:
    """Return a keyed hash: a code is short enough to be tried out against a plain one."""
    return crypto.blind_index(PLATFORM_ORG_ID, "recovery_code", f"{user_id}:{code}")
