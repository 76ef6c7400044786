"""Undo for a day: a button in the result bar and beside the entry in a record's history.

An area names by the type of its events the screen that undoes each and who may (`UndoWay`), and
gives each screen its command (`undo_screen`). The rules of undoing are in `core/undo.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from flask import Response, url_for

from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.permissions import Permission
from insurance.core.undo import UNDO, UNDO_FOR, UNDOES, UndoableEntry
from insurance.web.acts import Act, act_screen
from insurance.web.forms import SureForm

AS_BEFORE = "The history keeps both."


@dataclass(frozen=True, slots=True)
class UndoWay:
    """The screen that undoes events of a type, what its address calls them, and who may.

    `colleagues` is what it takes to undo what somebody else did, where that is more.
    """

    endpoint: str
    argument: str
    may: Permission
    colleagues: Permission | None = None

    def is_open_to_me(self, entry: Any) -> bool:
        """Tell whether whoever acts may undo an entry."""
        actor = current_actor()
        if self.colleagues is not None and entry.actor != actor.email:
            return actor.may(self.colleagues)
        return actor.may(self.may)


class UndoCommand(Protocol):
    """A command that undoes an entry. Raises ConflictError where it cannot be done any more."""

    def __call__(self, entry_id: UUID, /, *, on: date, now: datetime) -> object: ...


@dataclass(frozen=True, slots=True)
class UndoOffer:
    """Where an act is undone, and until when."""

    url: str
    until: datetime


def undo_offers(ways: Mapping[str, UndoWay], events: Iterable[Any]) -> dict[Any, UndoOffer]:
    """Return by the id of its event what can still be undone of a history, newest first or last."""
    entries: list[Any] = list(events)
    undone = {entry.payload.get(UNDOES) for entry in entries}
    found = {}
    for entry in entries:
        way = ways.get(entry.event_type)
        if way is None or str(entry.id) in undone or not _is_fresh(entry):
            continue
        if way.is_open_to_me(entry):
            url = url_for(way.endpoint, **{way.argument: entry.id})
            found[entry.id] = UndoOffer(url, entry.recorded_at + UNDO_FOR)
    return found


def _is_fresh(entry: UndoableEntry) -> bool:
    return UNDO in entry.payload and clock.now() - entry.recorded_at <= UNDO_FOR


def undo_address(ways: Mapping[str, UndoWay], newest: Any) -> str:
    """Return where the newest event of a record is undone, or nothing where it is not."""
    offers = undo_offers(ways, [] if newest is None else [newest])
    return next((offer.url for offer in offers.values()), "")


def undo_screen(act: Act, do: Callable[[], object], done: str) -> Response:
    """Ask whether an act shall be undone, or undo it; a refusal says what else reverses it."""
    return act_screen(act, SureForm(), do, done)
