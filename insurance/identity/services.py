"""Signing in, inviting, changing what people are, and making and revoking tokens."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from insurance.audit_logs.models import Outcome
from insurance.audit_logs.services import record
from insurance.core import crypto
from insurance.core.context import Actor, acting_as, current_actor
from insurance.core.db import db, transaction
from insurance.core.errors import ConflictError, DomainError, NotFoundError
from insurance.core.permissions import GRANTS, TENANT_ROLES, May, Role
from insurance.core.tenancy import PLATFORM_ORG_ID, current_org, platform_scope, tenant_scope
from insurance.identity import queries, rules
from insurance.identity.models import (
    ApiKey,
    LinkKind,
    MailedLink,
    Membership,
    RecoveryCode,
    TokenGrant,
    User,
    WebSession,
)
from insurance.identity.tokens import (
    API_KEY_PREFIX,
    Claims,
    new_secret,
    read_access_token,
    secret_hash,
    sign_access_token,
)
from insurance.notifications.services import send_later

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_DECOY = _hasher.hash("nobody has this password")
WRONG = "The e-mail address, the password or the code is not right."
TOTP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody whose password was right, and whether a code is still to come."""

    user_id: UUID
    org_id: UUID
    needs_code: bool


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What an API sign-in gives. `expires_in` in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


def check_sign_in(email: str, password: str, *, now: datetime) -> SignedIn:
    """Check an address and password. Raises DomainError, alike and as slow for unknown people."""
    with platform_scope():
        session = db.session()
        user = queries.find_user_by_email(session, email)
        memberships = queries.list_memberships(session, user.id) if user else []
    if user is None or not memberships or user.disabled_at is not None:
        _verify(_DECOY, password)
        raise DomainError(WRONG)
    with tenant_scope(memberships[0].org_id):
        _check_password_of(user.id, password, now)
    return SignedIn(user.id, memberships[0].org_id, user.totp_enabled_at is not None)


def check_code(user_id: UUID, code: str, *, now: datetime) -> None:
    """Check a code of the second factor, or a recovery code; each works once."""
    plain = code.replace(" ", "").replace("-", "").lower()
    with tenant_scope(_home(user_id)):
        with transaction() as session:
            user = queries.get_user(session, user_id, lock=True)
            _refuse_while_locked(user, now)
            accepted = _accept_totp(user, plain, now) or _accept_recovery_code(
                session, user, plain, now
            )
            _count_try(session, user, accepted, now, "identity.code")
        if not accepted:
            raise DomainError(WRONG, field="code")


def record_sign_in(user_id: UUID, org_id: UUID) -> None:
    """Write the sign-in to the audit log of the organization the person lands in."""
    with tenant_scope(org_id):
        with platform_roles(user_id, org_id):
            with transaction() as session:
                record(session, action="identity.sign_in", resource="users", resource_id=user_id)


def platform_roles(user_id: UUID, org_id: UUID) -> Any:
    """Return a scope in which the person acts with today's roles."""
    user = queries.get_user(db.session(), user_id)
    actor = current_actor().within(
        user_id=user.id,
        email=user.email,
        name=user.name,
        org_id=org_id,
        roles=queries.find_roles(user_id, org_id),
    )
    return acting_as(actor)


def change_password(
    user_id: UUID, *, old: str, new: str, keep_session: bytes | None, now: datetime
) -> None:
    """Set a new password; every other browser and API sign-in of the person ends."""
    with tenant_scope(_home(user_id)):
        _check_password_of(user_id, old, now)
        with transaction() as session:
            user = queries.get_user(session, user_id, lock=True)
            _set_password(session, user, new, now, keep_session)
            record(
                session, action="identity.change_password", resource="users", resource_id=user_id
            )


