"""Who may approve and pay how much: a person's limits, and the organization's table of them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.claims import queries
from insurance.claims.models import Assignment, AuthorityLevel, AuthorityLimit, ClaimSettings
from insurance.claims.rules import DEFAULT_LIMITS, Authority, Limits, check_authority, limits_of
from insurance.claims.rules.reasons import FUNERAL
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import DomainError, StaleError, raise_all
from insurance.core.first_rows import hold_row, version_of
from insurance.core.ids import new_id
from insurance.core.permissions import Permission, roles_granted
from insurance.identity.queries import get_colleague


def my_limits(session: Session) -> Limits:
    """Return what the acting person may approve or pay."""
    return _limits_in(*queries.get_authority(session, current_actor().user_id))


def _limits_in(table: Mapping[Authority, Limits], level: int) -> Limits:
    return limits_of([role.value for role in current_actor().roles], level, table)


def require_authority(
    session: Session,
    permission: Permission,
    *,
    transaction_amount: Decimal,
    benefits: Iterable[Decimal],
    claim_amount: Decimal,
) -> None:
    """Refuse what is above the acting person's limits. Raises AuthorityExceededError."""
    table, level = queries.get_authority(session, current_actor().user_id)
    allowed = frozenset(
        role.value for role in roles_granted(permission, current_actor().grant_changes)
    )
    check_authority(
        _limits_in(table, level),
        table,
        transaction=transaction_amount,
        benefits=benefits,
        claim=claim_amount,
        allowed=allowed,
    )


def set_limit(
    *, role: str, level: int, limits: Limits, version: int | None = None, now: datetime
) -> AuthorityLimit:
    """Set what a role at a level may approve or pay.

    Raises StaleError where somebody set other limits than those of `version` (`limits_version`).
    """
    default = DEFAULT_LIMITS.get(Authority(role, level))
    if default is None:
        raise DomainError("Choose a role and a level from the list.", field="role")
    with transaction() as session:
        first = AuthorityLimit(id=new_id(), role=role, level=level, updated_at=now)
        _set(first, default)
        found = hold_row(session, first, "role", "level")
        stands = Limits(found.transaction_limit, found.benefit_limit, found.claim_limit)
        before = {"limits": list(astuple(stands))}
        if version is not None and version != limits_version(stands):
            yours = {"limits": list(astuple(limits))}
            raise StaleError("Somebody else saved first.", theirs=before, yours=yours)
        _set(found, limits)
        found.updated_at = now
        session.flush()
        record(
            session,
            action="claims.set_authority",
            resource="claim_authority_limits",
            resource_id=found.id,
            before=before,
            after={
                "role": role,
                "level": level,
                "limits": [limits.transaction, limits.benefit, limits.claim],
            },
        )
        return found


def limits_version(limits: Limits) -> int:
    """Return the version of limits that somebody sees and may change."""
    return version_of(f"{amount:.2f}" for amount in astuple(limits))


def _set(row: AuthorityLimit, limits: Limits) -> None:
    row.transaction_limit = limits.transaction
    row.benefit_limit = limits.benefit
    row.claim_limit = limits.claim


def set_level(user_id: UUID, level: int) -> None:
    """Put a colleague at a level, 1 to 5. Raises NotFoundError for strangers."""
    if not 1 <= level <= 5:
        raise DomainError("A level is from 1 to 5.", field="level")
    with transaction() as session:
        person = get_colleague(session, user_id)
        found = hold_row(session, AuthorityLevel(user_id=user_id, level=1), "user_id")
        before, found.level = found.level, level
        record(
            session,
            action="claims.set_level",
            resource="claim_authority_levels",
            resource_id=user_id,
            before={"level": before},
            after={"level": level, "email": person.user.email},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlingSettings:
    """How an organization handles claims. Days to decide are business days."""

    other_days: int
    days_by_class: Mapping[str, int]
    payee_change_days: int
    early_claim_days: int
    large_loss: Decimal
    assignment: Assignment
    verified_account_first: bool = False


def change_settings(wanted: HandlingSettings, *, version: int | None = None) -> ClaimSettings:
    """Change how the organization handles claims. Raises DomainErrors at the fields.

    Raises StaleError where somebody saved since `version`.
    """
    _check_settings(wanted)
    with transaction() as session:
        found = hold_row(session, queries.get_settings(session))
        changes = asdict(wanted) | {"days_by_class": dict(wanted.days_by_class)}
        before = {name: getattr(found, name) for name in changes}
        if version is not None and version != found.version:
            raise StaleError("Somebody else saved first.", theirs=before, yours=changes)
        for name, value in changes.items():
            setattr(found, name, value)
        found.version += 1
        session.flush()
        record(
            session,
            action="claims.change_settings",
            resource="claim_settings",
            before=before,
            after=changes,
        )
        return found


def _check_settings(wanted: HandlingSettings) -> None:
    days = {"other_days": wanted.other_days} | {
        f"days_{code}": days for code, days in wanted.days_by_class.items()
    }
    errors = [
        DomainError("From 1 to 250 business days.", field=name)
        for name, value in days.items()
        if not 1 <= value <= 250
    ]
    if FUNERAL in wanted.days_by_class:
        errors.append(DomainError("The law sets the days of funeral claims.", field="other_days"))
    for name in ("payee_change_days", "early_claim_days"):
        if not 0 <= getattr(wanted, name) <= 3650:
            errors.append(DomainError("From 0 to 3650 days.", field=name))
    raise_all(errors)
