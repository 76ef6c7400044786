"""Deciding what needs a second person: the frozen request is carried out as it was asked for."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.approvals import rules
from insurance.approvals import services as approvals
from insurance.approvals.models import ApprovalRequest
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, NotFoundError
from insurance.policies import queries
from insurance.policies.services import cancellation, endorsements, payments, relief, setting_aside
from insurance.products import services as products
from insurance.products.queries import get_product

EXECUTORS: dict[str, Callable[..., Any]] = {
    cancellation.ACTION: cancellation.execute_cancellation,
    relief.WAIVE: relief.execute_giving_up,
    relief.WRITE_OFF: relief.execute_giving_up,
    relief.REFUND: relief.execute_refund,
    setting_aside.ACTION: setting_aside.execute_setting_aside,
    products.LAUNCH: products.execute_launch,
    payments.RECEIVE: payments.execute_payment,
    endorsements.BACKDATE: endorsements.execute_backdated,
}
"""What carries out each action, as a step of the approval's transaction. Claims add theirs."""


def _policy_version(session: Session, policy_id: UUID) -> int:
    return queries.get_policy(session, policy_id, lock=True).current_version


def _product_version(session: Session, product_id: UUID) -> int:
    return get_product(session, product_id, lock=True).version


VERSIONS: dict[str, Callable[[Session, UUID], int]] = {
    "policies": _policy_version,
    "products": _product_version,
}
"""How the record that a request is about is locked; its version is answered. Others add theirs."""
_NAMES = {"policies": "policy", "products": "product"}


class _MovedOnError(ConflictError):
    """The record is not as it was when a second person was asked."""


def approve_request(
    request_id: UUID, *, on: date, now: datetime, note: str | None = None
) -> ApprovalRequest:
    """Agree to a request, which is carried out at once and in the same transaction.

    Where the record has moved on since, the request becomes void and ConflictError says so.
    Raises ForbiddenError for the one who asked.
    """
    try:
        with transaction() as session:
            request = approvals.take_request(session, request_id)
            rules.check_checker(request.requested_by, current_actor().user_id)
            _check_unchanged(request, _lock(session, request))
            approvals.decide(session, request, approve=True, note=note, now=now)
            try:
                EXECUTORS[request.action](session, request, on=on, now=now)
            except ConflictError as refusal:
                raise _MovedOnError(refusal.message, detail=refusal.detail) from refusal
            return request
    except _MovedOnError as moved:
        _make_void(request_id, moved.message, now)
        raise ConflictError(
            f"{moved.message} The request is void.", detail=moved.detail | {"status": "VOID"}
        ) from moved


def _lock(session: Session, request: ApprovalRequest) -> int:
    """Lock what a request is about and return its version."""
    try:
        return VERSIONS[request.resource](session, request.resource_id)
    except NotFoundError as gone:
        raise _MovedOnError("What this was asked for is not there any more.") from gone


def _check_unchanged(request: ApprovalRequest, version: int) -> None:
    if rules.payload_hash(request.payload) != request.payload_hash:
        raise _MovedOnError("What was asked for is not what was frozen.")
    name = _NAMES.get(request.resource, "record")
    if version != request.record_version:
        raise _MovedOnError(
            f"The {name} has changed since this was asked for: it was version"
            f" {request.record_version} and is version {version}."
        )


def _make_void(request_id: UUID, why: str, now: datetime) -> None:
    with transaction() as session:
        request = approvals.take_request(session, request_id)
        approvals.make_void(session, request, why=why, now=now)


def reject_request(request_id: UUID, *, now: datetime, note: str | None = None) -> ApprovalRequest:
    """Refuse what was asked for; nothing is done. Raises ForbiddenError for the one who asked."""
    with transaction() as session:
        request = approvals.take_request(session, request_id)
        approvals.decide(session, request, approve=False, note=note, now=now)
        return request


def withdraw_request(
    request_id: UUID, *, now: datetime, note: str | None = None
) -> ApprovalRequest:
    """Take back what one asked for. Raises ForbiddenError for anybody else."""
    with transaction() as session:
        request = approvals.take_request(session, request_id)
        approvals.withdraw(session, request, note=note, now=now)
        return request
