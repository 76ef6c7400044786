"""Reading requests for a second person."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest, ApprovalStatus
from insurance.core.errors import NotFoundError
from insurance.core.paging import Page, page_of
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
