"""Taking the last endorsement back."""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.billing.models import LineKind
from insurance.billing.queries import list_premium_lines
from insurance.billing.services import release_lines
from insurance.core.db import transaction
from insurance.core.errors import ConflictError
from insurance.core.money import ZERO
from insurance.policies import queries
from insurance.policies.changes import Happening
from insurance.policies.models import (
    Endorsement,
    EndorsementStatus,
    EventCategory,
    Policy,
)
from insurance.policies.services.contracts import load_basis
from insurance.policies.services.endorsements.drafts import (
    get_endorsement,
    make_stale,
    record_audit,
)
from insurance.policies.services.endorsements.history import bring_to, past_cover
from insurance.policies.services.endorsements.preview import (
    contract_as_of,
    lives_at,
    stages_of,
)
from insurance.policies.services.endorsements.wanted import FROM_NEXT_PREMIUM, kind_words
from insurance.policies.services.life_cover import check_life_cover, keep_life_answers
from insurance.policies.services.past_cover import past_cover_changed
from insurance.policies.services.schedules import apply_money, plan_money


def undo_endorsement(
    endorsement_id: UUID,
    *,
    on: date,
    now: datetime,
    life_answers: Mapping[str, bool] | None = None,
) -> Policy:
    """Take the last endorsement back: contract, premiums and money return to what they were.

    Raises ConflictError where something was issued after it; DomainError where cover that comes
    back would take a life above its cap over all policies.
    """
    with transaction() as session:
        endorsement = get_endorsement(session, endorsement_id)
        policy = queries.get_policy(session, endorsement.policy_id, lock=True)
        session.refresh(endorsement)
        if endorsement.status is not EndorsementStatus.ISSUED:
            raise ConflictError("Only an issued endorsement can be undone.")
        if endorsement.version_number != policy.current_version:
            raise ConflictError("The policy has changed since; only the last change can be undone.")
        _check_nothing_fixed(session, policy, endorsement)
        _undo(session, policy, endorsement, life_answers or {}, on, now)
        return policy


def _check_nothing_fixed(session: Session, policy: Policy, endorsement: Endorsement) -> None:
    """Refuse to take back a schedule on which a premium has been charged or paid."""
    if endorsement.type in FROM_NEXT_PREMIUM and any(
        line.is_fixed and line.due_date >= endorsement.effective_date
        for line in list_premium_lines(session, policy.id)
    ):
        raise ConflictError(
            "A premium has been charged or paid on the new schedule; change the schedule again."
        )


def _undo(
    session: Session,
    policy: Policy,
    endorsement: Endorsement,
    life_answers: Mapping[str, bool],
    on: date,
    now: datetime,
) -> None:
    basis = load_basis(session, policy)
    as_issued = stages_of(basis, basis.changes)
    endorsement.status, endorsement.ended_at = EndorsementStatus.UNDONE, now
    for superseded in endorsement.change.get("supersedes", []):
        other = get_endorsement(session, UUID(superseded))
        other.status, other.ended_at = EndorsementStatus.ISSUED, None
    session.flush()
    basis = load_basis(session, policy)
    stages = stages_of(basis, basis.changes)
    lives = lives_at(basis.pricer, as_issued, stages, on)
    check_life_cover(session, policy.id, lives, life_answers)
    _release_part_paid(session, endorsement, on, now)
    money = plan_money(session, policy, stages, basis=basis, on=on)
    apply_money(session, policy, money, on=on, now=now, why=endorsement.id, taking_back=True)
    undone = Happening(
        policy.id,
        "ENDORSEMENT_UNDONE",
        endorsement.effective_date,
        f"{kind_words(endorsement.type)} undone",
        {"endorsement_id": endorsement.id},
        category=EventCategory.ENDORSEMENT,
        contract=stages[-1].contract,
        version_reason="Endorsement undone",
    )
    bring_to(session, policy, contract_as_of(stages, on), [undone], tells=undone, now=now)
    keep_life_answers(session, policy.id, lives, life_answers, now=now)
    make_stale(session, policy, endorsement)
    record_audit(session, endorsement, "policies.undo_endorsement")
    session.flush()
    past_cover_changed(session, past_cover(endorsement, "was undone"), on=on, now=now)


def _release_part_paid(session: Session, endorsement: Endorsement, on: date, now: datetime) -> None:
    """Give credit back what it settled of a premium at the price that is taken back.

    Part of a premium that nobody charged yet does not fix it: it is laid at its old price again,
    and credit settles it anew.
    """
    part_paid = [
        line
        for line in list_premium_lines(session, endorsement.policy_id)
        if line.kind is LineKind.PREMIUM
        and line.posted_at is None
        and endorsement.effective_date <= line.due_date <= on
        and line.paid_amount > ZERO
        and line.outstanding > ZERO
    ]
    release_lines(session, part_paid, on=on, now=now)
