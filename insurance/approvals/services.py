"""Asking for a second person and deciding: steps of the commands that need one."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.approvals import rules
from insurance.approvals.models import ApprovalRequest, ApprovalStatus
from insurance.audit_logs.rules import plain
from insurance.audit_logs.services import record
from insurance.core.context import current_actor
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.ids import new_id
from insurance.core.records import get_record
from insurance.core.tenancy import current_org


def request_approval(
    session: Session,
    *,
    action: str,
    resource: str,
    resource_id: UUID,
    record_version: int,
    title: str,
    amount: Decimal | None,
    payload: Mapping[str, Any],
    reason: str,
    now: datetime,
) -> ApprovalRequest:
    """Freeze what is asked for until another person decides. The caller holds the record.

    Raises ConflictError where the same waits already, ForbiddenError for a program.
    """
    maker_id = _check_maker(reason)
    _refuse_second(session, action, resource_id)
    frozen = plain(dict(payload))
    request = ApprovalRequest(
        id=new_id(),
        action=action,
        resource=resource,
        resource_id=resource_id,
        record_version=record_version,
        title=title,
        amount=amount,
        payload=frozen,
        payload_hash=rules.payload_hash(frozen),
        reason=reason.strip(),
        status=ApprovalStatus.WAITING,
        requested_at=now,
        requested_by=maker_id,
        requested_by_email=current_actor().email,
    )
    session.add(request)
    session.flush()
    record(
        session,
        action="approvals.request",
        resource="approval_requests",
        resource_id=request.id,
        after={"action": action, "title": title, "amount": amount, "payload": frozen},
        reason=request.reason,
    )
    return request


def _check_maker(reason: str) -> UUID:
    actor = current_actor()
    if actor.user_id is None or actor.is_system:
        raise ForbiddenError("A second person must decide this, so a person must ask for it.")
    if not reason.strip():
        raise DomainError("Say why.", field="reason")
    return actor.user_id


def _refuse_second(session: Session, action: str, resource_id: UUID) -> None:
    waiting = session.scalars(
        select(ApprovalRequest).where(
            ApprovalRequest.org_id == current_org(),
            ApprovalRequest.action == action,
            ApprovalRequest.resource_id == resource_id,
            ApprovalRequest.status == ApprovalStatus.WAITING,
        )
    ).one_or_none()
    if waiting is not None:
        raise ConflictError(
            f"“{waiting.title}” waits for approval already; "
            f"{waiting.requested_by_email} asked for it.",
            detail={"approval_id": str(waiting.id)},
        )


def take_request(session: Session, request_id: UUID, *, lock: bool = True) -> ApprovalRequest:
    """Return a request that still waits, held. Raises NotFoundError, ConflictError if decided."""
    found = get_record(session, ApprovalRequest, request_id, lock=lock)
    rules.check_waits(found.status.value)
    return found


def decide(
    session: Session, request: ApprovalRequest, *, approve: bool, note: str | None, now: datetime
) -> None:
    """Approve or reject a request that the caller holds. The one who asked may not.

    Raises ForbiddenError in words for the maker or a program.
    """
    rules.check_waits(request.status.value)
    rules.check_checker(request.requested_by, current_actor().user_id)
    request.status = ApprovalStatus.APPROVED if approve else ApprovalStatus.REJECTED
    request.decided_by = current_actor().user_id
    request.decided_by_email = current_actor().email
    _close(session, request, "approvals.approve" if approve else "approvals.reject", note, now)


def withdraw(
    session: Session, request: ApprovalRequest, *, note: str | None, now: datetime
) -> None:
    """Take a request back. Raises ForbiddenError for anybody but the one who asked."""
    rules.check_waits(request.status.value)
    rules.check_maker(request.requested_by, current_actor().user_id)
    request.status = ApprovalStatus.WITHDRAWN
    _close(session, request, "approvals.withdraw", note, now)


def make_void(session: Session, request: ApprovalRequest, *, why: str, now: datetime) -> None:
    """End a request whose record has moved on since it was asked for."""
    rules.check_waits(request.status.value)
    request.status = ApprovalStatus.VOID
    _close(session, request, "approvals.void", why, now)


def _close(
    session: Session, request: ApprovalRequest, action: str, note: str | None, now: datetime
) -> None:
    request.decided_at = now
    request.decision_note = (note or "").strip() or None
    session.flush()
    record(
        session,
        action=action,
        resource="approval_requests",
        resource_id=request.id,
        before={"status": "WAITING"},
        after={"status": request.status, "payload_hash": request.payload_hash},
        reason=request.decision_note,
    )
