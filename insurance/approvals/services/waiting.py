"""What becomes of requests that nobody decides: a reminder, and after long enough their end."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from insurance.approvals import queries
from insurance.approvals.models import ApprovalRequest, ApprovalStatus
from insurance.approvals.services.requests import close
from insurance.approvals.services.standing import as_actor, standing_to_agree
from insurance.audit_logs.services import record
from insurance.core.context import Actor, acting_as
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, ForbiddenError
from insurance.identity.queries import list_members
from insurance.notifications.services import Letter, send_all_later
from insurance.organizations.models import Organization
from insurance.organizations.queries import get_organization


def expire_requests(*, now: datetime) -> int:
    """End what nobody decided in time and tell those who asked; return how many those were."""
    with transaction() as session:
        overdue = queries.list_overdue(session, now)
        if not overdue:
            return 0
        organization, people = get_organization(session), _people(session)
        letters = []
        for request in overdue:
            close(session, request, ApprovalStatus.EXPIRED, _WHY, now)
            asker = people.get(request.requested_by)
            if asker is not None:  # who has left the organization reads no more of it
                letters.append(_letter("approval_expired", asker, request, organization))
        send_all_later(session, letters)
        return len(overdue)


_WHY = "Nobody decided it in time."


def remind_deciders(*, now: datetime) -> int:
    """Write once of each request that has waited long to those who may decide it.

    Return how many requests those were.
    """
    with transaction() as session:
        days = queries.get_setting(session).remind_after_days
        waiting = queries.list_unreminded(session, now, asked_by=now - timedelta(days=days))
        if not waiting:
            return 0
        organization, people = get_organization(session), _people(session)
        letters = []
        for request in waiting:
            deciders = [
                person for person in people.values() if _may_agree(session, request, person, now)
            ]
            letters += [
                _letter("approval_reminder", decider, request, organization) for decider in deciders
            ]
            _note_reminder(session, request, deciders, now)
        send_all_later(session, letters)
        return len(waiting)


def _note_reminder(
    session: Session, request: ApprovalRequest, deciders: Sequence[Actor], now: datetime
) -> None:
    request.reminded_at = now
    record(
        session,
        action="approvals.remind",
        resource="approval_requests",
        resource_id=request.id,
        after={"to": [decider.email for decider in deciders]},
    )


def _people(session: Session) -> dict[UUID, Actor]:
    """Return everybody of the organization who can sign in, as they would act."""
    return {member.user.id: as_actor(member) for member in list_members(session)}


def _may_agree(session: Session, request: ApprovalRequest, person: Actor, now: datetime) -> bool:
    try:
        with acting_as(person):
            standing_to_agree(session, request, now=now)
    except (ForbiddenError, ConflictError):
        return False
    return True


def _letter(kind: str, to: Actor, request: ApprovalRequest, organization: Organization) -> Letter:
    zone = ZoneInfo(organization.timezone)
    values = {
        "name": to.name,
        "title": request.title,
        "asked_by": request.requested_by_email,
        "asked_on": f"{request.requested_at.astimezone(zone):%Y/%m/%d}",
        "expires_at": f"{request.expires_at.astimezone(zone):%Y/%m/%d %H:%M}",
        "organization": organization.name,
    }
    return Letter(kind, to.email, values)
