"""The rows that a plan lists with its effects.

They are kept column by column: an array takes a fraction of the time of as many rows, both to keep
and to write.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.orm import Session

from insurance.billing.services import PLANNED_LINES
from insurance.core.bulk import array_item, array_of, write_rows
from insurance.core.ids import new_id_text
from insurance.ledger.services import PLANNED_TRANSFERS, Entry
from insurance.month_end.models import MonthEndRows
from insurance.month_end.services.effects import Facts, as_json
from insurance.policies.changes import PLANNED_CHANGES, Happening
from insurance.policies.models import EventCategory
from insurance.policies.services import schedule_steps as schedule

_ROWS: Table = MonthEndRows.__table__  # type: ignore[assignment]
_OF_POLICY = {"policy_id": "UUID"}
_TARGETS = PLANNED_LINES | PLANNED_CHANGES | {"transfers": PLANNED_TRANSFERS}
_COLUMNS: dict[str, dict[str, str]] = {
    "policies": _OF_POLICY | {"event": "BIGINT"},
    "relaid": _OF_POLICY | {"line": "UUID", "amount": "NUMERIC"},
    "charges": _OF_POLICY | {"line": "UUID"},
    "credited": _OF_POLICY | {"number": "TEXT"},
    "overdue": _OF_POLICY | {"line": "UUID", "outstanding": "NUMERIC"},
    **{target: planned.columns for target, planned in _TARGETS.items()},
}
"""What is kept, and as what PostgreSQL reads it: what changes or is named, then rows of tables.

`policies`: after which event each was planned.
"""
_LINE = ("policy_id", "id", "sequence", "due_date", "period_end", "amount", "whole_days")
_TRANSFER = (
    "policy_id",
    "id",
    "journal_id",
    "premium_line_id",
    "effective_date",
    "type",
    "description",
    "debit_account",
    "credit_account",
    "amount",
)
_EVENT = (
    "policy_id",
    "id",
    "sequence",
    "category",
    "event_type",
    "effective_date",
    "description",
    "payload",
)
_ORDER = {"lines": _LINE, "transfers": _TRANSFER, "events": _EVENT}
"""The columns of those rows that are made here by the thousand, in the order they are made."""


@dataclass(slots=True)
class PlannedRows:
    """The rows of effects as they are kept, with their ids and places in the policies' histories."""

    kept: dict[str, list[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(list))
    sequences: dict[UUID, int] = field(default_factory=dict)

    def take(self, other: "PlannedRows") -> None:
        """Add the rows of another part of the chunk."""
        for target, rows in other.kept.items():
            self.kept[target] += rows

    def add_policies(self, facts: Mapping[UUID, Facts]) -> None:
        """Say after which event of their histories policies were planned."""
        self.sequences |= {policy_id: known.sequence for policy_id, known in facts.items()}
        self.kept["policies"] += [
            (policy_id.hex, str(known.sequence)) for policy_id, known in facts.items()
        ]

    def add_due(
        self,
        lines: Iterable[schedule.NewLine],
        charges: Iterable[schedule.Charge],
        late: Iterable[schedule.Late],
    ) -> None:
        """Make the rows of premium lines to come, and of premiums that fall due or were not paid."""
        self.kept["lines"] += [_line_row(line) for line in lines]
        for charge in charges:
            self.kept["charges"].append((charge.policy_id.hex, charge.line_id.hex))
            self.add_journal(schedule.journal_of(charge))
            self._add_event(schedule.event_of_charge(charge))
        for one in late:
            self.kept["overdue"].append((one.policy_id.hex, one.line_id.hex, str(one.outstanding)))
            self._add_event(schedule.event_of_late(one))

    def add_credited(self, policies: Mapping[UUID, str]) -> None:
        """Name policies, with their numbers, whose credit settles some of what is due."""
        self.kept["credited"] += [
            (policy_id.hex, array_item(number)) for policy_id, number in policies.items()
        ]

    def add_journal(self, entries: Sequence[Entry]) -> None:
        """Make the rows of transfers that belong together."""
        journal = new_id_text()
        self.kept["transfers"] += [
            _transfer_row(entry, journal) for entry in entries if entry.amount > 0
        ]

    def add_rows(self, target: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take rows as they would be written, of which those columns are kept that a plan knows."""
        names = _names(target)
        self.kept[target] += [tuple([_item(row[name]) for name in names]) for row in rows]

    def keep(self, session: Session, run_id: UUID, chunk: int) -> None:
        """Keep the rows with the plan of a chunk."""
        found = []
        for target, rows in self.kept.items():
            for name, items in zip(_names(target), zip(*rows, strict=True), strict=False):
                row = {"run_id": run_id, "chunk": chunk, "target": target, "name": name}
                found.append(row | {"items": array_of(items)})
        write_rows(session, _ROWS, found)

    def _add_event(self, one: Happening) -> None:
        policy_id = one.policy_id
        self.sequences[policy_id] += 1
        payload = as_json({name: str(value) for name, value in one.payload.items()})
        self.kept["events"].append(
            (
                policy_id.hex,
                one.id.hex,
                str(self.sequences[policy_id]),
                EventCategory.FINANCIAL,
                one.event_type,
                one.effective.isoformat(),
                array_item(one.description),
                array_item(payload),
            )
        )


def _names(target: str) -> Sequence[str]:
    return _ORDER.get(target) or list(_COLUMNS[target])


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


def _transfer_row(entry: Entry, journal: str) -> tuple[str, ...]:
    assert entry.policy_id is not None and entry.premium_line_id is not None
    return (
        entry.policy_id.hex,
        new_id_text(),
        journal,
        entry.premium_line_id.hex,
        entry.on.isoformat(),
        entry.type,
        array_item(entry.description),
        entry.debit,
        entry.credit,
        str(entry.amount),
    )


def _item(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, str):
        return array_item(value)
    return array_item(as_json(value)) if isinstance(value, dict) else str(value)


def rows_of(target: str, *names: str) -> str:
    """Return what a statement reads a chunk's rows `r` from, but for policies left out.

    `names` are the columns it needs, besides the policy; all of them by default. What is inserted
    takes its organization from the row `o`, as a server among several must have it.
    """
    columns = _COLUMNS[target]
    read = ["policy_id", *names] if names else list(columns)
    arrays = ", ".join(
        f"CAST((SELECT m.items FROM ins.month_end_rows m WHERE m.org_id = :org AND m.run_id = :run"  # noqa: S608 - names come from the list above
        f" AND m.chunk = :chunk AND m.target = '{target}' AND m.name = '{name}')"
        f" AS {columns[name]}[])"
        for name in read
    )
    listed = ", ".join(f'"{name}"' for name in read)
    return (
        f" FROM ins.organizations o CROSS JOIN unnest({arrays}) AS r({listed})"  # noqa: S608 - as above
        " WHERE o.org_id = :org AND r.policy_id <> ALL(CAST(:out AS uuid[]))"
    )
