"""The rows that a plan lists with its effects, and writing them in a few statements a chunk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from insurance.core.context import current_actor
from insurance.core.errors import ConflictError
from insurance.core.ids import new_id_text
from insurance.core.tenancy import current_org
from insurance.ledger.services import post_selected
from insurance.month_end.models import MonthEndChunk
from insurance.month_end.services.effects import Facts
from insurance.policies.services import schedule_steps as schedule
from insurance.policies.services.history import Happening


@dataclass(slots=True)
class PlannedRows:
    """Makes the rows of effects, with their ids and their places in the policies' histories."""

    facts: Mapping[UUID, Facts]
    sequences: dict[UUID, int] = field(default_factory=dict)

    def lines(self, found: Sequence[schedule.NewLine]) -> dict[str, Any]:
        """Return the rows of premium lines to come."""
        return {
            "lines": [
                {
                    "id": str(one.id),
                    "sequence": one.sequence,
                    "due": one.due_date.isoformat(),
                    "until": one.period_end.isoformat(),
                    "amount": str(one.amount),
                    "days": one.whole_days,
                }
                for one in found
            ]
        }

    def charges(self, found: Sequence[schedule.Charge]) -> dict[str, Any]:
        """Return the rows of premiums that fall due."""
        transfers, events = [], []
        for one in found:
            journal = new_id_text()
            transfers += [
                {
                    "id": new_id_text(),
                    "journal": journal,
                    "line": str(one.line_id),
                    "on": one.on.isoformat(),
                    "type": entry.type.value,
                    "words": entry.description,
                    "debit": entry.debit,
                    "credit": entry.credit,
                    "amount": str(entry.amount),
                }
                for entry in schedule.journal_of(one)
                if entry.amount > 0
            ]
            events.append(self._event(schedule.event_of_charge(one)))
        posted = [str(one.line_id) for one in found]
        return {"posted": posted, "transfers": transfers, "events": events}

    def late(self, found: Sequence[schedule.Late]) -> dict[str, Any]:
        """Return the rows of premiums that were not paid in time."""
        return {
            "overdue": [str(one.line_id) for one in found],
            "events": [self._event(schedule.event_of_late(one)) for one in found],
        }

    def _event(self, one: Happening) -> dict[str, Any]:
        number = self.sequences.get(one.policy_id, self.facts[one.policy_id].sequence) + 1
        self.sequences[one.policy_id] = number
        return {
            "id": new_id_text(),
            "sequence": number,
            "type": one.event_type,
            "on": one.effective.isoformat(),
            "words": one.description,
            "payload": {name: str(value) for name, value in one.payload.items()},
        }


_MINE = """
    e.org_id = :org AND e.run_id = :run AND e.policy_id BETWEEN :first AND :last
    AND e.chunk = :chunk AND e.rows IS NOT NULL AND e.policy_id <> ALL(CAST(:out AS uuid[]))
"""


def _mine(before: str, after: str = "") -> TextClause:
    """Return a statement over a chunk's effects that list rows."""
    return text("".join([before, _MINE, after]))


