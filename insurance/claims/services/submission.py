"""Registering a claim: read as at the event date, checked, capped, reserved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from insurance.claims import queries
from insurance.claims.models import (
    Claim,
    ClaimDocument,
    ClaimItem,
    ClaimPayee,
    ClaimStatus,
    DocumentStatus,
)
from insurance.claims.rules import (
    CLAIM_TYPES,
    DOCUMENTS,
    document_types,
    read_cause,
)
from insurance.claims.rules.payees import is_same_person
from insurance.claims.services.facts import ContractAt, contract_at, make_checks, new_flags
from insurance.claims.services.handling import assign_new
from insurance.claims.services.history import Held, tell
from insurance.claims.services.mails import tell_claimant
from insurance.claims.services.money import move_reserve
from insurance.claims.services.payees import Circle, Payee, circle_of, first_payees
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import DomainError, raise_all
from insurance.core.ids import new_id
from insurance.core.money import ZERO, format_money, total
from insurance.core.numbering import next_number
from insurance.customers.queries import get_customer
from insurance.customers.rules import read_email, read_phone
from insurance.policies.models import Policy, PolicyBenefit, PolicyMember
from insurance.policies.queries import BenefitOfLife, find_benefits, get_policy
from insurance.products.rules import EVERY_LIFE, MAIN_MEMBER, STILLBIRTH, ProductTerms

_MOST_WEEKS = 45


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItem:
    """A benefit claimed on, and how much of it in rand."""

    policy_benefit_id: UUID
    claimed_amount: Decimal
    policy_member_id: UUID | None = None
    policy_object_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """Who claims."""

    name: str
    email: str | None = None
    phone: str | None = None
    relationship: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClaim:
    """What is notified. Without an event date, the claim date; without a claimant, the holder.

    A stillbirth says after how many weeks, and whose child it was by the life of its item.
    Without a cause it is unknown, whatever the description says. Without payees those are paid
    whom the policy names; a death is claimed by the first of them where nobody else is named.
    """

    claim_type: str
    items: Sequence[NewItem]
    claim_date: date | None = None
    event_date: date | None = None
    cause: str | None = None
    gestation_weeks: int | None = None
    description: str = ""
    claimant: Claimant | None = None
    payees: Sequence[Payee] = ()


def submit_claim(policy_id: UUID, new: NewClaim, *, on: date, now: datetime) -> Claim:
    """Register a claim, with its checks, flags, documents and reserves.

    A claim that a check speaks against is registered all the same, with nothing payable. Raises
    DomainError at what cannot be: an event ahead, a benefit of another policy, no amount.
    """
    with transaction() as session:
        policy = get_policy(session, policy_id, lock=True)
        claim_date = new.claim_date or on
        event_date = new.event_date or claim_date
        _check(new, event_date, claim_date, on)
        claim = _claim_row(new, policy, event_date, claim_date, on, now)
        holder = get_customer(session, policy.customer_id)
        held = Held(session, policy, claim, holder, on, now)
        claim.class_code = held.terms.class_code
        claim.cause = read_cause(new.cause, held.terms.category)
        found = find_benefits(session, policy_id, [item.policy_benefit_id for item in new.items])
        benefits = {one.benefit.id: one.benefit for one in found}
        _check_items(new, benefits)
        _name_insured(held, new, found)
        at = contract_at(held, claim.event_date)
        circle = circle_of(held, at.contract)
        payees = first_payees(held, at.contract, circle, new.payees)
        _claimant(held, new.claimant, circle, payees[0])
        _settle(held, _item_rows(claim, new, benefits), payees, at)
        return claim


def _settle(held: Held, items: list[ClaimItem], payees: list[ClaimPayee], at: ContractAt) -> None:
    """Decide everything about a new claim and write it: what only reads comes first."""
    session, claim = held.session, held.claim
    benefit_ids = [one.policy_benefit_id for one in items]
    checks = make_checks(
        claim,
        items,
        at,
        queries.used_cover(session, benefit_ids, life=claim.member_id),
    )
    accounts = [payee.account_index for payee in payees if payee.account_index]
    flags = [*held.flags, *new_flags(held, benefit_ids, known=(), accounts=accounts)]
    assign_new(held)
    claim.total_claimed = total(item.claimed_amount for item in items)
    # The series stays locked until the commit, so it comes as late as can be.
    claim.claim_number = next_number(session, "CLM", held.on)
    _tell(held, items)
    session.add_all([claim, *items, *checks, *flags, *payees, *_documents(claim)])
    for item in items:
        move_reserve(held, item, item.claimed_amount, "Raised at submission")


def _tell(held: Held, items: list[ClaimItem]) -> None:
    claim = held.claim
    held.told.counts[f"claims.{claim.status}"] += 1
    tell(
        held,
        "CLAIM_SUBMITTED",
        f"{claim.claim_type.replace('_', ' ').capitalize()} claim of"
        f" {format_money(claim.total_claimed)} for an event on {claim.event_date:%Y/%m/%d}",
        payload={
            "claim_type": claim.claim_type,
            "cause": claim.cause,
            "event_date": claim.event_date,
            "total_claimed": claim.total_claimed,
            "items": {str(item.policy_benefit_id): item.claimed_amount for item in items},
        },
    )
    needed = document_types(claim.claim_type, claim.cause)
    listed = "\n".join(f"- {DOCUMENTS[one]}" for one in needed)
    tell_claimant(held, "claim_received", documents=listed)


def _check(new: NewClaim, event_date: date, claim_date: date, on: date) -> None:
    errors = []
    if new.claim_type not in CLAIM_TYPES:
        errors.append(DomainError("Choose a type of claim from the list.", field="claim_type"))
    if claim_date > on:
        errors.append(DomainError("A claim date cannot lie ahead.", field="claim_date"))
    if event_date > min(claim_date, on):
        errors.append(
            DomainError("The event cannot lie after the claim or ahead.", field="event_date")
        )
    if (new.claim_type == STILLBIRTH) != (new.gestation_weeks is not None):
        words = "Say after how many weeks the child was born."
        if new.gestation_weeks is not None:
            words = "Weeks belong to a stillbirth."
        errors.append(DomainError(words, field="gestation_weeks"))
    elif new.gestation_weeks is not None and not 1 <= new.gestation_weeks <= _MOST_WEEKS:
        errors.append(DomainError(f"Enter 1 to {_MOST_WEEKS} weeks.", field="gestation_weeks"))
    if not new.items:
        errors.append(DomainError("Claim at least one benefit.", field="benefit_claims"))
    raise_all(errors)


def _check_items(new: NewClaim, benefits: dict[UUID, PolicyBenefit]) -> None:
    errors, seen = [], set()
    for place, one in enumerate(new.items):
        field = f"benefit_claims.{place}"
        benefit = benefits.get(one.policy_benefit_id)
        if benefit is None:
            words = "This is not a benefit of the policy."
            errors.append(DomainError(words, field=f"{field}.policy_benefit_id"))
        elif one.policy_benefit_id in seen:
            words = "Claim a benefit once."
            errors.append(DomainError(words, field=f"{field}.policy_benefit_id"))
        elif (
            benefit.member_id
            and benefit.benefit_type_code != STILLBIRTH
            and one.policy_member_id not in (None, benefit.member_id)
        ):
            words = "This benefit is on another life."
            errors.append(DomainError(words, field=f"{field}.policy_member_id"))
        elif one.policy_object_id not in (None, benefit.object_id):
            words = "This benefit is on another object."
            errors.append(DomainError(words, field=f"{field}.policy_object_id"))
        seen.add(one.policy_benefit_id)
        if one.claimed_amount <= ZERO:
            words = "Enter an amount above zero."
            errors.append(DomainError(words, field=f"{field}.claimed_amount"))
    raise_all(errors)


def _claim_row(
    new: NewClaim,
    policy: Policy,
    event_date: date,
    claim_date: date,
    on: date,
    now: datetime,
) -> Claim:
    return Claim(
        id=new_id(),
        policy_id=policy.id,
        product_id=policy.product_id,
        claim_type=new.claim_type,
        status=ClaimStatus.SUBMITTED,
        event_date=event_date,
        claim_date=claim_date,
        submitted_on=on,
        submitted_at=now,
        submitted_by=current_actor().email,
        description=new.description.strip(),
        gestation_weeks=new.gestation_weeks,
        life_name="",
        total_claimed=ZERO,
        version=0,
        updated_at=now,
    )


def _name_insured(held: Held, new: NewClaim, benefits: Sequence[BenefitOfLife]) -> None:
    """Name what the claim is on: the one life of its benefits, or their objects."""
    claim, terms = held.claim, held.terms
    if not terms.insures_persons:
        names = dict.fromkeys(one.object_name for one in benefits if one.object_name)
        claim.life_name = ", ".join(names)
        return
    shared = {one.benefit.id: one.benefit for one in benefits if one.benefit.member_id is None}
    if claim.claim_type == STILLBIRTH:
        _name_parent(claim, new, benefits, held.members)
        return
    lives = {
        one.benefit.member_id: one.member_name
        for one in benefits
        if one.benefit.member_id is not None
    }
    for place, item in enumerate(new.items):
        if benefit := shared.get(item.policy_benefit_id):
            covered = lives_covered(benefit, terms, held.members, claim.event_date)
            chosen = _chosen_life(item, covered, set(lives), f"benefit_claims.{place}")
            if chosen is not None:
                lives[chosen.id] = name_of(chosen)
    if len(lives) > 1:
        raise DomainError("A claim is on one life: register one for each.", field="benefit_claims")
    if lives:
        claim.member_id, claim.life_name = next(iter(lives.items()))


def _name_parent(
    claim: Claim,
    new: NewClaim,
    benefits: Sequence[BenefitOfLife],
    members: Sequence[PolicyMember],
) -> None:
    """Name whose child was stillborn: the life that is said, else the one of the benefit.

    The child itself has neither a name nor a number, and nobody who is insured has died.
    """
    own = next((benefit.benefit.member_id for benefit in benefits), None)
    wanted = next((item.policy_member_id for item in new.items if item.policy_member_id), own)
    parent = next((member for member in members if member.id == wanted), None)
    if wanted is not None and parent is None:
        words = "This is not a life of the policy."
        raise DomainError(words, field="benefit_claims.0.policy_member_id")
    claim.member_id = parent.id if parent else None
    claim.life_name = f"Stillborn child of {name_of(parent) if parent else 'the policyholder'}"


def lives_covered(
    benefit: PolicyBenefit, terms: ProductTerms, members: Sequence[PolicyMember], on: date | None
) -> list[PolicyMember]:
    """Return the lives that a benefit on all lives of a role together covers on a day, or ever."""
    if benefit.member_id is not None or benefit.object_id is not None:
        return []
    known = terms.priced_benefits
    role = next((one.member_role for one in known if one.code == benefit.benefit_code), MAIN_MEMBER)
    return [
        member
        for member in members
        if role in (member.role, EVERY_LIFE)
        and (on is None or member.effective_date <= on)
        and (on is None or member.end_date is None or member.end_date > on)
    ]


def name_of(member: PolicyMember) -> str:
    """Return the full name of a life."""
    return f"{member.first_name} {member.last_name}".strip()


def _chosen_life(
    item: NewItem, covered: Sequence[PolicyMember], others: set[UUID], field: str
) -> PolicyMember | None:
    """Return whose benefit is claimed: who is said, else the life of the claim's other benefits.

    Raises DomainError where several could be meant.
    """
    by_id = {one.id: one for one in covered}
    if item.policy_member_id is not None:
        if item.policy_member_id not in by_id:
            raise DomainError("This benefit is on another life.", field=f"{field}.policy_member_id")
        return by_id[item.policy_member_id]
    meant = [one for one in covered if one.id in others] or covered
    if len(meant) > 1:
        names = ", ".join(name_of(one) for one in meant)
        raise DomainError(f"Say whose: it covers {names}.", field=f"{field}.policy_member_id")
    return meant[0] if meant else None


def _claimant(held: Held, claimant: Claimant | None, circle: Circle, first: ClaimPayee) -> None:
    """Write who claims: the one named, else the holder, or where they have died the first payee."""
    claim = held.claim
    if claimant is not None:
        _named_claimant(claim, claimant, circle)
    elif circle.holder.died_on or (circle.died and is_same_person(circle.died, circle.holder)):
        claim.claimant_name, claim.claimant_relationship = first.name, first.relationship or None
    else:
        holder = held.holder
        claim.claimant_name = holder.display_name
        claim.claimant_email, claim.claimant_phone = holder.email, holder.phone


def _named_claimant(claim: Claim, claimant: Claimant, circle: Circle) -> None:
    name = claimant.name.strip()
    if not name:
        raise DomainError("Say who claims.", field="claimant.name")
    if circle.died and circle.died.name == name:
        raise DomainError(f"{name} has died; say who claims.", field="claimant.name")
    claim.claimant_name = name
    claim.claimant_email = read_email(claimant.email) if claimant.email else None
    claim.claimant_phone = read_phone(claimant.phone) if claimant.phone else None
    claim.claimant_relationship = (claimant.relationship or "").strip() or None


def _item_rows(claim: Claim, new: NewClaim, benefits: dict[UUID, PolicyBenefit]) -> list[ClaimItem]:
    return [
        ClaimItem(
            id=new_id(),
            claim_id=claim.id,
            policy_benefit_id=item.policy_benefit_id,
            benefit_name=benefits[item.policy_benefit_id].benefit_name,
            benefit_type_code=benefits[item.policy_benefit_id].benefit_type_code,
            cover=ZERO,
            remaining_cover=ZERO,
            requested_amount=item.claimed_amount,
            claimed_amount=ZERO,
            payable_amount=ZERO,
            within_waiting_period=False,
            approved_amount=ZERO,
            paid_amount=ZERO,
        )
        for item in new.items
    ]


def _documents(claim: Claim) -> list[ClaimDocument]:
    return [
        ClaimDocument(
            id=new_id(),
            claim_id=claim.id,
            document_type=one,
            is_required=True,
            status=DocumentStatus.OUTSTANDING,
        )
        for one in document_types(claim.claim_type, claim.cause)
    ]
