"""In whose right a person decides a request: their own, or that of a colleague who named them."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.approvals import queries, rules
from insurance.approvals.models import ApprovalDelegation, ApprovalRequest
from insurance.approvals.permissions import ApprovalsMay
from insurance.approvals.subjects import subject_of
from insurance.core.context import Actor, acting_as, current_actor
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.tenancy import current_org
from insurance.identity.queries import Colleague, list_members
from insurance.organizations.queries import local_day


@dataclass(frozen=True, slots=True)
class DeciderStanding:
    """Who decides, and the delegation by which they do; None in their own right."""

    person_id: UUID
    delegation: ApprovalDelegation | None = None

    @property
    def voice(self) -> UUID:
        """Return the person whose voice counts."""
        return self.delegation.delegator_id if self.delegation else self.person_id

    @property
    def instead_of(self) -> dict[str, str]:
        """Return for whom somebody else decides, as the audit log says it."""
        return {"for": self.delegation.delegator_email} if self.delegation else {}


def standing_to_reject(
    session: Session, request: ApprovalRequest, *, now: datetime
) -> DeciderStanding:
    """Return in whose right the acting person may reject a request. Raises ForbiddenError."""
    person_id = rules.check_checker(request.requested_by, current_actor().user_id)
    if current_actor().may(ApprovalsMay.DECIDE):
        return DeciderStanding(person_id)
    refusal = _not_a_decider()
    for delegation, delegator in _named_by(session, person_id, now):
        if delegator.user_id != request.requested_by:
            return DeciderStanding(person_id, delegation)
        refusal = ForbiddenError("The colleague who named you asked for this.")
    raise refusal


def standing_to_agree(
    session: Session, request: ApprovalRequest, *, now: datetime
) -> DeciderStanding:
    """Return in whose right the acting person may agree to a request, who has not agreed to it.

    One's own right comes first. A delegate is held to what holds for either: neither asked for it,
    and the subject refuses neither. Raises ForbiddenError; ConflictError where the person, or the
    voice that is left to the person, counts already.
    """
    person_id = rules.check_checker(request.requested_by, current_actor().user_id)
    agreed = queries.agreements_of(session, [request])[request.id]
    rules.check_agrees_once([one.agreed_by for one in agreed], person_id)
    rules.check_voice({one.voice_of: one.agreed_by_name for one in agreed}, person_id)
    refusal: DomainError = _not_a_decider()
    if current_actor().may(ApprovalsMay.DECIDE):
        try:
            subject_of(request.action).check_checker(session, request)
        except ForbiddenError as error:
            refusal = error
        else:
            return DeciderStanding(person_id)
    for delegation, delegator in _named_by(session, person_id, now):
        try:
            _check_delegate(session, request, delegator)
            rules.check_left({one.voice_of for one in agreed}, delegation.delegator_id)
        except (ForbiddenError, ConflictError) as error:
            refusal = error
        else:
            return DeciderStanding(person_id, delegation)
    raise refusal


def list_deciders(session: Session, request: ApprovalRequest, *, now: datetime) -> list[Actor]:
    """Return who may agree to a new request: in their own right, and today in place of those."""
    people = {member.user.id: as_actor(member) for member in list_members(session)}
    people.pop(request.requested_by, None)
    own = {
        person_id: person
        for person_id, person in people.items()
        if person.may(ApprovalsMay.DECIDE) and _is_allowed(session, request, person)
    }
    today = queries.list_delegations_on(session, local_day(session, now))
    named = {
        one.delegate_id: people[one.delegate_id]
        for one in today
        if one.delegator_id in own and one.delegate_id in people
    }
    return list((own | named).values())


def _is_allowed(session: Session, request: ApprovalRequest, person: Actor) -> bool:
    try:
        with acting_as(person):
            subject_of(request.action).check_checker(session, request)
    except (ForbiddenError, ConflictError):
        return False
    return True


def _not_a_decider() -> ForbiddenError:
    return ForbiddenError("Your role does not decide requests.")


def _check_delegate(session: Session, request: ApprovalRequest, delegator: Actor) -> None:
    """Refuse where the subject refuses the delegator, or the delegate in the delegator's roles."""
    if delegator.user_id == request.requested_by:
        raise ForbiddenError("The colleague who named you asked for this.")
    check = subject_of(request.action).check_checker
    for person in (delegator, replace(current_actor(), roles=delegator.roles)):
        with acting_as(person):
            check(session, request)


def _named_by(
    session: Session, person_id: UUID, now: datetime
) -> list[tuple[ApprovalDelegation, Actor]]:
    """Return the delegations to a person of today whose givers may still decide, with the givers.

    A token narrowed to other things does not decide for anybody.
    """
    scopes = current_actor().scopes
    if scopes is not None and ApprovalsMay.DECIDE not in scopes:
        return []
    found = queries.list_delegations_to(session, person_id, on=local_day(session, now))
    givers = [(one, _member(session, one.delegator_id)) for one in found]
    return [(one, giver) for one, giver in givers if giver and giver.may(ApprovalsMay.DECIDE)]


def as_actor(member: Colleague) -> Actor:
    """Return a colleague as the colleague would act."""
    return Actor(
        user_id=member.user.id,
        email=member.user.email,
        name=member.name,
        org_id=current_org(),
        roles=frozenset(member.roles),
        grant_changes=member.grant_changes,
    )


def _member(session: Session, user_id: UUID) -> Actor | None:
    found = list_members(session, user_id=user_id)
    return as_actor(found[0]) if found else None
