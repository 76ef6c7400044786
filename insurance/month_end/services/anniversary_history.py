"""Anniversaries as changes of their policies, each with the endorsement that keeps it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from insurance.core.money import format_money
from insurance.month_end.services.anniversary_basis import Raised, stage_on
from insurance.policies.changes import Happening, PolicyChange
from insurance.policies.models import (
    EndorsementStatus,
    EndorsementType,
    EventCategory,
)
from insurance.policies.rules import Contract, Stage


def happenings_of(one: Raised) -> list[Happening]:
    """Return what an anniversary leaves: changes that take effect later make way and come again."""
    later = one.after[[stage.change for stage in one.after].index(one.change) + 1 :]
    raised = _happening(
        one,
        EndorsementType.ANNIVERSARY.value,
        one.change.on,
        words_of(one),
        {
            "endorsement_id": one.change.id,
            "change": one.change.data,
            "adjustment": one.adjustment,
            "rate": one.rise.premium_rate,
            "source": one.escalation.source,
        },
        one.new,
        endorsement={
            "id": one.change.id,
            "type": EndorsementType.ANNIVERSARY,
            "status": EndorsementStatus.ISSUED,
            "effective_date": one.change.on,
            "change": {"data": one.change.data, "sequence": one.change.sequence, "supersedes": []},
            "reason": words_of(one),
            "priced": {"adjustment": str(one.adjustment)},
        },
    )
    return [
        *(
            _moved(one, stage, "ENDORSEMENT_REVERSED", "made way for an anniversary", None)
            for stage in reversed(later)
        ),
        raised,
        *(
            _moved(one, stage, "ENDORSEMENT_REAPPLIED", "applied again", stage.contract)
            for stage in later
        ),
    ]


def _moved(
    one: Raised, stage: Stage, event_type: str, words: str, contract: Contract | None
) -> Happening:
    change = stage.change
    assert change is not None
    words = f"{change.type.replace('_', ' ').capitalize()} {words}"
    payload = {"endorsement_id": change.id}
    return _happening(one, event_type, change.on, words, payload, contract)


def _happening(
    one: Raised,
    event_type: str,
    effective: date,
    words: str,
    payload: Mapping[str, Any],
    contract: Contract | None,
    endorsement: Mapping[str, Any] | None = None,
) -> Happening:
    return Happening(
        one.policy.id,
        event_type,
        effective,
        words,
        payload,
        category=EventCategory.ENDORSEMENT,
        contract=contract,
        version_reason="Anniversary",
        endorsement=endorsement,
    )


def plain_change(one: Raised, on: date) -> PolicyChange:
    """Return an anniversary that no later change meets: price and cover rise, nothing else."""
    contract = stage_on(one.after, on)
    becomes = {
        "premium": contract.premium,
        "coverage_amount": contract.coverage_amount,
        "instalment": one.instalment,
    }
    return PolicyChange(policy=one.policy, becomes=becomes, happenings=happenings_of(one))


def words_of(one: Raised) -> str:
    """Return what an anniversary does, in words."""
    words = (
        f"Anniversary: premium {format_money(one.old.premium)} to {format_money(one.new.premium)}"
    )
    if one.rise.premium_rate:
        words += f", {one.rise.premium_rate.normalize():f} %"
    return words
