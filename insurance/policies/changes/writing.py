"""Writing changes of policies: what each leaves, in a few statements for all of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from insurance.audit_logs.services import record_many
from insurance.core.bulk import (
    id_array,
    update_rows,
    waiting_rows,
    write_rows,
    written_together,
)
from insurance.core.db import can_wait, gathered, note_touched
from insurance.core.tenancy import current_org
from insurance.notifications.services import send_all_later
from insurance.policies.changes.change import Happening, PolicyChange
from insurance.policies.changes.figures import count_changes
from insurance.policies.changes.rows import ChangeRows, rows_of
from insurance.policies.models import Endorsement, Policy, PolicyEvent, PolicyVersion

_EVENTS: Table = PolicyEvent.__table__  # type: ignore[assignment]
_VERSIONS: Table = PolicyVersion.__table__  # type: ignore[assignment]
_ENDORSEMENTS: Table = Endorsement.__table__  # type: ignore[assignment]
_POLICIES: Table = Policy.__table__  # type: ignore[assignment]
_KNOWN, _MOST_KNOWN = "policy_sequences", 100
_LAST_SEQUENCES = text(
    """
    SELECT p.id, (
        SELECT e.sequence FROM ins.policy_events e
        WHERE e.org_id = :org AND e.policy_id = p.id ORDER BY e.sequence DESC LIMIT 1)
    FROM unnest(CAST(:policies AS uuid[])) AS p(id)
    """
)


def write_changes(session: Session, changes: Sequence[PolicyChange], *, now: datetime) -> None:
    """Write everything that changes leave behind.

    Rows of policies, events, versions, endorsements, figures, audit rows and letters. Policies
    that the session has loaded show the change. The caller holds the policies.
    """
    session.flush()
    rows = rows_of(changes, _last_sequences(session, changes), now=now)
    with written_together(session):
        write_rows(session, _EVENTS, rows.events)
        write_rows(session, _VERSIONS, rows.versions)
        write_rows(session, _ENDORSEMENTS, rows.endorsements)
    _remember(session, rows.sequences)
    becomes = _merged(changes, rows.numbers, now)
    _set_policies(session, becomes)
    count_changes(session, changes)
    _show(changes, becomes)
    record_many(session, [change.audit for change in changes if change.audit])
    for one in changes:
        if one.audit:
            note_touched(session, "policies", str(one.policy.id))
    send_all_later(session, [change.letter for change in changes if change.letter])


def write_events(session: Session, happenings: Sequence[Happening], *, now: datetime) -> None:
    """Append events that change no policy's row. The caller holds the policies."""
    session.flush()
    rows = ChangeRows(_sequences_of(session, {happening.policy_id for happening in happenings}))
    for one in happenings:
        rows.add_event(one, one.payload, now)
    write_rows(session, _EVENTS, rows.events)
    _remember(session, rows.sequences)


def _last_sequences(session: Session, changes: Sequence[PolicyChange]) -> dict[UUID, int]:
    return _sequences_of(session, {change.policy.id for change in changes})


def _sequences_of(session: Session, policy_ids: Iterable[UUID]) -> dict[UUID, int]:
    wanted, known = set(policy_ids), dict(gathered(session, _KNOWN))
    last = {policy_id: known[policy_id] for policy_id in wanted & known.keys()}
    if unknown := wanted - known.keys():
        values = {"org": current_org(), "policies": id_array(unknown)}
        found = session.execute(_LAST_SEQUENCES, values).tuples()
        last |= {policy_id: sequence or 0 for policy_id, sequence in found}
    for row in waiting_rows(session, _EVENTS):
        if row["policy_id"] in last:
            last[row["policy_id"]] = max(last[row["policy_id"]], row["sequence"])
    return last


def _remember(session: Session, sequences: Mapping[UUID, int]) -> None:
    """Keep the last numbers for the rest of the command: whoever holds a policy counts alone.

    Not those of many, nor what may go back to a savepoint.
    """
    known = gathered(session, _KNOWN)
    if can_wait(session) and len(sequences) <= _MOST_KNOWN:
        known.extend(sequences.items())
    else:
        known.clear()


def _merged(
    changes: Sequence[PolicyChange], numbers: Mapping[UUID, int], now: datetime
) -> dict[UUID, dict[str, Any]]:
    """Return what the row of each policy becomes after all of its changes."""
    merged: dict[UUID, dict[str, Any]] = defaultdict(dict)
    for change in changes:
        merged[change.policy.id] |= change.becomes
    for policy_id, number in numbers.items():
        merged[policy_id] |= {"current_version": number, "updated_at": now}
    return merged


def _set_policies(session: Session, becomes: Mapping[UUID, Mapping[str, Any]]) -> None:
    """Set the rows of policies, those that change in the same columns together."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for policy_id, columns in becomes.items():
        if columns:
            alike[tuple(columns)].append({"id": policy_id, **columns})
    for rows in alike.values():
        update_rows(session, _POLICIES, rows)


def _show(changes: Sequence[PolicyChange], becomes: Mapping[UUID, Mapping[str, Any]]) -> None:
    """Let policies that the session has loaded show what was written."""
    for change in changes:
        if isinstance(change.policy, Policy):
            for name, value in becomes[change.policy.id].items():
                set_committed_value(change.policy, name, value)