_CHANGED = _mine(
    """
    SELECT q.policy_id FROM (
        SELECT e.policy_id, min(CAST(e.before ->> 'event' AS bigint)) AS event
        FROM ins.month_end_effects e WHERE """,
    """ GROUP BY e.policy_id
    ) q
    LEFT JOIN ins.policies p ON p.org_id = :org AND p.id = q.policy_id
     AND p.status IN ('active', 'suspended')
    WHERE p.id IS NULL OR q.event <> (
        SELECT v.sequence FROM ins.policy_events v
        WHERE v.org_id = :org AND v.policy_id = q.policy_id ORDER BY v.sequence DESC LIMIT 1)
    """,
)
_EARLIEST = _mine(
    """
    SELECT min(CAST(r ->> 'on' AS date)) FROM ins.month_end_effects e
    CROSS JOIN LATERAL jsonb_array_elements(e.rows -> 'transfers') r WHERE """
)
_INSERT_LINES = _mine(
    """
    INSERT INTO ins.premium_lines (org_id, id, policy_id, kind, sequence, due_date, period_end,
        amount, paid_amount, status, whole_days)
    SELECT e.org_id, r.id, e.policy_id, 'PREMIUM', r.sequence, r.due, r.until, r.amount, 0,
           'PENDING', r.days
    FROM ins.month_end_effects e
    CROSS JOIN LATERAL jsonb_to_recordset(e.rows -> 'lines')
        AS r(id uuid, sequence bigint, due date, until date, amount numeric, days bigint)
    WHERE """
)
# What is to be changed is an array: the planner knows nothing yet of a plan just made, and would
# join it in ways that read the whole table.
_SET_POSTED = _mine(
    """
    UPDATE ins.premium_lines l SET posted_at = :now
    WHERE l.org_id = :org AND l.posted_at IS NULL AND l.id = ANY(ARRAY(
        SELECT CAST(r.id AS uuid) FROM ins.month_end_effects e
        CROSS JOIN LATERAL jsonb_array_elements_text(e.rows -> 'posted') r(id) WHERE """,
    """))
    """,
)
_TRANSFERS = "".join(
    [
        """
    SELECT r.id, r.journal AS journal_id, r.on AS effective_date, r.type, r.words AS description,
           r.debit AS debit_account, r.credit AS credit_account, r.amount, e.policy_id,
           r.line AS premium_line_id
    FROM ins.month_end_effects e
    CROSS JOIN LATERAL jsonb_to_recordset(e.rows -> 'transfers')
        AS r(id uuid, journal uuid, line uuid, "on" date, type text, words text, debit text,
             credit text, amount numeric)
    WHERE """,
        _MINE,
    ]
)
_SET_OVERDUE = _mine(
    """
    UPDATE ins.premium_lines l SET status = 'OVERDUE'
    WHERE l.org_id = :org AND l.status = 'PENDING' AND l.id = ANY(ARRAY(
        SELECT CAST(r.id AS uuid) FROM ins.month_end_effects e
        CROSS JOIN LATERAL jsonb_array_elements_text(e.rows -> 'overdue') r(id) WHERE """,
    """))
    """,
)
_INSERT_EVENTS = _mine(
    """
    INSERT INTO ins.policy_events (org_id, id, policy_id, sequence, category, event_type,
        effective_date, recorded_at, description, payload, actor, request_id)
    SELECT e.org_id, r.id, e.policy_id, r.sequence, 'FINANCIAL', r.type, r.on, :now, r.words,
           r.payload, CAST(:actor AS text), CAST(:request AS text)
    FROM ins.month_end_effects e
    CROSS JOIN LATERAL jsonb_to_recordset(e.rows -> 'events')
        AS r(id uuid, sequence bigint, type text, "on" date, words text, payload jsonb)
    WHERE """
)
_EXPECTED = _mine(
    """
    SELECT coalesce(sum(jsonb_array_length(e.rows -> 'posted')), 0) AS posted,
           coalesce(sum(jsonb_array_length(e.rows -> 'overdue')), 0) AS overdue
    FROM ins.month_end_effects e WHERE """
)


def find_changed(session: Session, chunk: MonthEndChunk, out: set[UUID]) -> set[UUID]:
    """Return the policies with planned rows to which anything happened since the plan."""
    return set(session.scalars(_CHANGED, _values(chunk, out)))


def write_planned(session: Session, chunk: MonthEndChunk, out: set[UUID], now: datetime) -> None:
    """Write the rows that a chunk's effects list, but for policies left out.

    Raises ConflictError, or what the database refuses, where they no longer fit.
    """
    actor = current_actor()
    values = _values(chunk, out)
    values |= {"now": now, "request": actor.request_id, "actor": actor.email}
    expected = session.execute(_EXPECTED, values).one()
    session.execute(_INSERT_LINES, values)
    posted: Any = session.execute(_SET_POSTED, values)
    earliest = session.scalar(_EARLIEST, values)
    if earliest is not None:
        post_selected(session, _TRANSFERS, values, earliest=earliest, now=now, field="process_date")
    overdue: Any = session.execute(_SET_OVERDUE, values)
    session.execute(_INSERT_EVENTS, values)
    if (posted.rowcount, overdue.rowcount) != (expected.posted, expected.overdue):
        raise ConflictError("Premiums are not as they were planned.")


def _values(chunk: MonthEndChunk, out: set[UUID]) -> dict[str, Any]:
    return {
        "org": current_org(),
        "run": chunk.run_id,
        "chunk": chunk.number,
        "first": chunk.first_policy,
        "last": chunk.last_policy,
        "out": sorted(out),
    }