def sign_out_everywhere(user_id: UUID, *, keep_session: bytes | None, now: datetime) -> None:
    """End every browser session but the one kept, and every API sign-in."""
    with tenant_scope(_home(user_id)):
        with transaction() as session:
            _end_everything(session, user_id, keep_session, now)
            record(
                session,
                action="identity.sign_out_everywhere",
                resource="users",
                resource_id=user_id,
            )


def set_preferences(user_id: UUID, preferences: dict[str, str]) -> None:
    """Store how a person likes the screens: theme, density, keys."""
    with tenant_scope(_home(user_id)):
        with transaction() as session:
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


def new_totp_secret() -> str:
    """Return a fresh secret for an authenticator app."""
    return pyotp.random_base32()


def totp_address(secret: str, email: str) -> str:
    """Return what the QR code for an authenticator app says."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Insurance")


def enable_mfa(user_id: UUID, secret: str, code: str, *, now: datetime) -> list[str]:
    """Switch the second factor on once a code proves the app has the secret.

    Returns the recovery codes, which are shown this once.
    """
    if not pyotp.TOTP(secret).verify(code.replace(" ", ""), for_time=now, valid_window=1):
        raise DomainError("That code is not right. Enter the newest one.", field="code")
    codes = [secrets.token_hex(5) for _ in range(rules.RECOVERY_CODES)]
    with tenant_scope(_home(user_id)):
        with transaction() as session:
            user = queries.get_user(session, user_id, lock=True)
            user.totp_secret = crypto.encrypt(
                PLATFORM_ORG_ID, "users", "totp_secret", user.id, secret
            )
            user.totp_enabled_at = now
            user.totp_last_step = int(now.timestamp()) // TOTP_SECONDS
            session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
            session.add_all(
                RecoveryCode(user_id=user_id, code_hash=secret_hash(code)) for code in codes
            )
            record(session, action="identity.enable_mfa", resource="users", resource_id=user_id)
    return codes


def invite(
    *, email: str, name: str, roles: frozenset[Role], base_url: str, organization: str, now: datetime
) -> UUID:
    """Give somebody roles in the organization in scope and mail a link, or a notice to a colleague.

    Raises ConflictError for somebody who belongs to it already.
    """
    with transaction() as session:
        _check_roles(roles)
        user = queries.find_user_by_email(session, email, lock=True)
        if user is None:
            user = User(email=email.strip().lower(), name=name, created_at=now)
            session.add(user)
            session.flush()
        elif queries.find_roles(user.id, current_org()):
            raise ConflictError("This person already belongs to the organization.", field="email")
        _give_roles(session, user.id, roles, now)
        values = {"name": user.name, "inviter": current_actor().name, "organization": organization}
        if user.password_hash is None:
            link = _mail_link(session, user, LinkKind.INVITATION, rules.INVITATION_LIFETIME, now)
            send_later(
                session, "invitation", to=user.email, link=f"{base_url}/welcome/{link}", **values
            )
        else:
            send_later(
                session, "access_given", to=user.email, link=f"{base_url}/sign-in", **values
            )
        record(
            session,
            action="people.invite",
            resource="users",
            resource_id=user.id,
            after={"email": user.email, "name": user.name, "roles": sorted(roles)},
        )
    return user.id


def add_user(
    session: Session, *, email: str, name: str, password: str, roles: frozenset[Role], now: datetime
) -> User:
    """Create a person with a password in the organization in scope (command line and seed)."""
    _check_roles(roles)
    user = queries.find_user_by_email(session, email)
    if user is None:
        user = User(email=email.strip().lower(), name=name, created_at=now)
        user.password_hash, user.password_changed_at = _hasher.hash(password), now
        session.add(user)
        session.flush()
    _give_roles(session, user.id, roles, now)
    record(
        session,
        action="people.add",
        resource="users",
        resource_id=user.id,
        after={"email": user.email, "name": user.name, "roles": sorted(roles)},
    )
    return user


def change_roles(user_id: UUID, roles: frozenset[Role], *, now: datetime) -> None:
    """Change what a person is in the organization in scope; none at all ends the membership.

    The last administrator cannot be taken away. Raises ConflictError.
    """
    with transaction() as session:
        before = queries.get_colleague(session, user_id).roles
        if roles:
            _check_roles(roles)
        _keep_an_administrator(session, user_id, frozenset(before), roles)
        session.execute(
            delete(Membership).where(
                Membership.user_id == user_id, Membership.org_id == current_org()
            )
        )
        _give_roles(session, user_id, roles, now)
        record(
            session,
            action="people.change_roles" if roles else "people.remove",
            resource="users",
            resource_id=user_id,
            before={"roles": sorted(before)},
            after={"roles": sorted(roles)},
        )


def ask_for_reset(email: str, *, base_url: str, now: datetime) -> None:
    """Mail a link for a new password. Says nothing of whether the address is known."""
    with platform_scope():
        user = queries.find_user_by_email(db.session(), email)
        memberships = queries.list_memberships(db.session(), user.id) if user else []
    if user is None or not memberships or user.disabled_at is not None:
        return
    with tenant_scope(memberships[0].org_id):
        with transaction() as session:
            link = _mail_link(session, user, LinkKind.PASSWORD_RESET, rules.RESET_LIFETIME, now)
            send_later(
                session,
                "password_reset",
                to=user.email,
                name=user.name,
                link=f"{base_url}/new-password/{link}",
            )
            record(session, action="identity.ask_reset", resource="users", resource_id=user.id)


def find_link_user(token: str, kind: LinkKind, *, now: datetime) -> User:
    """Return whom an open link is for. Raises NotFoundError for a used, expired or false one."""
    with platform_scope():
        link = queries.find_open_link(db.session(), secret_hash(token), now)
        if link is None or link.kind is not kind:
            raise NotFoundError("This link has been used or has expired. Ask for a new one.")
        return queries.get_user(db.session(), link.user_id)


def use_link(token: str, kind: LinkKind, *, password: str, now: datetime) -> UUID:
    """Set the password that an invitation or a reset asks for. The link works once."""
    user = find_link_user(token, kind, now=now)
    with tenant_scope(_home(user.id)):
        with transaction() as session:
            link = queries.find_open_link(session, secret_hash(token), now, lock=True)
            if link is None or link.kind is not kind:
                raise NotFoundError("This link has been used or has expired. Ask for a new one.")
            link.used_at = now
            user = queries.get_user(session, link.user_id, lock=True)
            _set_password(session, user, password, now, None)
            user.failed_logins, user.locked_until = 0, None
            record(
                session,
                action=f"identity.use_{kind.value.lower()}",
                resource="users",
                resource_id=user.id,
            )
    return user.id


def authenticate_bearer(token: str, *, now: datetime) -> Actor | None:
    """Return whom a bearer token stands for today, or None. One query."""
    if token.startswith(API_KEY_PREFIX):
        row = queries.find_key_holder(secret_hash(token), now)
        scopes = frozenset(May(scope) for scope in row.scopes if scope in set(May)) if row else None
    else:
        claims = read_access_token(token, now)
        if claims is None:
            return None
        row = queries.find_grant_holder(claims.grant_id, claims.user_id, claims.org_id)
        scopes = None
    if row is None or not row.roles:
        return None
    return Actor(
        user_id=row.user_id,
        email=row.email,
        name=row.name,
        org_id=row.org_id,
        roles=frozenset(Role(role) for role in row.roles),
        scopes=scopes,
    )


def open_grant(user_id: UUID, org_id: UUID, *, now: datetime) -> TokenPair:
    """Start an API sign-in. Raises NotFoundError where the person does not belong."""
    if not queries.find_roles(user_id, org_id):
        raise NotFoundError
    refresh = new_secret()
    with tenant_scope(org_id), platform_roles(user_id, org_id):
        with transaction() as session:
            grant = TokenGrant(
                user_id=user_id,
                org_id=org_id,
                refresh_hash=secret_hash(refresh),
                created_at=now,
                expires_at=now + rules.REFRESH_TOKEN_LIFETIME,
            )
            session.add(grant)
            session.flush()
            record(
                session, action="identity.open_grant", resource="users", resource_id=user_id
            )
    return _pair(grant, refresh, now)


def refresh_grant(refresh_token: str, *, now: datetime) -> TokenPair:
    """Exchange a refresh token for a new pair. One that was used before ends the sign-in."""
    spent = secret_hash(refresh_token)
    with platform_scope():
        with transaction() as session:
            grant = session.scalars(
                select(TokenGrant)
                .where(
                    (TokenGrant.refresh_hash == spent)
                    | TokenGrant.spent_hashes.contains([spent.hex()])
                )
                .with_for_update()
            ).one_or_none()
            stands = (
                grant is not None and grant.revoked_at is None and grant.expires_at > now
            )
            if grant is not None and stands and grant.refresh_hash == spent:
                fresh = new_secret()
                grant.spent_hashes = [*grant.spent_hashes, spent.hex()]
                grant.refresh_hash = secret_hash(fresh)
                return _pair(grant, fresh, now)
            if grant is not None and grant.revoked_at is None:
                grant.revoked_at = now
    raise DomainError("The refresh token is not valid.", field="refresh_token")


def revoke_grant(token: str, user_id: UUID, *, now: datetime) -> None:
    """End the API sign-in that an access or refresh token belongs to. Unknown ones are ignored."""
    claims = read_access_token(token, now)
    condition = (
        TokenGrant.id == claims.grant_id
        if claims
        else TokenGrant.refresh_hash == secret_hash(token)
    )
    with transaction() as session:
        session.execute(
            update(TokenGrant)
            .where(condition, TokenGrant.user_id == user_id, TokenGrant.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        record(session, action="identity.revoke_grant", resource="users", resource_id=user_id)


def create_api_key(
    *, user_id: UUID, name: str, scopes: frozenset[May], days: int, now: datetime
) -> tuple[ApiKey, str]:
    """Make a key for a program in the organization in scope; returns it with its secret, shown once."""
    rules.check_api_key_lifetime(days)
    if not scopes:
        raise DomainError("Choose at least one thing the key may do.", field="scopes")
    secret = new_secret(API_KEY_PREFIX)
    with transaction() as session:
        held = frozenset[May]().union(*(GRANTS[role] for role in _roles_of(session, user_id)))
        if not scopes <= held:
            raise DomainError("A key cannot do more than its holder.", field="scopes")
        key = ApiKey(
            org_id=current_org(),
            user_id=user_id,
            name=name,
            key_hash=secret_hash(secret),
            hint=secret[-4:],
            scopes=sorted(scopes),
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        session.add(key)
        session.flush()
        record(
            session,
            action="api_keys.create",
            resource="api_keys",
            resource_id=key.id,
            after={"name": name, "scopes": sorted(scopes), "expires_at": key.expires_at},
        )
    return key, secret


def revoke_api_key(key_id: UUID, *, now: datetime) -> None:
    """Revoke a key of the organization in scope at once."""
    with transaction() as session:
        key = session.scalars(
            select(ApiKey)
            .where(ApiKey.id == key_id, ApiKey.org_id == current_org())
            .with_for_update()
        ).one_or_none()
        if key is None:
            raise NotFoundError
        if key.revoked_at is not None:
            raise ConflictError("This key has already been revoked.")
        key.revoked_at = now
        record(session, action="api_keys.revoke", resource="api_keys", resource_id=key.id)


def _roles_of(session: Session, user_id: UUID) -> tuple[Role, ...]:
    return queries.get_colleague(session, user_id).roles


def _pair(grant: TokenGrant, refresh: str, now: datetime) -> TokenPair:
    access = sign_access_token(Claims(grant.user_id, grant.org_id, grant.id), now)
    return TokenPair(access, refresh, int(rules.ACCESS_TOKEN_LIFETIME.total_seconds()))


def _home(user_id: UUID) -> UUID:
    """Return the organization in whose audit log a person's own doings stand: the oldest."""
    with platform_scope():
        memberships = queries.list_memberships(db.session(), user_id)
    if not memberships:
        raise NotFoundError
    return memberships[0].org_id


