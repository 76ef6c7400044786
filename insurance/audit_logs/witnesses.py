"""Rows elsewhere that show whether entries of the audit log are missing.

Nothing is created without an entry, so a record without one tells of a log that was cut or
deleted, seals and all. Books that were filled at once have one entry for the whole of it.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

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
    for table in WITNESSES:
        row = session.execute(
            text(_UNKNOWN.format(table=table)),
            {
                "org": current_org(),
                "table": table,
                "bulk": _BULK_ACTIONS,
                "before": _first_id_of(now - _SETTLED),
            },
        ).one()
        if row.records:
            said.append(
                f"{row.records} {table} have no entry, the oldest of {_made_at(row.oldest)}:"
                " entries were removed"
            )
    return said


def _first_id_of(moment: datetime) -> UUID:
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _made_at(identifier: UUID) -> str:
    return f"{datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC):%Y-%m-%d %H:%M}"


_UNKNOWN = """
WITH unknown AS (
  SELECT t.id FROM ins.{table} t
  WHERE t.org_id = :org AND t.id < :before
    AND t.id > coalesce((
      SELECT e.id FROM ins.audit_events e
      WHERE e.org_id = :org AND e.resource_id IS NULL AND e.action LIKE :bulk
      ORDER BY e.id DESC LIMIT 1), '00000000-0000-0000-0000-000000000000')
    AND NOT EXISTS (
      SELECT 1 FROM ins.audit_events e
      WHERE e.org_id = :org AND e.resource = :table AND e.resource_id = t.id::text))
SELECT count(*) AS records, (SELECT id FROM unknown ORDER BY id LIMIT 1) AS oldest FROM unknown
"""
