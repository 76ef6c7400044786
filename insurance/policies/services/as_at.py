"""A policy on two axes: as it stood on a day, as it was known at a moment."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core.errors import NotFoundError
from insurance.core.tenancy import current_org
from insurance.policies import queries
from insurance.policies.models import (
    Endorsement,
    EndorsementType,
    EventCategory,
    Policy,
    PolicyEvent,
    PolicyVersion,
)
from insurance.policies.rules import contract_of, fold, snapshot_of
from insurance.policies.services.contracts import change_of, pricer_of

_UNDONE = "ENDORSEMENT_UNDONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class AsAt:
    """A policy's state on a day. `version_number` is the newest version known then."""

    effective: date
    known: datetime
    version_number: int
    policy_snapshot: dict[str, Any]


def policy_as_at(session: Session, policy_id: UUID, *, effective: date, known: datetime) -> AsAt:
    """Return a policy as it stood on `effective`, using only what was recorded until `known`.

    Raises NotFoundError before the policy was issued or before its cover began.
    """
    policy = queries.get_policy(session, policy_id)
    events = _events(session, policy_id, known)
    bases = [one for one in events if one.event_type in ("POLICY_ISSUED", "POLICY_RENEWED")]
    begun = [one for one in bases if one.effective_date <= effective]
    if not begun:
        raise NotFoundError("The policy was not in force on this day, as far as was known.")
    base = begun[-1]
    version = _version_of(session, base)
    following = bases[bases.index(base) + 1].recorded_at if base is not bases[-1] else None
    in_force = _in_force(session, policy_id, known)
    changes = [
        change_of(one)
        for one in in_force
        if one.effective_date <= effective
        and one.issued_at is not None
        and one.issued_at >= base.recorded_at
        and (following is None or one.issued_at < following)
    ]
    stages = fold(
        contract_of(version.policy_snapshot),
        version.effective_date,
        changes,
        pricer_of(session, policy),
    )
    state = version.policy_snapshot["policy"] | _standing(events, effective)
    return AsAt(
        effective=effective,
        known=known,
        version_number=_version_known(session, policy, known),
        policy_snapshot=snapshot_of(state, stages[-1].contract),
    )


def _events(session: Session, policy_id: UUID, known: datetime) -> list[PolicyEvent]:
    return list(
        session.scalars(
            select(PolicyEvent)
            .where(
                PolicyEvent.org_id == current_org(),
                PolicyEvent.policy_id == policy_id,
                PolicyEvent.recorded_at <= known,
                PolicyEvent.category == EventCategory.LIFECYCLE,
            )
            .order_by(PolicyEvent.sequence)
        )
    )


def _version_of(session: Session, event: PolicyEvent) -> PolicyVersion:
    return session.scalars(
        select(PolicyVersion).where(
            PolicyVersion.org_id == current_org(), PolicyVersion.event_id == event.id
        )
    ).one()


def _in_force(session: Session, policy_id: UUID, known: datetime) -> list[Endorsement]:
    """Return the endorsements that stood at a moment, by the events recorded until then."""
    rows = {one.id: one for one in queries.list_endorsements(session, policy_id)}
    standing: dict[UUID, Endorsement] = {}
    for event in session.scalars(
        select(PolicyEvent)
        .where(
            PolicyEvent.org_id == current_org(),
            PolicyEvent.policy_id == policy_id,
            PolicyEvent.recorded_at <= known,
            PolicyEvent.category == EventCategory.ENDORSEMENT,
            PolicyEvent.event_type.in_([*EndorsementType, _UNDONE]),
        )
        .order_by(PolicyEvent.sequence)
    ):
        endorsement = rows[UUID(event.payload["endorsement_id"])]
        made_way = [rows[UUID(one)] for one in endorsement.change.get("supersedes", [])]
        if event.event_type == _UNDONE:
            standing.pop(endorsement.id, None)
            standing |= {one.id: one for one in made_way}
        else:
            standing[endorsement.id] = endorsement
            for one in made_way:
                standing.pop(one.id, None)
    return list(standing.values())


def _standing(events: list[PolicyEvent], effective: date) -> dict[str, Any]:
    """Return the status and its day as the last lifecycle event up to a day left them."""
    reached = [one for one in events if one.effective_date <= effective and "state" in one.payload]
    state = reached[-1].payload["state"] if reached else {}
    return {name: state[name] for name in ("status", "expiry_date") if name in state}


def _version_known(session: Session, policy: Policy, known: datetime) -> int:
    numbers = [
        one.version_number
        for one in queries.list_versions(session, policy.id)
        if one.snapshot_date <= known
    ]
    return max(numbers, default=1)
