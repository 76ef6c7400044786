"""Issuing an endorsement, in or out of sequence, or asking a second person first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest
from insurance.approvals.services import request_approval
from insurance.approvals.subjects import Subject, register
from insurance.audit_logs.rules import plain
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, StaleError
from insurance.core.ids import new_id
from insurance.organizations.queries import find_parameter
from insurance.policies import queries
from insurance.policies.changes import Happening
from insurance.policies.models import (
    Endorsement,
    EndorsementStatus,
    EndorsementType,
    EventCategory,
    Policy,
    PolicyStatus,
)
from insurance.policies.rules import (
    FROM_BIRTH,
    Conflict,
)
from insurance.policies.services.approvals import POLICY
from insurance.policies.services.contracts import load_basis
from insurance.policies.services.endorsements.drafts import (
    get_endorsement,
    held_draft,
    keep_price,
    make_stale,
    new_endorsement,
    record_audit,
)
from insurance.policies.services.endorsements.history import bring_to, past_cover, write_issued
from insurance.policies.services.endorsements.preview import (
    Prepared,
    Preview,
    contract_as_of,
    prepare_change,
    stages_of,
)
from insurance.policies.services.endorsements.wanted import (
    EndorsementRequest,
    count_number,
    kind_words,
    wanted_of,
)
from insurance.policies.services.life_cover import check_life_cover, keep_life_answers
from insurance.policies.services.past_cover import past_cover_changed
from insurance.policies.services.schedules import apply_money


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedEndorsement:
    """An endorsement that was issued, and what it did.

    With an `approval_id` it is priced and waits: it reaches so far back that a second person
    must agree.
    """

    endorsement: Endorsement
    preview: Preview
    policy: Policy
    approval_id: UUID | None = None


def endorse_policy(
    policy_id: UUID, wanted: EndorsementRequest, *, on: date, now: datetime
) -> IssuedEndorsement:
    """Price a change and issue it at once.

    Raises ConflictError for a policy that is not in force, or while a conflict with a later
    endorsement is not resolved; StaleError where somebody changed the policy since the version
    that was seen; DomainError at the field that cannot be.
    """
    count_number(wanted)
    with transaction() as session:
        policy = queries.get_policy(session, policy_id, lock=True)
        if wanted.seen_version not in (None, policy.current_version):
            raise StaleError(
                "Somebody else changed this policy since you opened the form. Nothing was saved.",
                theirs={"version": policy.current_version},
                yours={"version": wanted.seen_version},
            )
        return endorse(session, policy, wanted, on=on, now=now)


def endorse(
    session: Session,
    policy: Policy,
    wanted: EndorsementRequest,
    *,
    on: date,
    now: datetime,
    is_approved: bool = False,
) -> IssuedEndorsement:
    """Price a change of a policy that the caller holds and issue it, as a step.

    `is_approved`: what the change rests on was decided by two people already.
    """
    endorsement = new_endorsement(session, policy, wanted, on, now)
    return _issue(session, policy, endorsement, wanted, on, now, is_approved=is_approved)


def continue_after_death(
    session: Session,
    policy: Policy,
    data: Mapping[str, Any],
    *,
    effective: date,
    reason: str,
    on: date,
    now: datetime,
) -> IssuedEndorsement:
    """Let another life take the place of a main member who died, as a step of paying the death.

    `data` names who died, who follows and as which customer, and until when no premium is charged.
    A death is a fact, however long ago, so nobody is asked. The caller holds the policy.
    """
    wanted = EndorsementRequest(
        type=EndorsementType.MAIN_MEMBER_DIED, data=data, effective_date=effective, reason=reason
    )
    endorsement = Endorsement(
        id=new_id(),
        policy_id=policy.id,
        type=wanted.type,
        status=EndorsementStatus.DRAFT,
        effective_date=effective,
        change={"resolutions": {}, "data": plain(dict(data))},
        reason=reason,
        created_at=now,
        created_by=current_actor().email,
    )
    session.add(endorsement)
    return _issue(session, policy, endorsement, wanted, on, now, is_approved=True)


def issue_endorsement(endorsement_id: UUID, *, on: date, now: datetime) -> IssuedEndorsement:
    """Issue a priced draft. Raises ConflictError where the policy has changed since."""
    with transaction() as session:
        policy, endorsement = held_draft(session, endorsement_id)
        is_stale = endorsement.priced_on_version != policy.current_version
        if not is_stale and endorsement.status is EndorsementStatus.PRICED:
            return _issue(session, policy, endorsement, wanted_of(endorsement), on, now)
    raise ConflictError(
        "The policy has changed since this draft was priced. Price it again, then issue it."
    )


def apply_due_endorsements(policy_id: UUID, *, on: date, now: datetime) -> int:
    """Make endorsements that were issued ahead effective once their day has come."""
    with transaction() as session:
        return apply_due(session, queries.get_policy(session, policy_id, lock=True), on=on, now=now)


def apply_due(session: Session, policy: Policy, *, on: date, now: datetime) -> int:
    """Make a policy's endorsements of days that have come effective, as a step of the caller's.

    Those of a policy that has ended stay as they are. Returns how many took effect.
    """
    if policy.status not in (PolicyStatus.ACTIVE, PolicyStatus.SUSPENDED):
        return 0
    due = [
        endorsement
        for endorsement in queries.list_endorsements(session, policy.id, EndorsementStatus.ISSUED)
        if endorsement.applied_at is None and endorsement.effective_date <= on
    ]
    if not due:
        return 0
    basis = load_basis(session, policy)
    stages = stages_of(basis, basis.changes)
    contract = contract_as_of(stages, on)
    for endorsement in due:
        endorsement.applied_at = now
    happenings = [
        Happening(
            policy.id,
            "ENDORSEMENT_EFFECTIVE",
            endorsement.effective_date,
            f"{kind_words(endorsement.type)} took effect",
            {"endorsement_id": endorsement.id},
            category=EventCategory.ENDORSEMENT,
            contract=contract,
            version_reason="Endorsement effective",
        )
        for endorsement in due
    ]
    bring_to(session, policy, contract, happenings, now=now)
    return len(due)


def _issue(
    session: Session,
    policy: Policy,
    endorsement: Endorsement,
    wanted: EndorsementRequest,
    on: date,
    now: datetime,
    *,
    is_approved: bool = False,
) -> IssuedEndorsement:
    prepared = prepare_change(session, policy, wanted, on, endorsement)
    if isinstance(prepared, Preview):
        raise ConflictError(
            "A later endorsement changes the same; choose which of the two stands.",
            field="resolutions",
            detail={"conflicts": [plain(_conflict(conflict)) for conflict in prepared.conflicts]},
        )
    check_life_cover(session, policy.id, prepared.lives, wanted.life_answers)
    is_due = is_approved or bool(prepared.change.data.get(FROM_BIRTH))
    if not is_due and _needs_second_person(session, prepared.change.on, on):
        return _ask_second_person(session, policy, endorsement, prepared, now)
    for superseded in prepared.superseded:
        other = get_endorsement(session, superseded)
        other.status, other.ended_at = EndorsementStatus.SUPERSEDED, now
    endorsement.change = endorsement.change | {
        "sequence": prepared.change.sequence,
        "supersedes": [str(one) for one in prepared.superseded],
    }
    endorsement.status = EndorsementStatus.ISSUED
    endorsement.effective_date = prepared.change.on
    endorsement.issued_at = now
    endorsement.applied_at = now if prepared.change.on <= on else None
    endorsement.priced_on_version = policy.current_version
    endorsement.priced = plain({"adjustment": prepared.preview.adjustment})
    make_stale(session, policy, endorsement)
    apply_money(session, policy, prepared.money, on=on, now=now, why=endorsement.id)
    keep_life_answers(session, policy.id, prepared.lives, wanted.life_answers, now=now)
    write_issued(session, policy, endorsement, prepared, on, now)
    record_audit(session, endorsement, "policies.endorse")
    session.flush()
    if endorsement.type is not EndorsementType.MAIN_MEMBER_DIED:
        # That one is a step of the claim that pays the death.
        past_cover_changed(session, past_cover(endorsement, "was issued"), on=on, now=now)
    return IssuedEndorsement(endorsement=endorsement, preview=prepared.preview, policy=policy)


def _needs_second_person(session: Session, effective: date, on: date) -> bool:
    days = int(find_parameter(session, "backdating_approval_days", on))
    return effective < on - timedelta(days=days)


def _ask_second_person(
    session: Session, policy: Policy, endorsement: Endorsement, prepared: Prepared, now: datetime
) -> IssuedEndorsement:
    keep_price(endorsement, policy, prepared)
    session.flush()
    request = request_approval(
        session,
        BACKDATE,
        policy.id,
        record_version=policy.current_version,
        title=f"{kind_words(endorsement.type)} of {policy.policy_number}"
        f" from {prepared.change.on:%Y/%m/%d}",
        amount=abs(prepared.preview.adjustment),
        payload={
            "endorsement_id": endorsement.id,
            "effective_date": prepared.change.on,
            "change": endorsement.change["data"],
            "new_premium": prepared.preview.new_premium,
            "adjustment": prepared.preview.adjustment,
        },
        reason=endorsement.reason or "A change that reaches far back",
        now=now,
    )
    return IssuedEndorsement(
        endorsement=endorsement, preview=prepared.preview, policy=policy, approval_id=request.id
    )


def execute_backdated(
    session: Session, request: ApprovalRequest, *, on: date, now: datetime
) -> None:
    """Issue an endorsement that a second person has agreed to. The caller holds the policy.

    Raises ConflictError where it would cost something else than what was agreed to.
    """
    endorsement = get_endorsement(session, UUID(request.payload["endorsement_id"]))
    if endorsement.status is not EndorsementStatus.PRICED:
        raise ConflictError(f"The endorsement is {endorsement.status.value.lower()}.")
    policy = queries.get_policy(session, endorsement.policy_id)
    wanted = wanted_of(endorsement)
    issued = _issue(session, policy, endorsement, wanted, on, now, is_approved=True)
    if issued.preview.adjustment != Decimal(request.payload["adjustment"]):
        raise ConflictError("The money has changed since this was asked for.")


BACKDATE = register(
    Subject(action="policies.endorse_backdated", record=POLICY, execute=execute_backdated)
)


def _conflict(conflict: Conflict) -> dict[str, Any]:
    return {
        "endorsement_id": conflict.endorsement_id,
        "effective_date": conflict.effective_date,
        "field": conflict.field,
        "this": conflict.this,
        "later": conflict.later,
    }
