"""What every step of a claim leaves behind: its own event, the policy's, and the audit log's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.audit_logs.rules import plain
from insurance.audit_logs.services import record
from insurance.claims import queries
from insurance.claims.models import Claim, ClaimEvent, ClaimStatus
from insurance.claims.rules import check_move
from insurance.core.context import current_actor
from insurance.core.counts import count_change
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.ids import new_id
from insurance.policies.models import EventCategory, Policy
from insurance.policies.queries import get_policy
from insurance.policies.services.history import record_event


@dataclass(frozen=True, slots=True)
class Held:
    """A claim and its policy, both held, with the business day and the moment of a command."""

    session: Session
    policy: Policy
    claim: Claim
    on: date
    now: datetime


def hold(
    session: Session, claim_id: UUID, *, on: date, now: datetime, version: int | None = None
) -> Held:
    """Hold a claim for a command: the policy's row first, so that no two commands cross.

    Raises NotFoundError; ConflictError where somebody saved since `version` was read.
    """
    policy_id = queries.get_claim(session, claim_id).policy_id
    policy = get_policy(session, policy_id, lock=True)
    claim = queries.get_claim(session, claim_id, lock=True)
    if version is not None and version != claim.version:
        raise ConflictError(
            "Somebody has changed this claim since you opened it.",
            detail={"version": claim.version, "status": claim.status.value},
        )
    return Held(session, policy, claim, on, now)


def require_person() -> UUID:
    """Return who is acting. Raises ForbiddenError for a program."""
    user_id = current_actor().user_id
    if user_id is None:
        raise ForbiddenError("A person decides this, not a program.")
    return user_id


def require_reason(reason: str, field: str = "reason") -> str:
    """Return a reason, trimmed. Raises DomainError where there is none."""
    if not reason.strip():
        raise DomainError("Say why.", field=field)
    return reason.strip()


def set_status(held: Held, status: ClaimStatus) -> None:
    """Move a claim along the table and keep the figures of the tabs. Raises ConflictError."""
    claim = held.claim
    if claim.status is status:
        return
    check_move(claim.status.value, status.value)
    count_change(held.session, f"claims.{claim.status}", claim.id, -1)
    count_change(held.session, f"claims.{status}", claim.id, 1)
    claim.status = status


def tell(
    held: Held,
    event_type: str,
    description: str,
    *,
    reason: str | None = None,
    payload: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
    on_policy: bool = True,
) -> None:
    """Append what happened to the claim, to its policy and to the audit log."""
    session, claim, actor = held.session, held.claim, current_actor()
    claim.version += 1
    claim.updated_at = held.now
    session.flush()
    facts = plain(dict(payload or {}))
    session.add(
        ClaimEvent(
            id=new_id(),
            claim_id=claim.id,
            sequence=claim.version,  # counts what happened, and the claim is held
            event_type=event_type,
            status=claim.status,
            description=description,
            reason=reason,
            payload=facts,
            recorded_at=held.now,
            actor=actor.email,
            request_id=actor.request_id,
        )
    )
    session.flush()
    if on_policy:
        record_event(
            session,
            held.policy,
            EventCategory.CLAIM,
            event_type,
            effective=held.on,
            description=f"{claim.claim_number}: {description}",
            reason=reason,
            payload={"claim_id": claim.id, "claim_number": claim.claim_number, **facts},
            now=held.now,
        )
    record(
        session,
        action=f"claims.{event_type.removeprefix('CLAIM_').lower()}",
        resource="claims",
        resource_id=claim.id,
        before=dict(before) if before else None,
        after={"status": claim.status, **facts},
        reason=reason,
    )
