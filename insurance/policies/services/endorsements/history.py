"""What an issued endorsement leaves in the history of its policy."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from insurance.core.money import format_money
from insurance.policies.changes import Happening, PolicyChange, write_changes
from insurance.policies.models import (
    Endorsement,
    EndorsementType,
    EventCategory,
    Policy,
)
from insurance.policies.rules import Contract, Stage
from insurance.policies.services.contracts import row_of, write_contents
from insurance.policies.services.endorsements.preview import Prepared, Preview, contract_as_of
from insurance.policies.services.endorsements.wanted import kind_words
from insurance.policies.services.mails import letter_to
from insurance.policies.services.past_cover import PastCover


def write_issued(
    session: Session,
    policy: Policy,
    endorsement: Endorsement,
    prepared: Prepared,
    on: date,
    now: datetime,
) -> None:
    """Bring a policy to an issued endorsement and write its history.

    An endorsement that came out of order also leaves what it made way for.
    """
    stages = prepared.after
    at = next(n for n, one in enumerate(stages) if one.change and one.change.id == endorsement.id)
    later = [stage for stage in stages[at + 1 :] if stage.change]
    issued = Happening(
        policy.id,
        endorsement.type.value,
        prepared.change.on,
        _described(endorsement, prepared.preview),
        {
            "endorsement_id": endorsement.id,
            "change": endorsement.change["data"],
            "adjustment": prepared.preview.adjustment,
        },
        endorsement.reason,
        EventCategory.ENDORSEMENT,
        contract=stages[at].contract,
        version_reason=f"Endorsement: {endorsement.type.value}",
    )
    bring_to(
        session,
        policy,
        contract_as_of(stages, on),
        [
            *(_made_way(policy, one) for one in reversed(later)),
            issued,
            *(_applied_again(policy, one) for one in later),
        ],
        tells=issued,
        now=now,
    )
    endorsement.event_id = issued.id
    endorsement.version_number = policy.current_version


def bring_to(
    session: Session,
    policy: Policy,
    contract: Contract,
    happenings: Sequence[Happening],
    *,
    tells: Happening | None = None,
    now: datetime,
) -> None:
    """Bring a policy to what it covers and costs now, and tell the holder of one happening."""
    becomes = row_of(session, policy, contract)
    write_contents(session, policy, contract)
    letter = (
        letter_to(session, becomes["customer_id"], policy.policy_number, tells) if tells else None
    )
    change = PolicyChange(policy=policy, becomes=becomes, happenings=happenings, letter=letter)
    write_changes(session, [change], now=now)


def _made_way(policy: Policy, stage: Stage) -> Happening:
    return _moved(policy, stage, "ENDORSEMENT_REVERSED", "made way for an earlier one")


def _applied_again(policy: Policy, stage: Stage) -> Happening:
    moved = _moved(policy, stage, "ENDORSEMENT_REAPPLIED", "applied again")
    return replace(moved, contract=stage.contract, version_reason="Endorsement applied again")


def _moved(policy: Policy, stage: Stage, event_type: str, words: str) -> Happening:
    assert stage.change is not None
    return Happening(
        policy.id,
        event_type,
        stage.on,
        f"{kind_words(EndorsementType(stage.change.type))} {words}",
        {"endorsement_id": stage.change.id},
        category=EventCategory.ENDORSEMENT,
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
