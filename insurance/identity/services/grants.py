"""Whom a bearer token stands for, and the API sign-ins that access and refresh tokens belong to."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.context import Actor, acting_as, current_actor
from insurance.core.db import transaction
from insurance.core.errors import DomainError, ForbiddenError, NotFoundError
from insurance.core.ids import new_id
from insurance.core.permissions import Permission, Role, permissions_named, read_changes
from insurance.core.tenancy import platform_scope, tenant_scope
from insurance.identity import queries, rules
from insurance.identity.models import ApiKey, TokenGrant
from insurance.identity.services.sign_in import as_person
from insurance.identity.tokens import (
    API_KEY_PREFIX,
    Claims,
    TokenPair,
    new_refresh_token,
    read_access_token,
    read_refresh_token,
    secret_hash,
    sign_access_token,
)

_SEEN_EVERY = timedelta(minutes=1)
_SPENT_KEPT = 100
_WRONG_REFRESH = "The refresh token is not valid."


def authenticate_bearer(token: str, *, now: datetime) -> Actor | None:
    """Return whom a bearer token stands for today, or None. One query."""
    scopes: frozenset[Permission] | None = None
    if token.startswith(API_KEY_PREFIX):
        row = queries.find_key_holder(secret_hash(token), now)
        if row is not None:
            scopes = permissions_named(row.scopes)
    else:
        claims = read_access_token(token, now)
        if claims is None:
            return None
        row = queries.find_grant_holder(claims.grant_id, claims.user_id, claims.org_id, now)
    if row is None or not row.roles:
        return None
    if scopes is not None and (row.last_used_at is None or now - row.last_used_at > _SEEN_EVERY):
        _note_use(row.id, now)
    return Actor(
        user_id=row.user_id,
        email=row.email,
        name=row.name,
        org_id=row.org_id,
        roles=frozenset(Role(role) for role in row.roles),
        grant_changes=read_changes(row.grant_changes),
        timezone=row.timezone,
        scopes=scopes,
    )


def open_grant(user_id: UUID, org_id: UUID, *, now: datetime) -> TokenPair:
    """Start an API sign-in. Raises NotFoundError where the person does not belong.

    Where the organization asks for a second factor that is not set up yet: ForbiddenError.
    """
    if not queries.find_roles(user_id, org_id):
        raise NotFoundError
    if not queries.find_reachable_standing(user_id, org_id):
        raise ForbiddenError(
            "This organization asks for a second factor. Sign in on its pages to set one up."
        )
    with tenant_scope(org_id), as_person(user_id, org_id), transaction() as session:
        grant = TokenGrant(
            id=new_id(),
            user_id=user_id,
            org_id=org_id,
            spent_hashes=[],
            created_at=now,
            expires_at=now + rules.REFRESH_TOKEN_LIFETIME,
        )
        pair = _new_pair(session, grant, now)
        record(session, action="identity.open_grant", resource="users", resource_id=user_id)
    return pair


def refresh_grant(refresh_token: str, *, now: datetime) -> TokenPair:
    """Exchange a refresh token for a new pair. One that was used before ends the sign-in."""
    grant_id, spent = read_refresh_token(refresh_token), secret_hash(refresh_token)
    pair = None
    with platform_scope(), transaction() as session:
        grant = _find_standing(session, grant_id, now)
        if grant is not None and grant.refresh_hash == spent and _still_belongs(grant, now):
            grant.spent_hashes = [*grant.spent_hashes[1 - _SPENT_KEPT :], spent.hex()]
            pair = _new_pair(session, grant, now)
    if pair is not None:
        return pair
    if grant is not None and spent.hex() in grant.spent_hashes:
        _end_stolen(grant, now)
    raise DomainError(_WRONG_REFRESH, field="refresh_token")


def revoke_grant(token: str, *, now: datetime) -> None:
    """End the API sign-in that an access or refresh token belongs to. Others are ignored."""
    claims = read_access_token(token, now)
    with platform_scope(), transaction() as session:
        grant = _find_standing(
            session, claims.grant_id if claims else read_refresh_token(token), now
        )
    if grant is None or (claims is None and grant.refresh_hash != secret_hash(token)):
        return
    _end(grant, now, "identity.revoke_grant")


def _find_standing(session: Session, grant_id: UUID | None, now: datetime) -> TokenGrant | None:
    if grant_id is None:
        return None
    return session.scalars(
        select(TokenGrant)
        .where(
            TokenGrant.id == grant_id,
            TokenGrant.revoked_at.is_(None),
            TokenGrant.expires_at > now,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _still_belongs(grant: TokenGrant, now: datetime) -> bool:
    held = queries.find_grant_holder(grant.id, grant.user_id, grant.org_id, now)
    return held is not None and bool(held.roles)


def _end_stolen(grant: TokenGrant, now: datetime) -> None:
    """End a sign-in whose refresh token was used twice: one of the two users has stolen it."""
    _end(grant, now, "identity.reused_refresh_token")


def _end(grant: TokenGrant, now: datetime, action: str) -> None:
    with tenant_scope(grant.org_id), transaction() as session:
        session.execute(update(TokenGrant).where(TokenGrant.id == grant.id).values(revoked_at=now))
        user = queries.get_user(session, grant.user_id)
        holder = current_actor().within(user_id=user.id, email=user.email, name=user.name)
        with acting_as(holder):
            record(session, action=action, resource="users", resource_id=user.id)


def _new_pair(session: Session, grant: TokenGrant, now: datetime) -> TokenPair:
    """Give a sign-in a fresh refresh token, and an access token with it."""
    refresh = new_refresh_token(grant.id)
    grant.refresh_hash = secret_hash(refresh)
    session.add(grant)
    session.flush()
    access = sign_access_token(Claims(grant.user_id, grant.org_id, grant.id), now)
    return TokenPair(access, refresh, int(rules.ACCESS_TOKEN_LIFETIME.total_seconds()))


def _note_use(key_id: UUID, now: datetime) -> None:
    with platform_scope(), transaction() as session:
        session.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=now))
