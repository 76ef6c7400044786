"""Reading requests for a second person."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from insurance.approvals import rules
from insurance.approvals.models import (
    ApprovalAgreement,
    ApprovalDelegation,
    ApprovalRequest,
    ApprovalRule,
    ApprovalSetting,
    ApprovalStatus,
)
from insurance.core.errors import NotFoundError
from insurance.core.paging import Page, page_of
from insurance.core.records import get_record
from insurance.core.tenancy import current_org


def get_request(session: Session, approval_id: UUID) -> ApprovalRequest:
    """Return a request of the organization in scope. Raises NotFoundError."""
    found = session.scalars(
        select(ApprovalRequest).where(
            ApprovalRequest.org_id == current_org(), ApprovalRequest.id == approval_id
        )
    ).one_or_none()
    if found is None:
        raise NotFoundError
    return found


def list_requests(
    session: Session,
    *,
    limit: int,
    after: UUID | None = None,
    status: ApprovalStatus | None = None,
) -> Page[ApprovalRequest]:
    """Return requests, newest first."""
    query = select(ApprovalRequest).where(ApprovalRequest.org_id == current_org())
    if status is not None:
        query = query.where(ApprovalRequest.status == status)
    if after is not None:
        query = query.where(ApprovalRequest.id < after)
    rows = session.scalars(query.order_by(ApprovalRequest.id.desc()).limit(limit + 1)).all()
    return page_of(rows, limit, lambda row: (row.id,))


def list_waiting(session: Session, resource: str, *resource_ids: UUID) -> Sequence[ApprovalRequest]:
    """Return what waits for a second person on records, oldest first."""
    return session.scalars(
        select(ApprovalRequest)
        .where(
            ApprovalRequest.org_id == current_org(),
            ApprovalRequest.resource == resource,
            ApprovalRequest.resource_id.in_(resource_ids),
            ApprovalRequest.status == ApprovalStatus.WAITING,
        )
        .order_by(ApprovalRequest.id)
    ).all()


def list_to_decide(
    session: Session, now: datetime, *, by: UUID | None, limit: int
) -> Sequence[ApprovalRequest]:
    """Return what waits that a person did not ask for and has not agreed to, oldest first."""
    agreed = select(ApprovalAgreement.request_id).where(
        ApprovalAgreement.org_id == current_org(), ApprovalAgreement.agreed_by == by
    )
    return session.scalars(
        select(ApprovalRequest)
        .where(
            ApprovalRequest.org_id == current_org(),
            ApprovalRequest.status == ApprovalStatus.WAITING,
            ApprovalRequest.expires_at > now,
            ApprovalRequest.requested_by.is_distinct_from(by),
            ApprovalRequest.id.not_in(agreed),
        )
        .order_by(ApprovalRequest.id)
        .limit(limit)
    ).all()


def list_overdue(session: Session, now: datetime) -> Sequence[ApprovalRequest]:
    """Return what waits and was not decided in time, held; what somebody decides now is left out."""
    return session.scalars(_waiting().where(ApprovalRequest.expires_at <= now)).all()


def list_unreminded(
    session: Session, now: datetime, *, asked_by: datetime
) -> Sequence[ApprovalRequest]:
    """Return, held, what waits since a moment or longer and nobody was reminded of."""
    return session.scalars(
        _waiting().where(
            ApprovalRequest.requested_at <= asked_by,
            ApprovalRequest.expires_at > now,
            ApprovalRequest.reminded_at.is_(None),
        )
    ).all()


def _waiting() -> Select[ApprovalRequest]:
    """Return what waits and nobody else holds, oldest first."""
    return (
        select(ApprovalRequest)
        .where(
            ApprovalRequest.org_id == current_org(),
            ApprovalRequest.status == ApprovalStatus.WAITING,
        )
        .order_by(ApprovalRequest.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


def agreements_of(
    session: Session, requests: Sequence[ApprovalRequest]
) -> dict[UUID, list[ApprovalAgreement]]:
    """Return who agreed to some requests so far, oldest first; none for those nobody agreed to."""
    found: dict[UUID, list[ApprovalAgreement]] = defaultdict(list)
    query = select(ApprovalAgreement).where(
        ApprovalAgreement.org_id == current_org(),
        ApprovalAgreement.request_id.in_([request.id for request in requests]),
    )
    for one in session.scalars(query.order_by(ApprovalAgreement.id)):
        found[one.request_id].append(one)
    return found


def get_setting(session: Session) -> ApprovalSetting:
    """Return what the organization wants of its requests; version 0 where it never said."""
    query = select(ApprovalSetting).where(ApprovalSetting.org_id == current_org())
    return session.scalars(query).one_or_none() or ApprovalSetting(
        version=0,
        expires_after_days=rules.EXPIRES_AFTER_DAYS,
        remind_after_days=rules.REMIND_AFTER_DAYS,
    )


def list_rules(session: Session) -> Sequence[ApprovalRule]:
    """Return how many people must agree to what, by action and amount."""
    return session.scalars(
        select(ApprovalRule)
        .where(ApprovalRule.org_id == current_org())
        .order_by(ApprovalRule.action, ApprovalRule.from_amount)
    ).all()


def list_delegations(
    session: Session, user_id: UUID, *, limit: int, after: UUID | None = None
) -> Page[ApprovalDelegation]:
    """Return the delegations that a person gave or was given, newest first."""
    query = _delegations().where(
        or_(ApprovalDelegation.delegator_id == user_id, ApprovalDelegation.delegate_id == user_id)
    )
    if after is not None:
        query = query.where(ApprovalDelegation.id < after)
    rows = session.scalars(query.order_by(ApprovalDelegation.id.desc()).limit(limit + 1)).all()
    return page_of(rows, limit, lambda row: (row.id,))


def list_delegations_by(session: Session, user_id: UUID) -> list[ApprovalDelegation]:
    """Return what a person gave and did not withdraw."""
    query = _delegations().where(
        ApprovalDelegation.delegator_id == user_id, ApprovalDelegation.withdrawn_at.is_(None)
    )
    return list(session.scalars(query.order_by(ApprovalDelegation.id)))


def list_delegations_to(session: Session, user_id: UUID, *, on: date) -> list[ApprovalDelegation]:
    """Return by which a person decides for others on a day, oldest first."""
    query = _delegations().where(
        ApprovalDelegation.delegate_id == user_id,
        ApprovalDelegation.withdrawn_at.is_(None),
        ApprovalDelegation.first_day <= on,
        ApprovalDelegation.last_day >= on,
    )
    return list(session.scalars(query.order_by(ApprovalDelegation.id)))


def list_delegations_on(session: Session, on: date) -> list[ApprovalDelegation]:
    """Return by which anybody decides for others on a day, oldest first."""
    query = _delegations().where(
        ApprovalDelegation.withdrawn_at.is_(None),
        ApprovalDelegation.first_day <= on,
        ApprovalDelegation.last_day >= on,
    )
    return list(session.scalars(query.order_by(ApprovalDelegation.id)))


def get_delegation(session: Session, delegation_id: UUID) -> ApprovalDelegation:
    """Return a delegation of the organization in scope. Raises NotFoundError."""
    return get_record(session, ApprovalDelegation, delegation_id)


def _delegations() -> Select[ApprovalDelegation]:
    return select(ApprovalDelegation).where(ApprovalDelegation.org_id == current_org())
