"""Drafts: kept, priced again, discarded; one is stale once another was issued."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.audit_logs.rules import plain
from insurance.audit_logs.services import record
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, NotFoundError
from insurance.core.ids import new_id
from insurance.policies import queries
from insurance.policies.models import (
    Endorsement,
    EndorsementStatus,
    Policy,
)
from insurance.policies.services.endorsements.preview import Prepared, Preview, prepare_change
from insurance.policies.services.endorsements.wanted import (
    EndorsementRequest,
    count_number,
    data_of,
    wanted_of,
)
from insurance.policies.services.life_cover import LifeQuestionsError


def draft_endorsement(
    policy_id: UUID, wanted: EndorsementRequest, *, on: date, now: datetime
) -> Endorsement:
    """Keep a priced change as a draft, to be issued or discarded later."""
    count_number(wanted)
    with transaction() as session:
        policy = queries.get_policy(session, policy_id, lock=True)
        endorsement = new_endorsement(session, policy, wanted, on, now)
        _price(session, policy, endorsement, wanted, on)
        record_audit(session, endorsement, "policies.draft_endorsement")
        return endorsement


def reprice_endorsement(endorsement_id: UUID, *, on: date, now: datetime) -> Endorsement:
    """Price a draft again on the policy as it stands now; a stale one is rebased by this."""
    with transaction() as session:
        policy, endorsement = held_draft(session, endorsement_id)
        _price(session, policy, endorsement, wanted_of(endorsement), on)
        record_audit(session, endorsement, "policies.reprice_endorsement")
        return endorsement


def discard_endorsement(endorsement_id: UUID, *, now: datetime) -> None:
    """Throw a draft away."""
    with transaction() as session:
        _policy, endorsement = held_draft(session, endorsement_id)
        endorsement.status = EndorsementStatus.DISCARDED
        endorsement.ended_at = now
        record_audit(session, endorsement, "policies.discard_endorsement")


def get_endorsement(session: Session, endorsement_id: UUID) -> Endorsement:
    """Return an endorsement. Raises NotFoundError."""
    found = queries.find_endorsement(session, endorsement_id)
    if found is None:
        raise NotFoundError
    return found


def held_draft(session: Session, endorsement_id: UUID) -> tuple[Policy, Endorsement]:
    """Return an open draft and its policy, held. Raises ConflictError for one issued or ended."""
    endorsement = get_endorsement(session, endorsement_id)
    policy = queries.get_policy(session, endorsement.policy_id, lock=True)
    session.refresh(endorsement)
    open_ones = (EndorsementStatus.DRAFT, EndorsementStatus.PRICED, EndorsementStatus.STALE)
    if endorsement.status not in open_ones:
        raise ConflictError(f"This endorsement is {endorsement.status.value.lower()} already.")
    return policy, endorsement


def new_endorsement(
    session: Session, policy: Policy, wanted: EndorsementRequest, on: date, now: datetime
) -> Endorsement:
    """Return a new draft of what is wanted, with the ids that the change will make."""
    endorsement = Endorsement(
        id=new_id(),
        policy_id=policy.id,
        type=wanted.type,
        status=EndorsementStatus.DRAFT,
        effective_date=wanted.effective_date,
        change={
            "resolutions": {str(key): how for key, how in wanted.resolutions.items()},
            "life_answers": dict(wanted.life_answers),
        },
        reason=wanted.reason,
        created_at=now,
        created_by=current_actor().email,
    )
    endorsement.change |= {"data": plain(data_of(session, policy, wanted, on=on, kept_at=now))}
    if wanted.confirms_duplicate:
        endorsement.change |= {"confirms_duplicate": True}
    session.add(endorsement)
    return endorsement


def _price(
    session: Session, policy: Policy, endorsement: Endorsement, wanted: EndorsementRequest, on: date
) -> None:
    prepared = prepare_change(session, policy, wanted, on, endorsement)
    if isinstance(prepared, Preview):
        endorsement.status = EndorsementStatus.DRAFT
        endorsement.priced = None
        return
    if prepared.preview.questions:
        raise LifeQuestionsError(prepared.preview.questions)
    keep_price(endorsement, policy, prepared)
    session.flush()


def keep_price(endorsement: Endorsement, policy: Policy, prepared: Prepared) -> None:
    """Keep on a draft what it was priced at, and on which version of the policy."""
    endorsement.status = EndorsementStatus.PRICED
    endorsement.effective_date = prepared.change.on
    endorsement.priced_on_version = policy.current_version
    endorsement.priced = plain(
        {
            "new_premium": prepared.preview.new_premium,
            "new_cover": prepared.preview.new_cover,
            "adjustment": prepared.preview.adjustment,
        }
    )


def make_stale(session: Session, policy: Policy, issued: Endorsement) -> None:
    """Mark the other open drafts: the policy they were priced on is no more."""
    for other in queries.list_endorsements(session, policy.id, EndorsementStatus.PRICED):
        if other.id != issued.id:
            other.status = EndorsementStatus.STALE


def record_audit(session: Session, endorsement: Endorsement, action: str) -> None:
    """Write what was done with an endorsement to the audit log."""
    record(
        session,
        action=action,
        resource="policies",
        resource_id=endorsement.policy_id,
        after={
            "endorsement_id": endorsement.id,
            "type": endorsement.type,
            "status": endorsement.status,
            "effective_date": endorsement.effective_date,
            "change": endorsement.change["data"],
        },
        reason=endorsement.reason,
    )
