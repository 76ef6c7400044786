"""One effect per key: what a repeated request did the first time is answered again.

A key is claimed before its work starts. The commit of the work marks it done in the same
transaction, so that a process that dies between work and answer leaves no doubt behind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, func, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from insurance.core import clock
from insurance.core.db import TenantTable, before_every_commit, touched
from insurance.core.errors import ConflictError
from insurance.core.tenancy import scope_setting


class IdempotencyKey(TenantTable):
    """A request by its key: running, then done (`done_at`), then answered (`status`).

    `claimed_by` is the try that may do the work: a try that was given up commits nothing more.
    `resource` and `resource_id` name the record that the work was about.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("idempotency_keys_created_at_ix", "org_id", "created_at"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str]
    body_hash: Mapped[bytes]
    claimed_by: Mapped[UUID | None]
    done_at: Mapped[datetime | None]
    resource: Mapped[str | None]
    resource_id: Mapped[str | None]
    status: Mapped[int | None]
    answer: Mapped[str | None]
    headers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    lease_until: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """A key that this request may do the work of, in one organization."""

    org_id: UUID
    key: str
    claimed_by: UUID


_claim: ContextVar[KeyClaim | None] = ContextVar("idempotency_claim", default=None)


@contextmanager
def working_for(claim: KeyClaim) -> Iterator[None]:
    """Let every commit of a block mark the key as done."""
    token = _claim.set(claim)
    try:
        yield
    finally:
        _claim.reset(token)


def _mark_done(session: Session) -> None:
    """Mark the running request's key as done; refuse the commit of a try that was given up."""
    claim = _claim.get()
    if claim is None or scope_setting() != claim.org_id:
        return
    resource, resource_id = touched(session) or (None, None)
    marked = session.execute(
        update(IdempotencyKey)
        .where(
            IdempotencyKey.org_id == claim.org_id,
            IdempotencyKey.key == claim.key,
            IdempotencyKey.claimed_by == claim.claimed_by,
        )
        .values(
            done_at=func.coalesce(IdempotencyKey.done_at, clock.now()),
            resource=func.coalesce(IdempotencyKey.resource, resource),
            resource_id=func.coalesce(IdempotencyKey.resource_id, resource_id),
        )
        .execution_options(synchronize_session=False)
    )
    if marked.rowcount != 1:  # type: ignore[attr-defined]
        raise ConflictError("Another try of this request took over. Nothing was saved by this one.")


before_every_commit(_mark_done)
