"""Undo: what one person did is taken back for a day, exactly, while nothing rests on it.

An act that can be undone leaves in its event what it takes to undo it, under `UNDO`; the event of
the undoing names the one it undoes, under `UNDOES`. Both stay in the history.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from insurance.core.errors import ConflictError

UNDO, UNDOES = "undo", "undoes"
UNDO_FOR = timedelta(hours=24)


class UndoableEntry(Protocol):
    """An event of a record, as far as undoing it goes."""

    @property
    def id(self) -> UUID: ...
    @property
    def payload(self) -> Mapping[str, Any]: ...
    @property
    def recorded_at(self) -> datetime: ...


def standing(entries: Sequence[UndoableEntry]) -> list[UndoableEntry]:
    """Return the entries that were not undone; an undoing goes with what it undid."""
    undone = {entry.payload[UNDOES] for entry in entries if UNDOES in entry.payload}
    there = {str(entry.id) for entry in entries}
    return [
        entry
        for entry in entries
        if str(entry.id) not in undone and entry.payload.get(UNDOES) not in there
    ]


def undo_facts(
    entry: UndoableEntry, later: Sequence[UndoableEntry], *, now: datetime, instead: str
) -> Any:
    """Return what an entry left for its undoing. `later` are the entries after it.

    Raises ConflictError where it was undone before, is a day old, or was never one person's to
    undo; `instead` says what else reverses it.
    """
    if any(other.payload.get(UNDOES) == str(entry.id) for other in later):
        raise ConflictError("This was undone already.")
    if UNDO not in entry.payload:
        raise ConflictError(f"This is not undone by one person. {instead}")
    check_time(entry.recorded_at, now=now, instead=instead)
    return entry.payload[UNDO]


def check_time(done_at: datetime, *, now: datetime, instead: str) -> None:
    """Refuse to undo what is more than a day old. Raises ConflictError."""
    if now - done_at > UNDO_FOR:
        raise ConflictError(f"An act can be undone for 24 hours, and they are over. {instead}")
