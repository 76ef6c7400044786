"""Audit events, the queue of unsealed ones, and the seals over them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.context import Channel
from insurance.core.db import AppendOnly, TenantRecord, TenantTable


class Outcome(StrEnum):
    """How it ended."""

    OK = "OK"
    REFUSED = "REFUSED"
    FAILED = "FAILED"


class AuditEvent(AppendOnly, TenantRecord):
    """One thing somebody did. `payload_hash` is the hash of everything else in the row."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("audit_events_user_ix", "org_id", "user_label", "id"),
        Index("audit_events_action_ix", "org_id", "action", "id"),
        Index("audit_events_resource_ix", "org_id", "resource", "resource_id", "id"),
        Index("audit_events_request_ix", "org_id", "request_id"),
        Index("audit_events_method_ix", "org_id", "method", "id"),
    )

    recorded_at: Mapped[datetime]
    user_id: Mapped[UUID | None]
    user_label: Mapped[str]
    role: Mapped[str]
    action: Mapped[str]
    method: Mapped[str]
    resource: Mapped[str]
    resource_id: Mapped[str | None]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    reason: Mapped[str | None]
    request_id: Mapped[str | None]
    ip: Mapped[str | None]
    channel: Mapped[Channel]
    outcome: Mapped[Outcome]
    payload_hash: Mapped[bytes]


class UnsealedEvent(TenantTable):
    """An event that no seal covers yet."""

    __tablename__ = "audit_unsealed"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)


class AuditSeal(AppendOnly, TenantTable):
    """A signed Merkle root over a batch of events, chained to the seal before it."""

    __tablename__ = "audit_seals"

    seal_no: Mapped[int] = mapped_column(primary_key=True)
    size: Mapped[int]
    root: Mapped[bytes]
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]
    signature: Mapped[bytes]
    sealed_at: Mapped[datetime]


class AuditLeaf(AppendOnly, TenantTable):
    """The place of an event in its seal's tree."""

    __tablename__ = "audit_leaves"
    # No foreign key to the event: a leaf must outlive it to show that it is missing.
    __table_args__ = (UniqueConstraint("org_id", "event_id"),)

    seal_no: Mapped[int] = mapped_column(primary_key=True)
    leaf_index: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    leaf_hash: Mapped[bytes]


class SealHead(TenantTable):
    """The newest seal of an organization; its lock lets one sealer work at a time."""

    __tablename__ = "audit_seal_heads"

    seal_no: Mapped[int]
    hash: Mapped[bytes]
