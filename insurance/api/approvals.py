"""Requests for a second person in the API: what waits, and its decision."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from insurance.api.edge import Answer, Body, ListQuery, endpoint, listing
from insurance.approvals import queries, services
from insurance.approvals.models import ApprovalStatus
from insurance.core import clock
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.core.permissions import May
from insurance.web.business import business_day
from insurance.web.parsing import Money, Words

PATH = "/approvals/<uuid:approval_id>"


class ApprovalAnswer(Answer):
    """Something that one person asked for and another decides."""

    id: UUID
    action: str
    resource: str
    resource_id: UUID
    record_version: int
    title: str
    amount: Money | None
    payload: dict[str, Any]
    payload_hash: str
    reason: str
    status: ApprovalStatus
    requested_at: datetime
    requested_by_email: str
    decided_at: datetime | None
    decided_by_email: str | None
    decision_note: str | None


class ApprovalsQuery(ListQuery):
    """Which requests."""

    status: ApprovalStatus | None = None


class DecisionBody(Body):
    """What the decider wants to add."""

    note: Annotated[Words, Field(max_length=500)] | None = None


@endpoint(
    "GET",
    "/approvals",
    may=May.APPROVALS_VIEW,
    query=ApprovalsQuery,
    answer=list[ApprovalAnswer],
    tag="Approvals",
)
def list_approvals(query: ApprovalsQuery):
    """List requests for a second person, newest first."""
    after = decode_cursor(query.cursor, 1, UUID)[0] if query.cursor else None
    return listing(
        queries.list_requests(db.session(), limit=query.limit, after=after, status=query.status)
    )


@endpoint("GET", PATH, may=May.APPROVALS_VIEW, answer=ApprovalAnswer, tag="Approvals")
def get_approval(approval_id: UUID):
    """Return a request with its frozen payload."""
    return queries.get_request(db.session(), approval_id)


@endpoint(
    "POST",
    f"{PATH}/approve",
    may=May.APPROVALS_DECIDE,
    body=DecisionBody,
    answer=ApprovalAnswer,
    tag="Approvals",
)
def approve_request(approval_id: UUID, body: DecisionBody):
    """Agree; what was asked for is carried out at once. Never by the one who asked."""
    return services.approve_request(approval_id, on=business_day(), now=clock.now(), note=body.note)


@endpoint(
    "POST",
    f"{PATH}/reject",
    may=May.APPROVALS_DECIDE,
    body=DecisionBody,
    answer=ApprovalAnswer,
    tag="Approvals",
)
def reject_request(approval_id: UUID, body: DecisionBody):
    """Refuse; nothing is done. Never by the one who asked."""
    return services.reject_request(approval_id, now=clock.now(), note=body.note)


@endpoint(
    "POST",
    f"{PATH}/withdraw",
    may=May.APPROVALS_VIEW,
    body=DecisionBody,
    answer=ApprovalAnswer,
    tag="Approvals",
)
def withdraw_request(approval_id: UUID, body: DecisionBody):
    """Take back what one asked for."""
    return services.withdraw_request(approval_id, now=clock.now(), note=body.note)
