"""The rows of history that changes leave, with their places in the policies' histories."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from insurance.audit_logs.rules import plain
from insurance.core.context import current_actor
from insurance.core.ids import new_id
from insurance.policies.changes.change import Happening, HeldPolicy, PolicyChange
from insurance.policies.rules import snapshot_of
from insurance.policies.snapshots import POLICY_FIELDS


@dataclass(slots=True)
class ChangeRows:
    """Events, versions and endorsements, as they are inserted.

    `sequences` is the last event of each policy, `numbers` its last version.
    """

    sequences: dict[UUID, int]
    numbers: dict[UUID, int] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    versions: list[dict[str, Any]] = field(default_factory=list)
    endorsements: list[dict[str, Any]] = field(default_factory=list)

    def add_event(self, one: Happening, payload: Mapping[str, Any], now: datetime) -> None:
        """Append an event to its policy's history."""
        actor = current_actor()
        sequence = self.sequences.get(one.policy_id, 0) + 1
        self.sequences[one.policy_id] = sequence
        self.events.append(
            {
                "id": one.id,
                "policy_id": one.policy_id,
                "sequence": sequence,
                "category": one.category,
                "event_type": one.event_type,
                "effective_date": one.effective,
                "recorded_at": now,
                "description": one.description,
                "reason": one.reason,
                "payload": plain(payload),
                "actor": actor.email,
                "request_id": actor.request_id,
            }
        )

    def add_version(
        self, policy: HeldPolicy, one: Happening, state: Mapping[str, Any], now: datetime
    ) -> None:
        """Append the state after an event as its policy's next version, where it leaves one."""
        if one.contract is None:
            return
        number = self.numbers.get(policy.id, policy.current_version) + 1
        self.numbers[policy.id] = number
        self.versions.append(
            {
                "id": new_id(),
                "policy_id": policy.id,
                "version_number": number,
                "event_id": one.id,
                "effective_date": one.effective,
                "snapshot_date": now,
                "change_reason": one.version_reason,
                "change_description": one.description,
                "policy_snapshot": snapshot_of(state, one.contract),
            }
        )
        if one.endorsement is not None:
            self.endorsements.append(
                {
                    **one.endorsement,
                    "policy_id": policy.id,
                    "priced_on_version": policy.current_version,
                    "created_at": now,
                    "created_by": current_actor().email,
                    "issued_at": now,
                    "applied_at": now,
                    "event_id": one.id,
                    "version_number": number,
                }
            )


def rows_of(
    changes: Iterable[PolicyChange], sequences: Mapping[UUID, int], *, now: datetime
) -> ChangeRows:
    """Return the rows of changes; `sequences` says after which event each policy stands.

    Of several changes of one policy each continues where the one before it stopped.
    """
    rows = ChangeRows(dict(sequences))
    for change in changes:
        if change.is_new:
            rows.numbers[change.policy.id] = 0
        state = plain({name: change.after(name) for name in POLICY_FIELDS})
        for happening in change.happenings:
            rows.add_event(happening, {**happening.payload, "state": state}, now)
            rows.add_version(change.policy, happening, state, now)
    return rows
