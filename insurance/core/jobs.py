"""Work for the queue: a row in the transaction that asks for it, a wake-up after its commit.

Redis is only the wake-up line. A job whose wake-up was lost is found by its row.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Table, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from insurance.core import clock
from insurance.core.bulk import write_rows_late
from insurance.core.context import current_actor
from insurance.core.db import TenantRecord, after_commit
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org

_wake: Callable[[UUID, Sequence[UUID]], None] | None = None


class OutboxJob(TenantRecord):
    """One thing to be done after a commit; done when `done_at` is set."""

    __tablename__ = "jobs_outbox"
    __table_args__ = (
        Index(
            "jobs_outbox_open_ix", "org_id", "run_after", postgresql_where=text("done_at IS NULL")
        ),
    )

    name: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    request_id: Mapped[str | None]
    created_at: Mapped[datetime]
    run_after: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None]
    error: Mapped[str | None]


_JOBS: Table = OutboxJob.__table__  # type: ignore[assignment]


def use_queue(wake: Callable[[UUID, Sequence[UUID]], None]) -> None:
    """Set how workers are woken: called with the organization and the ids of its rows."""
    global _wake
    _wake = wake


def enqueue(session: Session, name: str, **arguments: UUID | str | int) -> UUID:
    """Ask for the job `<area>.<function>` once this transaction has committed."""
    return enqueue_many(session, name, [arguments])[0]


def enqueue_at(
    session: Session, run_after: datetime, name: str, **arguments: UUID | str | int
) -> UUID:
    """Ask for a job from a moment on, such as for work that is begun at once and may break off."""
    return enqueue_many(session, name, [arguments], run_after=run_after)[0]


def enqueue_many(
    session: Session,
    name: str,
    arguments: Sequence[Mapping[str, UUID | str | int]],
    *,
    run_after: datetime | None = None,
) -> list[UUID]:
    """Ask for a job many times, once this transaction has committed; return the rows' ids."""
    now, request_id = clock.now(), current_actor().request_id
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "name": name,
            "arguments": {key: str(value) for key, value in argument.items()},
            "request_id": request_id,
            "created_at": now,
            "run_after": run_after or now,
            "attempts": 0,
        }
        for argument in arguments
    ]
    session.flush()
    write_rows_late(session, _JOBS, rows)
    ids = [row["id"] for row in rows]
    org_id = current_org()
    if _wake is not None and ids:
        wake = _wake
        after_commit(session, lambda: wake(org_id, ids))
    return ids


def find_oldest_due(session: Session, before: datetime) -> datetime | None:
    """Return since when the oldest job waits whose time came before a moment; None if none does."""
    return session.scalar(
        select(func.min(OutboxJob.run_after)).where(
            OutboxJob.org_id == current_org(),
            OutboxJob.done_at.is_(None),
            OutboxJob.run_after < before,
        )
    )
