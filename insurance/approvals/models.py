"""Requests for a second person, with the payload frozen as it was asked for."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped

from insurance.core.db import TenantRecord


class ApprovalStatus(StrEnum):
    """Where a request stands."""

    WAITING = "WAITING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    VOID = "VOID"
    WITHDRAWN = "WITHDRAWN"


class ApprovalRequest(TenantRecord):
    """Something that one person asked for and another decides.

    `payload` is frozen with its hash; `record_version` is the version of the record it was asked
    on: a record that has moved on makes the request void.
    """

    __tablename__ = "approval_requests"
    __table_args__ = (
        Index("approval_requests_record_ix", "org_id", "resource", "resource_id"),
        Index(
            "approval_requests_waiting_ix",
            "org_id",
            "id",
            postgresql_where=text("status = 'WAITING'"),
        ),
        Index(
            "approval_requests_once_key",
            "org_id",
            "action",
            "resource_id",
            unique=True,
            postgresql_where=text("status = 'WAITING'"),
        ),
        CheckConstraint("decided_by <> requested_by", name="two_people"),
        CheckConstraint(
            "(status IN ('APPROVED', 'REJECTED')) <= (decided_by IS NOT NULL)", name="decided"
        ),
    )

    action: Mapped[str]
    resource: Mapped[str]
    resource_id: Mapped[UUID]
    record_version: Mapped[int]
    title: Mapped[str]
    amount: Mapped[Decimal | None]
    payload: Mapped[dict[str, Any]]
    payload_hash: Mapped[str]
    reason: Mapped[str]
    status: Mapped[ApprovalStatus]
    requested_at: Mapped[datetime]
    requested_by: Mapped[UUID]
    requested_by_email: Mapped[str]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decided_by_email: Mapped[str | None]
    decision_note: Mapped[str | None]
