"""Reading premium schedules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from insurance.billing.models import LineStatus, PremiumLine
from insurance.core.money import ZERO
from insurance.core.tenancy import current_org


@dataclass(frozen=True, slots=True)
class PremiumSummary:
    """What has been paid, what is open, and what comes next."""

    schedule_count: int
    paid_count: int
    overdue_count: int
    total_paid: Decimal
    total_outstanding: Decimal
    next_due_date: date | None
    next_due_amount: Decimal | None


def list_premium_lines(session: Session, policy_id: UUID) -> Sequence[PremiumLine]:
    """Return a policy's premium lines in the order they fall due."""
    return session.scalars(
        select(PremiumLine)
        .where(PremiumLine.org_id == current_org(), PremiumLine.policy_id == policy_id)
        .order_by(PremiumLine.sequence)
    ).all()


def get_premium_summary(session: Session, policy_id: UUID, *, on: date) -> PremiumSummary:
    """Add up a policy's schedule; the next premium is the first open one due on or after a day."""
    is_open = PremiumLine.status.in_([LineStatus.PENDING, LineStatus.OVERDUE])
    left = PremiumLine.amount - PremiumLine.paid_amount
    row = session.execute(
        select(
            func.count().filter(PremiumLine.status != LineStatus.CANCELLED),
            func.count().filter(PremiumLine.status == LineStatus.PAID),
            func.count().filter(PremiumLine.status == LineStatus.OVERDUE),
            func.coalesce(func.sum(PremiumLine.paid_amount), ZERO),
            func.coalesce(func.sum(case((is_open, left), else_=ZERO)), ZERO),
        ).where(PremiumLine.org_id == current_org(), PremiumLine.policy_id == policy_id)
    ).one()
    coming = session.execute(
        select(PremiumLine.due_date, left)
        .where(
            PremiumLine.org_id == current_org(),
            PremiumLine.policy_id == policy_id,
            PremiumLine.due_date >= on,
            is_open,
        )
        .order_by(PremiumLine.sequence)
        .limit(1)
    ).one_or_none()
    return PremiumSummary(*row, *(coming or (None, None)))
