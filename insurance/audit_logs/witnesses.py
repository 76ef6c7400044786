"""Rows elsewhere that show whether entries of the audit log are missing.

Nothing is created without an entry, so a record without one tells of a log that was cut or
deleted, seals and all. Books that were filled at once have one entry for the whole of it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, Uuid, cast, column, exists, func, select, table
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core.db import TENANT_SCHEMA
from insurance.core.tenancy import current_org

WITNESSES = ("customers", "quotes", "policies", "claims", "products")
"""Tables whose rows each have an entry under the table's own name."""

_BULK_ACTIONS = "%.seed"
_SETTLED = timedelta(seconds=30)


def find_missing(session: Session, now: datetime) -> list[str]:
    """Return a sentence for each table with records that the log does not know of.

    Identifiers tell when a record was made: they begin with its moment (RFC 9562, version 7).
    """
    said = []
    for name in WITNESSES:
        records, oldest = session.execute(_unknown(name, _first_id_of(now - _SETTLED))).one()
        if records:
            said.append(
                f"{records} {name} have no entry, the oldest of {_made_at(oldest)}:"
                " entries were removed"
            )
    return said


def _unknown(name: str, before: UUID) -> Select[Any]:
    """Return the statement that counts a table's rows without an entry and finds the oldest."""
    record = table(name, column("org_id", Uuid()), column("id", Uuid()), schema=TENANT_SCHEMA)
    of_org = AuditEvent.org_id == current_org()
    filled_until = (
        select(AuditEvent.id)
        .where(of_org, AuditEvent.resource_id.is_(None), AuditEvent.action.like(_BULK_ACTIONS))
        .order_by(AuditEvent.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    entry = exists().where(
        of_org, AuditEvent.resource == name, AuditEvent.resource_id == cast(record.c.id, Text())
    )
    unknown = (
        select(record.c.id)
        .where(
            record.c.org_id == current_org(),
            record.c.id < before,
            record.c.id > func.coalesce(filled_until, UUID(int=0)),
            ~entry,
        )
        .cte("unknown")
    )
    oldest = select(unknown.c.id).order_by(unknown.c.id).limit(1).scalar_subquery()
    return select(func.count(), oldest).select_from(unknown)


def _first_id_of(moment: datetime) -> UUID:
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _made_at(identifier: UUID) -> str:
    return f"{datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC):%Y-%m-%d %H:%M}"
