"""Policies that a run left out."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from insurance.core.tenancy import current_org
from insurance.month_end.models import (
    ExceptionKind,
    MonthEndException,
    MonthEndRun,
)


def list_exceptions(
    session: Session, run_id: UUID, *, limit: int = 200
) -> Sequence[MonthEndException]:
    """Return the policies a run left out, those that failed first."""
    return session.scalars(
        select(MonthEndException)
        .where(MonthEndException.org_id == current_org(), MonthEndException.run_id == run_id)
        .order_by(MonthEndException.kind.desc(), MonthEndException.policy_number)
        .limit(limit)
    ).all()


def find_policy_id(session: Session, number: str) -> UUID | None:
    """Return the policy with a number."""
    wanted = text("SELECT id FROM ins.policies WHERE org_id = :org AND policy_number = :number")
    return session.scalar(wanted, {"org": current_org(), "number": number})


def find_exception(session: Session, run_id: UUID, policy_id: UUID) -> MonthEndException | None:
    """Return why a run left a policy out."""
    return session.scalars(
        select(MonthEndException).where(
            MonthEndException.org_id == current_org(),
            MonthEndException.run_id == run_id,
            MonthEndException.policy_id == policy_id,
        )
    ).one_or_none()


def find_follow_up(session: Session, run_id: UUID) -> MonthEndRun | None:
    """Return the newest run that took up what another left out."""
    return session.scalars(
        select(MonthEndRun)
        .where(MonthEndRun.org_id == current_org(), MonthEndRun.follows_id == run_id)
        .order_by(MonthEndRun.id.desc())
        .limit(1)
    ).one_or_none()


def count_exceptions(session: Session, run_id: UUID) -> dict[ExceptionKind, int]:
    """Return how many policies a run left out, by why."""
    rows = session.execute(
        select(MonthEndException.kind, func.count())
        .where(MonthEndException.org_id == current_org(), MonthEndException.run_id == run_id)
        .group_by(MonthEndException.kind)
    )
    return {row[0]: row[1] for row in rows}
