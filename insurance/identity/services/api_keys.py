"""Long-lived keys of programs: made, shown once, revoked."""

from datetime import datetime, timedelta
from uuid import UUID

from insurance.audit_logs.services import record
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.permissions import Permission
from insurance.core.tenancy import current_org
from insurance.identity import queries, rules
from insurance.identity.models import ApiKey
from insurance.identity.tokens import API_KEY_PREFIX, new_secret, secret_hash


def create_api_key(
    *, user_id: UUID, name: str, scopes: frozenset[Permission], days: int, now: datetime
) -> tuple[ApiKey, str]:
    """Make a key for a program in the organization in scope; returns it and its secret, shown once.

    The key acts for a person: it never may more than that person, and ends with the membership.
    """
    rules.check_api_key_lifetime(days)
    if not scopes:
        raise DomainError("Choose at least one thing the key may do.", field="scopes")
    secret = new_secret(API_KEY_PREFIX)
    with transaction() as session:
        if not scopes <= queries.get_colleague(session, user_id).permissions:
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
        key = queries.get_api_key(session, key_id, lock=True)
        if key.revoked_at is not None:
            raise ConflictError("This key has already been revoked.")
        key.revoked_at = now
        record(
            session,
            action="api_keys.revoke",
            resource="api_keys",
            resource_id=key.id,
            before={"name": key.name},
        )
