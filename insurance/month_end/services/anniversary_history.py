"""The events, versions and endorsements that anniversaries leave behind."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from insurance.audit_logs.rules import plain
from insurance.core.context import current_actor
from insurance.core.ids import new_id
from insurance.core.money import format_money
from insurance.month_end.services.anniversary_basis import Raised, stage_on
from insurance.policies.models import (
    EndorsementStatus,
    EndorsementType,
    EventCategory,
)
from insurance.policies.rules import Contract, Stage, snapshot_of
from insurance.policies.snapshots import POLICY_FIELDS


class History:
    """The events, versions and endorsements of anniversaries, in the order they happened."""

    def __init__(self, last: Mapping[UUID, int], on: date, now: datetime) -> None:
        self.last, self.on, self.now = dict(last), on, now
        self.version_numbers: dict[UUID, int] = {}
        self.events: list[dict[str, Any]] = []
        self.versions: list[dict[str, Any]] = []
        self.endorsements: list[dict[str, Any]] = []

    def add(self, one: Raised) -> None:
        """Add an anniversary. Changes that take effect later make way and are applied again."""
        policy, change = one.policy, one.change
        later = one.after[[stage.change for stage in one.after].index(change) + 1 :]
        state = _state(one, stage_on(one.after, self.on))
        for stage in reversed(later):
            self._event(one, "ENDORSEMENT_REVERSED", stage, "made way for an anniversary", state)
        event_id = self._event(one, "ANNIVERSARY", None, words_of(one), state)
        number = self._version(policy, event_id, change.on, one, one.new, state)
        for stage in later:
            again = self._event(one, "ENDORSEMENT_REAPPLIED", stage, "applied again", state)
            self._version(policy, again, stage.on, one, stage.contract, state)
        self._endorsement(one, event_id, number)

    def _event(
        self, one: Raised, kind: str, stage: Stage | None, words: str, state: dict[str, Any]
    ) -> UUID:
        policy, event_id = one.policy, new_id()
        self.last[policy.id] = self.last.get(policy.id, 0) + 1
        change = stage.change if stage else one.change
        assert change is not None
        payload: dict[str, Any] = {"endorsement_id": change.id, "state": state}
        if stage is None:
            payload |= {
                "change": change.data,
                "adjustment": one.adjustment,
                "rate": one.rise.premium_rate,
                "source": one.escalation.source,
            }
        else:
            words = f"{change.type.replace('_', ' ').capitalize()} {words}"
        self.events.append(
            {
                "id": event_id,
                "policy_id": policy.id,
                "sequence": self.last[policy.id],
                "category": EventCategory.ENDORSEMENT,
                "event_type": kind,
                "effective_date": change.on,
                "recorded_at": self.now,
                "description": words,
                "payload": plain(payload),
                "actor": current_actor().email,
                "request_id": current_actor().request_id,
            }
        )
        return event_id

    def _version(
        self,
        policy: Any,
        event_id: UUID,
        effective: date,
        one: Raised,
        contract: Contract,
        state: dict[str, Any],
    ) -> int:
        number = self.version_numbers.get(policy.id, policy.current_version) + 1
        self.version_numbers[policy.id] = number
        self.versions.append(
            {
                "id": new_id(),
                "policy_id": policy.id,
                "version_number": number,
                "event_id": event_id,
                "effective_date": effective,
                "snapshot_date": self.now,
                "change_reason": "Anniversary",
                "change_description": words_of(one),
                "policy_snapshot": snapshot_of(state, contract),
            }
        )
        return number

    def _endorsement(self, one: Raised, event_id: UUID, number: int) -> None:
        change = one.change
        self.endorsements.append(
            {
                "id": change.id,
                "policy_id": one.policy.id,
                "type": EndorsementType.ANNIVERSARY,
                "status": EndorsementStatus.ISSUED,
                "effective_date": change.on,
                "change": {"data": change.data, "sequence": change.sequence, "supersedes": []},
                "reason": words_of(one),
                "priced_on_version": one.policy.current_version,
                "priced": {"adjustment": str(one.adjustment)},
                "created_at": self.now,
                "created_by": current_actor().email,
                "issued_at": self.now,
                "applied_at": self.now,
                "event_id": event_id,
                "version_number": number,
            }
        )


def _state(one: Raised, contract: Contract) -> dict[str, Any]:
    state = {name: getattr(one.policy, name) for name in POLICY_FIELDS}
    state |= {"premium": contract.premium, "coverage_amount": contract.coverage_amount}
    return plain(state)  # type: ignore[no-any-return]


def words_of(one: Raised) -> str:
    words = (
        f"Anniversary: premium {format_money(one.old.premium)} to {format_money(one.new.premium)}"
    )
    if one.rise.premium_rate:
        words += f", {one.rise.premium_rate.normalize():f} %"
    return words
