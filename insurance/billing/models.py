"""The premium schedule of a policy."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from insurance.core.db import TenantRecord, tenant_key


class LineStatus(StrEnum):
    """Whether a premium is still owed."""

    PENDING = "PENDING"
    PAID = "PAID"
    OVERDUE = "OVERDUE"
    CANCELLED = "CANCELLED"


class PremiumLine(TenantRecord):
    """The premium of one period. Partly paid, it stays PENDING or OVERDUE."""

    __tablename__ = "premium_lines"
    __table_args__ = (
        UniqueConstraint("org_id", "policy_id", "sequence", name="premium_lines_sequence_key"),
        Index("premium_lines_due_ix", "org_id", "status", "due_date", "policy_id"),
        tenant_key("policies", "policy_id"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("paid_amount BETWEEN 0 AND amount", name="paid_amount"),
        CheckConstraint(
            "status <> 'PAID' OR (paid_amount = amount AND paid_date IS NOT NULL)", name="paid"
        ),
    )

    policy_id: Mapped[UUID]
    sequence: Mapped[int]
    due_date: Mapped[date]
    period_end: Mapped[date]
    amount: Mapped[Decimal]
    paid_amount: Mapped[Decimal]
    status: Mapped[LineStatus]
    paid_date: Mapped[date | None]
    payment_reference: Mapped[str | None]
    posted_at: Mapped[datetime | None]
