"""Writing the rows that a plan lists, in a few statements a chunk."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from insurance.billing.services import PlannedLines, apply_credits
from insurance.core.bulk import id_array
from insurance.core.context import current_actor
from insurance.core.errors import ConflictError
from insurance.core.tenancy import current_org
from insurance.ledger.services import post_planned
from insurance.month_end.models import MonthEndChunk
from insurance.month_end.services.rows import rows_of
from insurance.policies.changes import PlannedChanges


def _statement(*parts: str) -> TextClause:
    return text("".join(parts))


_CHANGED = _statement(
    "WITH r AS (SELECT r.*",
    rows_of("policies"),
    """)
    SELECT r.policy_id FROM r
    LEFT JOIN ins.policies p ON p.org_id = :org AND p.id = r.policy_id
     AND p.status IN ('active', 'suspended')
    WHERE p.id IS NULL OR r.event <> (
        SELECT v.sequence FROM ins.policy_events v
        WHERE v.org_id = :org AND v.policy_id = r.policy_id ORDER BY v.sequence DESC LIMIT 1)
    """,
)
_EARLIEST = _statement("SELECT min(r.effective_date)", rows_of("transfers", "effective_date"))
_TRANSFERS = rows_of("transfers")
_LINES = PlannedLines(rows_of)
_CHANGES = PlannedChanges(rows_of)
_CREDITED = _statement("SELECT r.policy_id, r.number", rows_of("credited"))
_EXPECTED = _statement(
    "SELECT (SELECT count(*)",
    rows_of("charges", "line"),
    ") AS charges, (SELECT count(*)",
    rows_of("overdue", "line"),
    ") AS overdue, (SELECT count(*)",
    rows_of("contracts", "current_version"),
    ") AS contracts",
)


def find_changed(session: Session, chunk: MonthEndChunk, out: set[UUID]) -> set[UUID]:
    """Return the policies with planned rows to which anything happened since the plan."""
    return set(session.scalars(_CHANGED, _values(chunk, out)))


def write_planned(
    session: Session, chunk: MonthEndChunk, out: set[UUID], *, on: date, now: datetime
) -> None:
    """Write the rows that a chunk's effects list, but for policies left out.

    Raises ConflictError, or what the database refuses, where they no longer fit.
    """
    actor = current_actor()
    values = _values(chunk, out)
    values |= {"now": now, "request": actor.request_id, "actor": actor.email}
    expected = session.execute(_EXPECTED, values).one()
    _LINES.lay(session, values)
    _CHANGES.write_events(session, values)
    raised = 0
    if expected.contracts:
        _LINES.adjust(session, values)
        raised = _CHANGES.write_rises(session, values)
    charged = _LINES.charge(session, values)
    earliest = session.scalar(_EARLIEST, values)
    if earliest is not None:
        post_planned(session, _TRANSFERS, values, earliest=earliest, now=now, field="process_date")
    credited = {row.policy_id: row.number for row in session.execute(_CREDITED, values)}
    apply_credits(session, credited, on=on, now=now)
    overdue = _LINES.mark_overdue(session, values)
    if (charged, overdue, raised) != tuple(expected):
        raise ConflictError("Policies are not as they were planned.")


def count_rises(session: Session, chunk: MonthEndChunk, out: set[UUID]) -> None:
    """Bring the portfolio's figures to the rises of a chunk.

    Every chunk touches these rows: the caller does it last, so that no other waits for long.
    """
    _CHANGES.count(session, _values(chunk, out))


def _values(chunk: MonthEndChunk, out: set[UUID]) -> dict[str, Any]:
    return {
        "org": current_org(),
        "run": chunk.run_id,
        "chunk": chunk.number,
        "out": id_array(sorted(out)),
    }
