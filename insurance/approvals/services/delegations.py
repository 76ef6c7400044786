"""Naming a colleague who decides requests in one's place for some days."""

from datetime import date, datetime
from uuid import UUID

from insurance.alerts.services import notify
from insurance.approvals import queries, rules
from insurance.approvals.alert_kinds import DELEGATED
from insurance.approvals.models import ApprovalDelegation
from insurance.approvals.permissions import ApprovalsMay
from insurance.approvals.services.standing import as_actor
from insurance.audit_logs.services import record
from insurance.core.context import Actor, current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.ids import new_id
from insurance.core.records import get_record
from insurance.identity.queries import list_members
from insurance.notifications.services import send_later
from insurance.organizations.queries import get_organization, local_day


def delegate_decisions(
    delegate_id: UUID, *, first_day: date, last_day: date, reason: str, now: datetime
) -> ApprovalDelegation:
    """Let a colleague decide requests in one's place on some days, both included.

    Raises DomainError at the field that is wrong, ConflictError where somebody is named for one of
    those days, ForbiddenError for who may not decide in their own right.
    """
    giver_id = _check_giver(current_actor())
    with transaction() as session:
        rules.check_delegation(
            first_day,
            last_day,
            reason,
            is_to_oneself=delegate_id == giver_id,
            on=local_day(session, now),
        )
        people = {member.user.id: as_actor(member) for member in list_members(session)}
        delegate = people.get(delegate_id)
        if delegate is None:
            raise DomainError("Choose one from the list.", field="delegate_id")
        _check_nobody_is_named(queries.list_delegations_by(session, giver_id), first_day, last_day)
        delegation = ApprovalDelegation(
            id=new_id(),
            delegator_id=giver_id,
            delegator_email=current_actor().email,
            delegator_name=current_actor().name,
            delegate_id=delegate_id,
            delegate_email=delegate.email,
            delegate_name=delegate.name,
            first_day=first_day,
            last_day=last_day,
            reason=reason.strip(),
            made_at=now,
        )
        session.add(delegation)
        session.flush()
        record(
            session,
            action="approvals.delegate",
            resource="approval_delegations",
            resource_id=delegation.id,
            after={"to": delegate.email, "first_day": first_day, "last_day": last_day},
            reason=delegation.reason,
        )
        notify(
            session,
            DELEGATED,
            [delegate_id],
            ("approval_delegations", delegation.id),
            delegator=delegation.delegator_name,
            first_day=f"{first_day:%Y/%m/%d}",
            last_day=f"{last_day:%Y/%m/%d}",
        )
        send_later(
            session,
            "approval_delegated",
            to=delegate.email,
            name=delegate.name,
            delegator=delegation.delegator_name,
            first_day=f"{first_day:%Y/%m/%d}",
            last_day=f"{last_day:%Y/%m/%d}",
            reason=delegation.reason,
            organization=get_organization(session).name,
        )
        return delegation


def _check_giver(actor: Actor) -> UUID:
    if actor.user_id is None or not actor.may(ApprovalsMay.DECIDE):
        raise ForbiddenError("Only who decides requests can name somebody to do it instead.")
    return actor.user_id


def _check_nobody_is_named(
    standing: list[ApprovalDelegation], first_day: date, last_day: date
) -> None:
    for one in standing:
        if one.first_day <= last_day and first_day <= one.last_day:
            raise ConflictError(
                f"{one.delegate_name} decides in your place from {one.first_day:%Y/%m/%d} to"
                f" {one.last_day:%Y/%m/%d}. Withdraw that first, or choose other days.",
                field="first_day",
            )


def withdraw_delegation(delegation_id: UUID, *, now: datetime) -> ApprovalDelegation:
    """End a delegation of one's own at once. What was decided by it stands.

    Raises ForbiddenError for anybody else's, ConflictError for one that was withdrawn.
    """
    with transaction() as session:
        delegation = get_record(session, ApprovalDelegation, delegation_id, lock=True)
        if delegation.delegator_id != current_actor().user_id:
            raise ForbiddenError("Only who gave this delegation can withdraw it.")
        if delegation.withdrawn_at is not None:
            raise ConflictError("This delegation was withdrawn already.")
        delegation.withdrawn_at = now
        record(
            session,
            action="approvals.withdraw_delegation",
            resource="approval_delegations",
            resource_id=delegation.id,
            before={"to": delegation.delegate_email, "last_day": delegation.last_day},
        )
        return delegation
