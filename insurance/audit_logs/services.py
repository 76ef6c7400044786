"""Recording: a step of every command, inside the command's own transaction."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent, Outcome, UnsealedEvent
from insurance.audit_logs.rules import event_hash, plain
from insurance.core import clock
from insurance.core.bulk import write_rows_late
from insurance.core.context import Channel, current_actor
from insurance.core.db import note_touched
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org

_EVENTS: Table = AuditEvent.__table__  # type: ignore[assignment]
_UNSEALED: Table = UnsealedEvent.__table__  # type: ignore[assignment]
_HASHED = tuple(
    column.name for column in AuditEvent.__table__.columns if column.name not in ("payload_hash",)
)


def record(
    session: Session,
    *,
    action: str,
    resource: str,
    resource_id: UUID | str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
    outcome: Outcome = Outcome.OK,
) -> None:
    """Say what the current actor did to a resource, with its state before and after.

    Values are stored as JSON: money as text, ID numbers hidden, account numbers masked, of birth
    dates the year. An entry is sealed and can never be cleaned.
    """
    row = event_row(
        action=action,
        resource=resource,
        resource_id=resource_id,
        before=before,
        after=after,
        reason=reason,
        outcome=outcome,
    )
    record_many(session, [row])
    if resource_id is not None:
        note_touched(session, resource, str(resource_id))


def record_many(session: Session, rows: Iterable[dict[str, Any]]) -> None:
    """Record what `event_row` made, many at once."""
    events = list(rows)
    session.flush()
    write_rows_late(session, _EVENTS, events)
    write_rows_late(session, _UNSEALED, [{"event_id": event["id"]} for event in events])


def event_row(
    *,
    action: str,
    resource: str,
    resource_id: UUID | str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
    outcome: Outcome = Outcome.OK,
    recorded_at: datetime | None = None,
) -> dict[str, Any]:
    """Return the row of one event by the current actor, its hash included."""
    actor = current_actor()
    row: dict[str, Any] = {
        "org_id": current_org(),
        "id": new_id(),
        "recorded_at": recorded_at or clock.now(),
        "user_id": actor.user_id,
        "user_label": actor.email,
        "role": ", ".join(sorted(actor.roles)),
        "action": action,
        "method": actor.method or actor.channel.value,
        "resource": resource,
        "resource_id": None if resource_id is None else str(resource_id),
        "before": _years_only(plain(before)),
        "after": _years_only(plain(after)),
        "reason": reason,
        "request_id": actor.request_id,
        "ip": actor.ip,
        "channel": Channel(actor.channel),
        "outcome": outcome,
    }
    return row | {"payload_hash": hash_of_row(row)}


def _years_only(value: Any) -> Any:
    """Return an entry's values with birth years in place of birth dates."""
    if isinstance(value, dict):
        return {
            key: inner[:4]
            if key == "date_of_birth" and isinstance(inner, str)
            else _years_only(inner)
            for key, inner in value.items()
        }
    return [_years_only(one) for one in value] if isinstance(value, list) else value


def said_by_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return everything an event's row says, as it is hashed."""
    said = {name: row[name] for name in _HASHED}
    said["recorded_at"] = row["recorded_at"].astimezone(UTC).isoformat(timespec="microseconds")
    return plain(said)  # type: ignore[no-any-return]


def hash_of_row(row: dict[str, Any]) -> bytes:
    """Return the hash of an event's row, as sealed and as verified."""
    return event_hash(said_by_row(row))
