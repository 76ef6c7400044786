"""What an issued endorsement leaves in the history of its policy."""

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from insurance.core.money import format_money
from insurance.policies.models import (
    Endorsement,
    EndorsementType,
    EventCategory,
    Policy,
)
from insurance.policies.rules import (
    Stage,
    snapshot_of,
)
from insurance.policies.services.endorsements.preview import Prepared, Preview
from insurance.policies.services.endorsements.wanted import kind_words
from insurance.policies.services.history import record_event, record_version, state_of
from insurance.policies.services.mails import tell_holder
from insurance.policies.services.past_cover import PastCover


def write_history(
    session: Session,
    policy: Policy,
    endorsement: Endorsement,
    prepared: Prepared,
    on: date,
    now: datetime,
) -> None:
    """Write the event and version; of one that came out of order also what it made way for."""
    stages = prepared.after
    at = next(n for n, one in enumerate(stages) if one.change and one.change.id == endorsement.id)
    later = [one for one in stages[at + 1 :] if one.change]
    for stage in reversed(later):
        _moved(session, policy, stage, "ENDORSEMENT_REVERSED", "made way for an earlier one", now)
    event = record_event(
        session,
        policy,
        EventCategory.ENDORSEMENT,
        endorsement.type.value,
        effective=prepared.change.on,
        description=_described(endorsement, prepared.preview),
        reason=endorsement.reason,
        payload={
            "endorsement_id": endorsement.id,
            "change": endorsement.change["data"],
            "adjustment": prepared.preview.adjustment,
        },
        now=now,
    )
    tell_holder(session, policy, event)
    state = state_of(policy)
    reason = f"Endorsement: {endorsement.type.value}"
    record_version(
        session, policy, event, snapshot_of(state, stages[at].contract), change_reason=reason
    )
    for stage in later:
        again = _moved(session, policy, stage, "ENDORSEMENT_REAPPLIED", "applied again", now)
        record_version(
            session,
            policy,
            again,
            snapshot_of(state, stage.contract),
            change_reason="Endorsement applied again",
        )
    endorsement.event_id = event.id
    endorsement.version_number = policy.current_version


def _moved(
    session: Session, policy: Policy, stage: Stage, event_type: str, words: str, now: datetime
) -> Any:
    assert stage.change is not None
    return record_event(
        session,
        policy,
        EventCategory.ENDORSEMENT,
        event_type,
        effective=stage.on,
        description=f"{kind_words(EndorsementType(stage.change.type))} {words}",
        payload={"endorsement_id": stage.change.id},
        now=now,
    )


def _described(endorsement: Endorsement, preview: Preview) -> str:
    words = kind_words(endorsement.type)
    if preview.new_cover != preview.current_cover:
        words += f": cover {format_money(preview.current_cover)}"
        words += f" to {format_money(preview.new_cover)}"
    if preview.new_premium != preview.current_premium:
        words += f", premium {format_money(preview.current_premium)}"
        words += f" to {format_money(preview.new_premium)}"
    return words


def past_cover(endorsement: Endorsement, what: str) -> PastCover:
    """Return since when cover is another, and why: the change, and what was done with it."""
    return PastCover(
        policy_id=endorsement.policy_id,
        since=endorsement.effective_date,
        why=f"{kind_words(endorsement.type)} from {endorsement.effective_date:%Y/%m/%d} {what}",
    )