def _check_password_of(user_id: UUID, password: str, now: datetime) -> None:
    with transaction() as session:
        user = queries.get_user(session, user_id, lock=True)
        _refuse_while_locked(user, now)
        accepted = _verify(user.password_hash or _DECOY, password) and bool(user.password_hash)
        _count_try(session, user, accepted, now, "identity.password")
        if accepted and _hasher.check_needs_rehash(user.password_hash or _DECOY):
            user.password_hash = _hasher.hash(password)
    if not accepted:
        raise DomainError(WRONG)


def _refuse_while_locked(user: User, now: datetime) -> None:
    if user.locked_until is not None and user.locked_until > now:
        seconds = int((user.locked_until - now).total_seconds()) + 1
        raise DomainError(f"Too many failures. Try again in {seconds} seconds.")


def _count_try(session: Session, user: User, accepted: bool, now: datetime, action: str) -> None:
    if accepted:
        user.failed_logins, user.locked_until = 0, None
        return
    user.failed_logins += 1
    user.locked_until = now + rules.delay_after(user.failed_logins)
    with acting_as(current_actor().within(email=user.email)):
        record(
            session,
            action=action,
            resource="users",
            resource_id=user.id,
            after={"failed_logins": user.failed_logins},
            outcome=Outcome.REFUSED,
        )


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _accept_totp(user: User, code: str, now: datetime) -> bool:
    if user.totp_secret is None or not (code.isascii() and code.isdigit()):
        return False
    totp = pyotp.TOTP(
        crypto.decrypt(PLATFORM_ORG_ID, "users", "totp_secret", user.id, user.totp_secret)
    )
    this_step = int(now.timestamp()) // TOTP_SECONDS
    for step in (this_step - 1, this_step, this_step + 1):
        is_fresh = user.totp_last_step is None or step > user.totp_last_step
        if is_fresh and secrets.compare_digest(totp.at(step * TOTP_SECONDS), code):
            user.totp_last_step = step
            return True
    return False


