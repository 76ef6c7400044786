"""What a paid death does to the policy: cover of the life ends, later premiums fall away."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from insurance.claims.models import Claim
from insurance.claims.queries import is_life_taken_off
from insurance.claims.rules import Continuation, LifeLeft, continue_policy, removal_reason
from insurance.claims.rules.payees import KnownPerson, is_same_person
from insurance.claims.services.history import Held
from insurance.core.context import current_actor
from insurance.core.errors import DomainError, ForbiddenError
from insurance.core.money import format_money
from insurance.core.tenancy import current_org
from insurance.correspondence.models import NoteKind
from insurance.correspondence.services import write_note
from insurance.customers.queries import find_person
from insurance.customers.services import CustomerDetails, add_customer
from insurance.debit_orders.services import cancel_mandates_of
from insurance.notifications.services import About
from insurance.policies.models import (
    Endorsement,
    EndorsementStatus,
    EndorsementType,
    PolicyEvent,
    PolicyMember,
    PolicyStatus,
)
from insurance.policies.rules import TRANSITIONS
from insurance.policies.services.cancellation import settle_end
from insurance.policies.services.endorsements import (
    EndorsementRequest,
    continue_after_death,
    endorse,
)
from insurance.policies.services.moves import Case, move, stop_past_cover
from insurance.policies.services.past_cover import PastCover, past_cover_changed

MAIN = "MAIN_MEMBER"


def end_after_death(held: Held, successor: UUID | None = None) -> None:
    """End what the death ends: the benefits of the life, and the policy where it does not go on.

    The product version says whether a policy goes on after its main member's death; `successor`
    is the life that a person wants in that place.
    """
    claim = held.claim
    stop = claim.event_date + timedelta(days=1)
    members = held.members
    life = next((member for member in members if member.id == claim.member_id), None)
    if held.is_life_taken_off:
        return
    if life is not None and life.end_date is not None and life.end_date <= stop:
        return
    left = [
        member
        for member in members
        if member != life
        and member.effective_date <= stop
        and (member.end_date is None or member.end_date > stop)
    ]
    if life is not None and life.role != MAIN and left:
        _end_life(held, life.id, stop)
        return
    goes_on = _continuation(held, life, left, successor, stop)
    if goes_on is None:
        _end_policy(held, held.case, stop)
    elif life is not None:
        _continue(held, life, next(one for one in left if one.id == goes_on.successor), goes_on)


def _continuation(
    held: Held,
    life: PolicyMember | None,
    left: Sequence[PolicyMember],
    successor: UUID | None,
    stop: date,
) -> Continuation | None:
    if life is None:
        return None
    dead = [
        KnownPerson(name=name, born=born)
        for name, born, day in held.deaths_known_of(held.policy.customer_id)
        if day < stop
    ]
    living = [
        member
        for member in left
        if not any(is_same_person(_person(member), person) for person in dead)
    ]
    # A claim that nobody has paid ends no cover: where every other life is said to have died too,
    # the policy goes on until that claim is paid.
    lives = living or left
    return continue_policy(
        main_death=held.terms.main_death,
        premium_free_months=held.terms.premium_free_months,
        class_code=held.terms.class_code,
        lives=[LifeLeft(id=one.id, role=one.role, born=one.date_of_birth) for one in lives],
        wanted=successor,
        stop=stop,
    )


def _person(member: PolicyMember) -> KnownPerson:
    return KnownPerson(
        name=f"{member.first_name} {member.last_name}".strip(), born=member.date_of_birth
    )


def _continue(held: Held, died: PolicyMember, follows: PolicyMember, goes_on: Continuation) -> None:
    """Let another life hold the policy; where that cannot be, leave a task that says why."""
    stop = held.claim.event_date + timedelta(days=1)
    name = _person(follows).name
    try:
        with held.session.begin_nested():
            continue_after_death(
                held.session,
                held.policy,
                {
                    "policy_member_id": died.id,
                    "successor_id": follows.id,
                    "customer_id": _customer_of(held, follows),
                    "premium_free_until": goes_on.free_until,
                },
                effective=stop,
                reason=removal_reason(held.claim.claim_number),
                on=held.on,
                now=held.now,
            )
    except DomainError as refusal:
        _leave_task(
            held, f"Continue the policy with {name} from {stop:%Y/%m/%d}. {refusal.message}"
        )
        return
    why = f"{name} holds the policy from {stop:%Y/%m/%d}"
    change = PastCover(policy_id=held.policy.id, since=stop, why=why)
    past_cover_changed(held.session, change, on=held.on, now=held.now)
    cancel_mandates_of(
        held.session,
        held.policy.id,
        reason=f"{_person(died).name} has died",
        now=held.now,
        keeping=held.policy.payer_id,
    )
    words = f"{name} holds the policy now: ask for contact details and how premiums are paid."
    if goes_on.is_minor:
        words += f" {name} is a minor: a guardian acts for them."
    _leave_task(held, words)


def _customer_of(held: Held, member: PolicyMember) -> UUID:
    """Return the customer that a life is, captured now where nobody knows them yet."""
    person = _person(member)
    known = find_person(held.session, person.name, member.date_of_birth)
    if known is not None:
        return known.id
    details = CustomerDetails(
        first_name=member.first_name,
        last_name=member.last_name,
        date_of_birth=member.date_of_birth,
        gender=member.gender,
    )
    return add_customer(held.session, details, on=held.on, now=held.now).id


def ended_by_claim(held: Held) -> bool:
    """Tell whether a payment of this claim ended the policy or took a life off it."""
    return is_ended_by_claim(held.session, held.claim)


def is_ended_by_claim(session: Session, claim: Claim) -> bool:
    """Tell whether a payment of a claim ended its policy, or took a life off it that is off still."""
    ended = select(PolicyEvent.id).where(
        PolicyEvent.org_id == current_org(),
        PolicyEvent.policy_id == claim.policy_id,
        PolicyEvent.event_type == "POLICY_ENDED_BY_CLAIM",
        PolicyEvent.reason == claim.claim_number,
    )
    return session.scalar(select(ended.exists())) is True or is_life_taken_off(session, claim)


def require_other_than_who_undid(held: Held) -> None:
    """Refuse whoever put the life back that a payment of this claim had taken off.

    Two people agree that nobody has died: one puts the life back, the other voids the payment.
    Raises ForbiddenError.
    """
    removals = select(cast(Endorsement.id, Text)).where(
        Endorsement.org_id == current_org(),
        Endorsement.policy_id == held.policy.id,
        Endorsement.reason == removal_reason(held.claim.claim_number),
        Endorsement.status == EndorsementStatus.UNDONE,
    )
    undid = select(PolicyEvent.id).where(
        PolicyEvent.org_id == current_org(),
        PolicyEvent.policy_id == held.policy.id,
        PolicyEvent.event_type == "ENDORSEMENT_UNDONE",
        PolicyEvent.payload["endorsement_id"].astext.in_(removals),
        PolicyEvent.actor == current_actor().email,
    )
    if held.session.scalar(select(undid.exists())):
        raise ForbiddenError("You put this life back, so somebody else must void the payment.")


def _end_policy(held: Held, case: Case, stop: date) -> None:
    policy = case.policy
    if PolicyStatus.CANCELLED.value not in TRANSITIONS[policy.status.value]:
        if policy.ended_on is not None and policy.ended_on > stop:
            # Its premium is divided already, as at a day on which nobody was insured any more.
            _leave_task(
                held,
                f"Give back what was paid for cover from {stop:%Y/%m/%d}: the policy was ended on"
                f" {policy.ended_on:%Y/%m/%d}, before the death was told.",
            )
            stop_past_cover(case, stop, " by a death")
        return
    if policy.ended_on is not None and policy.ended_on <= stop:
        return
    settled = settle_end(case, stop, keeps_period=True)
    move(
        case,
        "POLICY_ENDED_BY_CLAIM",
        to=PolicyStatus.CANCELLED,
        effective=stop,
        description=f"Ended by the death of {held.claim.life_name or 'the life insured'} on"
        f" {held.claim.event_date:%Y/%m/%d}, refund {format_money(settled.refund)}",
        reason=held.claim.claim_number,
        payload={
            "claim_id": held.claim.id,
            "refund": settled.refund,
            "given_up": settled.given_up,
        },
        ended_on=stop,
    )
    stop_past_cover(case, stop, " by a death")


def _end_life(held: Held, member_id: UUID, stop: date) -> None:
    """Take the life off the policy as from the day after; where that fails, leave a task."""
    wanted = EndorsementRequest(
        type=EndorsementType.REMOVE_MEMBER,
        data={"policy_member_id": member_id},
        effective_date=stop,
        reason=removal_reason(held.claim.claim_number),
    )
    try:
        with held.session.begin_nested():
            endorse(held.session, held.policy, wanted, on=held.on, now=held.now, is_approved=True)
    except DomainError as refusal:
        name = held.claim.life_name
        _leave_task(held, f"Take {name} off the policy as from {stop:%Y/%m/%d}. {refusal.message}")


def _leave_task(held: Held, words: str) -> None:
    write_note(
        held.session,
        About("claims", held.claim.id, held.policy.customer_id),
        kind=NoteKind.TASK,
        text=words,
        due_on=held.on,
        now=held.now,
    )
