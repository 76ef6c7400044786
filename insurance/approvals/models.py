"""Requests for a second person, with the payload frozen as it was asked for."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import AppendOnly, TenantRecord, TenantTable


class ApprovalStatus(StrEnum):
    """Where a request stands."""

    WAITING = "WAITING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    VOID = "VOID"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


class ApprovalRequest(TenantRecord):
    """Something that one person asked for and another decides.

    `payload` is frozen with its hash; `record_version` is the version of the record it was asked
    on: a record that has moved on makes the request void. Where a schedule asked, `requested_by` is
    the organization. So many people as `needed` must agree; the last of them is who decided. From `expires_at` on nobody can decide it any more.
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
        CheckConstraint("needed > 0", name="needed"),
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
    needed: Mapped[int]
    status: Mapped[ApprovalStatus]
    requested_at: Mapped[datetime]
    requested_by: Mapped[UUID]
    requested_by_email: Mapped[str]
    expires_at: Mapped[datetime]
    reminded_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decided_by_email: Mapped[str | None]
    decided_for_email: Mapped[str | None]
    decision_note: Mapped[str | None]


class ApprovalAgreement(AppendOnly, TenantRecord):
    """One person's agreement to a request; nobody agrees twice.

    `voice_of` is whose voice it is: the person's own, or a colleague's who named the person. A
    voice counts once, whoever raises it.
    """

    __tablename__ = "approval_agreements"
    __table_args__ = (
        UniqueConstraint("org_id", "request_id", "agreed_by"),
        UniqueConstraint("org_id", "request_id", "voice_of"),
        ForeignKeyConstraint(
            ["org_id", "request_id"], ["ins.approval_requests.org_id", "ins.approval_requests.id"]
        ),
    )

    request_id: Mapped[UUID]
    agreed_by: Mapped[UUID]
    agreed_by_email: Mapped[str]
    agreed_by_name: Mapped[str]
    voice_of: Mapped[UUID]
    for_email: Mapped[str | None]
    for_name: Mapped[str | None]
    agreed_at: Mapped[datetime]
    note: Mapped[str | None]

    @property
    def said_by(self) -> str:
        """Return who agreed, and for whom."""
        return self.agreed_by_name + (f" for {self.for_name}" if self.for_name else "")


class ApprovalDelegation(TenantRecord):
    """A colleague decides requests in somebody's place on some days, the last one included."""

    __tablename__ = "approval_delegations"
    __table_args__ = (
        Index("approval_delegations_delegator_ix", "org_id", "delegator_id"),
        Index("approval_delegations_delegate_ix", "org_id", "delegate_id"),
        CheckConstraint("first_day <= last_day", name="days"),
        CheckConstraint("delegator_id <> delegate_id", name="two_people"),
    )

    delegator_id: Mapped[UUID]
    delegator_email: Mapped[str]
    delegator_name: Mapped[str]
    delegate_id: Mapped[UUID]
    delegate_email: Mapped[str]
    delegate_name: Mapped[str]
    first_day: Mapped[date]
    last_day: Mapped[date]
    reason: Mapped[str]
    made_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class ApprovalSetting(TenantTable):
    """What the organization wants of its requests. `version` counts its edits, rules included."""

    __tablename__ = "approval_settings"
    __table_args__ = (
        CheckConstraint("expires_after_days BETWEEN 1 AND 365", name="expiry"),
        CheckConstraint("remind_after_days BETWEEN 1 AND 365", name="reminder"),
    )

    expires_after_days: Mapped[int]
    remind_after_days: Mapped[int]
    version: Mapped[int]
    changed_at: Mapped[datetime]


class ApprovalRule(TenantTable):
    """How many people must agree to an action from an amount on."""

    __tablename__ = "approval_rules"
    __table_args__ = (
        CheckConstraint("from_amount >= 0", name="amount"),
        CheckConstraint("people > 0", name="people"),
    )

    action: Mapped[str] = mapped_column(primary_key=True)
    from_amount: Mapped[Decimal] = mapped_column(primary_key=True)
    people: Mapped[int]
