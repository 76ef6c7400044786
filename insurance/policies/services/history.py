"""What every change of a policy leaves behind: an event, a version, and the portfolio's figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, func, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from insurance.audit_logs.rules import plain
from insurance.core.bulk import write_rows
from insurance.core.context import current_actor
from insurance.core.counts import shard_of
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org
from insurance.policies.models import (
    EventCategory,
    Policy,
    PolicyEvent,
    PolicyVersion,
    PortfolioCount,
)
from insurance.policies.snapshots import POLICY_FIELDS

_EVENTS: Table = PolicyEvent.__table__  # type: ignore[assignment]
_LAST_SEQUENCES = text(
    """
    SELECT policy_id, max(sequence) FROM ins.policy_events
    WHERE org_id = :org AND policy_id = ANY(:policies) GROUP BY policy_id
    """
)


def record_event(
    session: Session,
    policy: Policy,
    category: EventCategory,
    event_type: str,
    *,
    effective: date,
    description: str,
    now: datetime,
    reason: str | None = None,
    payload: Mapping[str, Any] | None = None,
) -> PolicyEvent:
    """Append an event with the policy's state as it leaves it. The caller holds the policy."""
    session.flush()
    last = session.scalar(
        select(func.max(PolicyEvent.sequence)).where(
            PolicyEvent.org_id == current_org(), PolicyEvent.policy_id == policy.id
        )
    )
    event = PolicyEvent(
        id=new_id(),
        policy_id=policy.id,
        sequence=(last or 0) + 1,
        category=category,
        event_type=event_type,
        effective_date=effective,
        recorded_at=now,
        description=description,
        reason=reason,
        payload=plain({**(payload or {}), "state": state_of(policy)}),
        actor=current_actor().email,
        request_id=current_actor().request_id,
    )
    session.add(event)
    session.flush()
    return event


def record_version(
    session: Session,
    policy: Policy,
    event: PolicyEvent,
    snapshot: dict[str, Any],
    *,
    change_reason: str,
) -> PolicyVersion:
    """Append the full state after an event as the policy's next version."""
    policy.current_version += 1
    version = PolicyVersion(
        id=new_id(),
        policy_id=policy.id,
        version_number=policy.current_version,
        event_id=event.id,
        effective_date=event.effective_date,
        snapshot_date=event.recorded_at,
        change_reason=change_reason,
        change_description=event.description,
        policy_snapshot=snapshot,
    )
    session.add(version)
    policy.updated_at = event.recorded_at
    session.flush()
    return version


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a policy, financial unless it says otherwise."""

    policy_id: UUID
    event_type: str
    effective: date
    description: str
    payload: dict[str, Any]
    reason: str | None = None
    category: EventCategory = EventCategory.FINANCIAL


def record_events(session: Session, happenings: Sequence[Happening], now: datetime) -> None:
    """Append many events. The caller holds the policies."""
    policies = list({one.policy_id for one in happenings})
    last: dict[UUID, int] = {
        row[0]: row[1]
        for row in session.execute(_LAST_SEQUENCES, {"org": current_org(), "policies": policies})
    }
    actor, rows = current_actor(), []
    for one in happenings:
        last[one.policy_id] = last.get(one.policy_id, 0) + 1
        rows.append(
            {
                "id": new_id(),
                "policy_id": one.policy_id,
                "sequence": last[one.policy_id],
                "category": one.category,
                "event_type": one.event_type,
                "effective_date": one.effective,
                "recorded_at": now,
                "description": one.description,
                "reason": one.reason,
                "payload": plain(one.payload),
                "actor": actor.email,
                "request_id": actor.request_id,
            }
        )
    write_rows(session, _EVENTS, rows)


def state_of(policy: Policy) -> dict[str, Any]:
    """Return the policy's own row as an event keeps it."""
    return plain({name: getattr(policy, name) for name in POLICY_FIELDS})  # type: ignore[no-any-return]


def in_force_of(product_version_id: UUID) -> str:
    """Return the subject under which a product version's policies in force are counted."""
    return f"in_force.{product_version_id}"


def count_portfolio(session: Session, policy: Policy, sign: int) -> None:
    """Add a policy to the portfolio's figures under its status, or take it away (`sign` -1)."""
    row = upsert(PortfolioCount).values(
        org_id=current_org(),
        product_id=policy.product_id,
        status=policy.status,
        shard=shard_of(policy.id),
        policies=sign,
        monthly_premium=sign * policy.premium,
        cover=sign * policy.coverage_amount,
    )
    added = row.excluded
    session.execute(
        row.on_conflict_do_update(
            index_elements=["org_id", "product_id", "status", "shard"],
            set_={
                "policies": PortfolioCount.policies + added.policies,
                "monthly_premium": PortfolioCount.monthly_premium + added.monthly_premium,
                "cover": PortfolioCount.cover + added.cover,
            },
        )
    )
