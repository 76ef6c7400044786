"""Work for the queue: a row in the transaction that asks for it, a wake-up after its commit.

Redis is only the wake-up line. A job whose wake-up was lost is found by its row.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import TenantRecord, after_commit
from insurance.core.tenancy import current_org

_wake: Callable[[UUID, UUID, str], None] | None = None


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


def use_queue(wake: Callable[[UUID, UUID, str], None]) -> None:
    """Set how a worker is woken: called with the organization, the row's id and the job's name."""
    global _wake
    _wake = wake


def enqueue(session: Session, name: str, **arguments: UUID | str | int) -> UUID:
    """Ask for the job `<area>.<function>` once this transaction has committed."""
    now = clock.now()
    job = OutboxJob(
        name=name,
        arguments={key: str(value) for key, value in arguments.items()},
        request_id=current_actor().request_id,
        created_at=now,
        run_after=now,
    )
    session.add(job)
    session.flush()
    org_id = current_org()
    if _wake is not None:
        wake = _wake
        after_commit(session, lambda: wake(org_id, job.id, name))
    return job.id
