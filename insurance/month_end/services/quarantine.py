"""Policies that a run leaves out: those that fail, and those that somebody changed."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import psycopg
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from insurance.core.errors import DomainError
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org
from insurance.month_end.models import (
    ExceptionKind,
    MonthEndChunk,
    MonthEndException,
    MonthEndRun,
)

Done = TypeVar("Done")
OF_A_POLICY = (
    DomainError,
    DBAPIError,
    psycopg.DatabaseError,
    ArithmeticError,
    LookupError,
    ValueError,
    TypeError,
    AssertionError,
)


class ChangedError(DomainError):
    """Policies of a plan have changed since."""

    def __init__(self, policy_ids: set[UUID]) -> None:
        super().__init__("Changed since the plan")
        self.policy_ids = policy_ids


def guarded(
    session: Session,
    run: MonthEndRun,
    ids: Sequence[UUID],
    do: Callable[[Sequence[UUID]], list[Done]],
    now: datetime,
) -> list[Done]:
    """Do something for policies; those that fail are quarantined, found by halving."""
    if not ids:
        return []
    try:
        with session.begin_nested():
            return do(ids)
    except (OperationalError, psycopg.OperationalError):
        raise
    except OF_A_POLICY as error:
        session.expire_all()
        if len(ids) == 1:
            changed = isinstance(error, ChangedError)
            kind = ExceptionKind.CHANGED if changed else ExceptionKind.FAILED
            leave_out(session, run, ids[0], kind, in_words(error), now)
            return []
    middle = len(ids) // 2
    found = guarded(session, run, ids[:middle], do, now)
    return found + guarded(session, run, ids[middle:], do, now)


def in_words(error: Exception) -> str:
    """Return an error as a person reads it."""
    if isinstance(error, DomainError):
        return error.message
    return f"{type(error).__name__}: {error}".split("\n")[0][:500]


def leave_out(
    session: Session,
    run: MonthEndRun,
    policy_id: UUID,
    kind: ExceptionKind,
    words: str,
    now: datetime,
) -> None:
    """Name a policy that the run leaves out, once."""
    known = select(MonthEndException.id).where(
        MonthEndException.org_id == current_org(),
        MonthEndException.run_id == run.id,
        MonthEndException.policy_id == policy_id,
    )
    if session.scalar(known) is not None:
        return
    number = session.execute(
        text("SELECT policy_number FROM ins.policies WHERE org_id = :org AND id = :id"),
        {"org": current_org(), "id": policy_id},
    ).scalar_one()
    session.add(
        MonthEndException(
            id=new_id(),
            run_id=run.id,
            policy_id=policy_id,
            policy_number=number,
            kind=kind,
            error=words,
            noted_at=now,
        )
    )
    session.flush()


def left_out(session: Session, run_id: UUID, chunk: MonthEndChunk) -> set[UUID]:
    """Return the policies of a chunk that the run leaves out."""
    return set(
        session.scalars(
            select(MonthEndException.policy_id).where(
                MonthEndException.org_id == current_org(),
                MonthEndException.run_id == run_id,
                MonthEndException.policy_id.between(chunk.first_policy, chunk.last_policy),
            )
        )
    )
