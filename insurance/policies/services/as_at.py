"""A policy on two axes: as it stood on a day, as it was known at a moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select
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
_BEGINNINGS = ("POLICY_ISSUED", "POLICY_RENEWED")
_CHANGES = frozenset([*EndorsementType, _UNDONE])


@dataclass(frozen=True, slots=True)
class PolicyHistory:
    """What a policy's contract went through: its events in order, and how each term began."""

    events: Sequence[PolicyEvent]
    bases: Mapping[UUID, PolicyVersion]

    def of(self, category: EventCategory, known: datetime) -> list[PolicyEvent]:
        """Return the events of a category that were recorded until a moment."""
        return [
            event
            for event in self.events
            if event.category is category and event.recorded_at <= known
        ]


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
    history = read_history(session, policy_id)
    return AsAt(
        effective=effective,
        known=known,
        version_number=_version_known(session, policy, known),
        policy_snapshot=state_as_at(session, policy, history, effective=effective, known=known),
    )


def read_history(session: Session, policy_id: UUID) -> PolicyHistory:
    """Return what a policy's contract went through, in one query."""
    rows = session.execute(
        select(PolicyEvent, PolicyVersion)
        .outerjoin(
            PolicyVersion,
            and_(
                PolicyVersion.org_id == PolicyEvent.org_id,
                PolicyVersion.event_id == PolicyEvent.id,
                PolicyEvent.event_type.in_(_BEGINNINGS),
            ),
        )
        .where(
            PolicyEvent.org_id == current_org(),
            PolicyEvent.policy_id == policy_id,
            PolicyEvent.category.in_([EventCategory.LIFECYCLE, EventCategory.ENDORSEMENT]),
        )
        .order_by(PolicyEvent.sequence)
    ).all()
    return PolicyHistory(
        [event for event, _version in rows],
        {event.id: version for event, version in rows if version is not None},
    )


def state_as_at(
    session: Session,
    policy: Policy,
    history: PolicyHistory,
    *,
    effective: date,
    known: datetime,
) -> dict[str, Any]:
    """Return a policy's snapshot on a day, by what was recorded until a moment.

    Raises NotFoundError before the policy was issued or before its cover began.
    """
    events = history.of(EventCategory.LIFECYCLE, known)
    bases = [event for event in events if event.event_type in _BEGINNINGS]
    begun = [basis for basis in bases if basis.effective_date <= effective]
    if not begun:
        raise NotFoundError("The policy was not in force on this day, as far as was known.")
    base = begun[-1]
    version = history.bases[base.id]
    following = bases[bases.index(base) + 1].recorded_at if base is not bases[-1] else None
    changes = [
        change_of(one)
        for one in _in_force(session, policy.id, history.of(EventCategory.ENDORSEMENT, known))
        if one.effective_date <= effective
        and one.issued_at is not None
        and one.issued_at >= base.recorded_at
        and (following is None or one.issued_at < following)
    ]
    contract = contract_of(version.policy_snapshot)
    if changes:
        pricer = pricer_of(session, policy)
        contract = fold(contract, version.effective_date, changes, pricer)[-1].contract
    state = version.policy_snapshot["policy"] | _standing(events, effective)
    return snapshot_of(state, contract)


def _in_force(
    session: Session, policy_id: UUID, events: Sequence[PolicyEvent]
) -> list[Endorsement]:
    """Return the endorsements that stand after events."""
    changes = [one for one in events if one.event_type in _CHANGES]
    if not changes:
        return []
    rows = {one.id: one for one in queries.list_endorsements(session, policy_id)}
    standing: dict[UUID, Endorsement] = {}
    for event in changes:
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
    reached = [
        event for event in events if event.effective_date <= effective and "state" in event.payload
    ]
    state = reached[-1].payload["state"] if reached else {}
    return {name: state[name] for name in ("status", "expiry_date") if name in state}


def _version_known(session: Session, policy: Policy, known: datetime) -> int:
    numbers = [
        version.version_number
        for version in queries.list_versions(session, policy.id)
        if version.snapshot_date <= known
    ]
    return max(numbers, default=1)