def _accept_recovery_code(session: Session, user: User, code: str, now: datetime) -> bool:
    used = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user.id,
            RecoveryCode.code_hash == secret_hash(code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.user_id)
    ).one_or_none()
    return used is not None


def _set_password(
    session: Session, user: User, password: str, now: datetime, keep: bytes | None
) -> None:
    rules.check_password(password, context=(user.name, user.email.split("@")[0]))
    user.password_hash, user.password_changed_at = _hasher.hash(password), now
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


def _mail_link(
    session: Session, user: User, kind: LinkKind, lifetime: timedelta, now: datetime
) -> str:
    """Make a link; earlier ones of the kind stop working."""
    session.execute(
        delete(MailedLink).where(MailedLink.user_id == user.id, MailedLink.kind == kind)
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


_ADMINISTRATORS = frozenset({Role.TENANT_ADMINISTRATOR, Role.PLATFORM_ADMINISTRATOR})


def _keep_an_administrator(
    session: Session, user_id: UUID, before: frozenset[Role], after: frozenset[Role]
) -> None:
    if not (before & _ADMINISTRATORS) or after & _ADMINISTRATORS:
        return
    # The lock makes two administrators who remove each other wait for one another.
    others = session.scalars(
        select(Membership.user_id)
        .where(Membership.org_id == current_org(), Membership.role.in_(_ADMINISTRATORS))
        .with_for_update()
    ).all()
    if set(others) == {user_id}:
        raise ConflictError("The last administrator stays: name another one first.", field="roles")
