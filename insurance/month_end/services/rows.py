"""The rows that a plan lists with its effects, and writing them in a few statements a chunk.

They are kept column by column: an array takes a fraction of the time of as many rows, both to keep
and to write.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, TextClause, text
from sqlalchemy.orm import Session

from insurance.core.bulk import array_item, array_of, id_array, write_rows
from insurance.core.context import current_actor
from insurance.core.errors import ConflictError
from insurance.core.ids import new_id_text
from insurance.core.tenancy import current_org
from insurance.ledger.services import post_selected
from insurance.month_end.models import MonthEndChunk, MonthEndRows
from insurance.month_end.services.effects import Facts, as_json
from insurance.policies.services import schedule_steps as schedule
from insurance.policies.services.history import Happening

_ROWS: Table = MonthEndRows.__table__  # type: ignore[assignment]
_COLUMNS = {
    "policies": {"policy_id": "uuid", "event": "bigint"},
    "lines": {
        "policy_id": "uuid",
        "id": "uuid",
        "sequence": "bigint",
        "due": "date",
        "until": "date",
        "amount": "numeric",
        "days": "bigint",
    },
    "charges": {"policy_id": "uuid", "line": "uuid"},
    "transfers": {
        "policy_id": "uuid",
        "id": "uuid",
        "journal": "uuid",
        "line": "uuid",
        "day": "date",
        "type": "text",
        "words": "text",
        "debit": "text",
        "credit": "text",
        "amount": "numeric",
    },
    "overdue": {"policy_id": "uuid", "line": "uuid"},
    "events": {
        "policy_id": "uuid",
        "id": "uuid",
        "sequence": "bigint",
        "type": "text",
        "day": "date",
        "words": "text",
        "payload": "jsonb",
    },
}
"""What is kept, and as what PostgreSQL reads it. `policies`: after which event each was planned."""


@dataclass(slots=True)
class PlannedRows:
    """The rows of effects as they are kept, with their ids and places in the policies' histories."""

    kept: dict[str, list[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(list))

    def take(self, other: "PlannedRows") -> None:
        """Add the rows of another part of the chunk."""
        for target, rows in other.kept.items():
            self.kept[target] += rows

    def add(
        self,
        facts: Mapping[UUID, Facts],
        lines: Iterable[schedule.NewLine],
        charges: Iterable[schedule.Charge],
        late: Iterable[schedule.Late],
    ) -> None:
        """Make the rows of premium lines to come, and of premiums that fall due or were not paid."""
        sequences: dict[UUID, int] = {}
        self.kept["lines"] += [_line_row(one) for one in lines]
        for charge in charges:
            self.kept["charges"].append((charge.policy_id.hex, charge.line_id.hex))
            self.kept["transfers"] += _transfer_rows(charge)
            self._add_event(facts, sequences, schedule.event_of_charge(charge))
        for one in late:
            self.kept["overdue"].append((one.policy_id.hex, one.line_id.hex))
            self._add_event(facts, sequences, schedule.event_of_late(one))
        self.kept["policies"] += [
            (policy_id.hex, str(known.sequence)) for policy_id, known in facts.items()
        ]

    def keep(self, session: Session, run_id: UUID, chunk: int) -> None:
        """Keep the rows with the plan of a chunk."""
        found = []
        for target, rows in self.kept.items():
            for name, items in zip(_COLUMNS[target], zip(*rows, strict=True), strict=False):
                row = {"run_id": run_id, "chunk": chunk, "target": target, "name": name}
                found.append(row | {"items": array_of(items)})
        write_rows(session, _ROWS, found)

    def _add_event(
        self, facts: Mapping[UUID, Facts], sequences: dict[UUID, int], one: Happening
    ) -> None:
        policy_id = one.policy_id
        number = sequences.get(policy_id, facts[policy_id].sequence) + 1
        sequences[policy_id] = number
        payload = as_json({name: str(value) for name, value in one.payload.items()})
        self.kept["events"].append(
            (
                policy_id.hex,
                new_id_text(),
                str(number),
                one.event_type,
                one.effective.isoformat(),
                array_item(one.description),
                array_item(payload),
            )
        )


def _line_row(one: schedule.NewLine) -> tuple[str, ...]:
    return (
        one.policy_id.hex,
        one.id.hex,
        str(one.sequence),
        one.due_date.isoformat(),
        one.period_end.isoformat(),
        str(one.amount),
        "NULL" if one.whole_days is None else str(one.whole_days),
    )


def _transfer_rows(charge: schedule.Charge) -> list[tuple[str, ...]]:
    journal = new_id_text()
    return [
        (
            charge.policy_id.hex,
            new_id_text(),
            journal,
            charge.line_id.hex,
            entry.on.isoformat(),
            entry.type,
            array_item(entry.description),
            entry.debit,
            entry.credit,
            str(entry.amount),
        )
        for entry in schedule.journal_of(charge)
        if entry.amount > 0
    ]


def _rows_of(target: str) -> str:
    """Return what a statement reads a chunk's rows from, but for policies left out."""
    arrays = ", ".join(
        f"CAST((SELECT m.items FROM ins.month_end_rows m WHERE m.org_id = :org AND m.run_id = :run"  # noqa: S608 - names come from the list above
        f" AND m.chunk = :chunk AND m.target = '{target}' AND m.name = '{name}') AS {kind}[])"
        for name, kind in _COLUMNS[target].items()
    )
    names = ", ".join(f'"{name}"' for name in _COLUMNS[target])
    return f" FROM unnest({arrays}) AS r({names}) WHERE r.policy_id <> ALL(CAST(:out AS uuid[]))"


def _statement(*parts: str) -> TextClause:
    return text("".join(parts))


_CHANGED = _statement(
    "WITH r AS (SELECT r.*",
    _rows_of("policies"),
    """)
    SELECT r.policy_id FROM r
    LEFT JOIN ins.policies p ON p.org_id = :org AND p.id = r.policy_id
     AND p.status IN ('active', 'suspended')
    WHERE p.id IS NULL OR r.event <> (
        SELECT v.sequence FROM ins.policy_events v
        WHERE v.org_id = :org AND v.policy_id = r.policy_id ORDER BY v.sequence DESC LIMIT 1)
    """,
)
_EARLIEST = _statement("SELECT min(r.day)", _rows_of("transfers"))
_INSERT_LINES = _statement(
    """
    INSERT INTO ins.premium_lines (org_id, id, policy_id, kind, sequence, due_date, period_end,
        amount, paid_amount, status, whole_days)
    SELECT :org, r.id, r.policy_id, 'PREMIUM', r.sequence, r.due, r.until, r.amount, 0, 'PENDING',
           r.days
    """,
    _rows_of("lines"),
)
# What is to be changed is an array: the planner knows nothing of how many rows there are, and
# would join them in ways that read the whole table.
_SET_POSTED = _statement(
    """
    UPDATE ins.premium_lines l SET posted_at = :now
    WHERE l.org_id = :org AND l.posted_at IS NULL AND l.id = ANY(ARRAY(SELECT r.line""",
    _rows_of("charges"),
    "))",
)
_TRANSFERS = "".join(
    [
        """
    SELECT r.id, r.journal AS journal_id, r.day AS effective_date, r.type, r.words AS description,
           r.debit AS debit_account, r.credit AS credit_account, r.amount, r.policy_id,
           r.line AS premium_line_id
    """,
        _rows_of("transfers"),
    ]
)
_SET_OVERDUE = _statement(
    """
    UPDATE ins.premium_lines l SET status = 'OVERDUE'
    WHERE l.org_id = :org AND l.status = 'PENDING' AND l.id = ANY(ARRAY(SELECT r.line""",
    _rows_of("overdue"),
    "))",
)
_INSERT_EVENTS = _statement(
    """
    INSERT INTO ins.policy_events (org_id, id, policy_id, sequence, category, event_type,
        effective_date, recorded_at, description, payload, actor, request_id)
    SELECT :org, r.id, r.policy_id, r.sequence, 'FINANCIAL', r.type, r.day, :now, r.words,
           r.payload, CAST(:actor AS text), CAST(:request AS text)
    """,
    _rows_of("events"),
)
_EXPECTED = _statement(
    "SELECT (SELECT count(*)",
    _rows_of("charges"),
    ") AS charges, (SELECT count(*)",
    _rows_of("overdue"),
    ") AS overdue",
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
    if (posted.rowcount, overdue.rowcount) != (expected.charges, expected.overdue):
        raise ConflictError("Premiums are not as they were planned.")


def _values(chunk: MonthEndChunk, out: set[UUID]) -> dict[str, Any]:
    return {
        "org": current_org(),
        "run": chunk.run_id,
        "chunk": chunk.number,
        "out": id_array(sorted(out)),
    }
