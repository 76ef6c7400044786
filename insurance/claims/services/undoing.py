"""What one person did around a claim, undone within a day: given to somebody, noted, done, cleared."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.claims import queries
from insurance.claims.models import ClaimEvent
from insurance.claims.permissions import ClaimsMay
from insurance.claims.services.handling import give_to
from insurance.claims.services.history import Held, hold, tell
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, ForbiddenError, NotFoundError
from insurance.core.undo import UNDOES, standing, undo_facts
from insurance.correspondence.queries import get_note_in_place
from insurance.correspondence.services import open_again, take_back

ASSIGNED, NOTED = "CLAIM_ASSIGNED", "CLAIM_NOTE_ADDED"
DONE, CLEARED = "CLAIM_TASK_DONE", "CLAIM_FLAG_CLEARED"
_INSTEAD = {
    ASSIGNED: "To change who has the claim, assign it.",
    NOTED: "Add another note that corrects it.",
    DONE: "Add a new task.",
    CLEARED: "Add a note.",
}


def undo_assignment(event_id: UUID, *, on: date, now: datetime) -> ClaimEvent:
    """Give a claim back to whoever had it. Raises ConflictError once it went on or was decided."""
    with transaction() as session:
        held, event, facts, later = _undoable(session, event_id, ASSIGNED, on, now)
        if any(other.event_type == ASSIGNED for other in later):
            raise ConflictError(f"It was given to somebody else since. {_INSTEAD[ASSIGNED]}")
        if held.claim.status != event.status:
            raise ConflictError(f"The claim has moved on since. {_INSTEAD[ASSIGNED]}")
        give_to(held, UUID(facts["user_id"]) if facts["user_id"] else None, undoes=event)
        return event


def undo_note(event_id: UUID, *, on: date, now: datetime) -> ClaimEvent:
    """Take a note or task back; its row keeps its words. Raises ConflictError once done."""
    with transaction() as session:
        held, event, facts, _later = _undoable(session, event_id, NOTED, on, now)
        actor = current_actor()
        if event.actor != actor.email and not actor.may(ClaimsMay.ASSESS):
            raise ForbiddenError(
                "Somebody else wrote this. Only who assesses claims takes it away."
            )
        note = get_note_in_place(session, UUID(facts["note_id"]))
        if note.done_at is not None:
            raise ConflictError("The task has been done since. Undo that first.")
        before = {"note_id": note.id, "kind": note.kind, "due_on": note.due_on}
        take_back(note, now=now)
        _tell(held, event, "CLAIM_NOTE_UNDONE", "A note was taken back", before)
        return event


def undo_task_done(event_id: UUID, *, on: date, now: datetime) -> ClaimEvent:
    """Let a task be open again."""
    with transaction() as session:
        held, event, facts, _later = _undoable(session, event_id, DONE, on, now)
        note = get_note_in_place(session, UUID(facts["note_id"]))
        before = {"done_at": note.done_at, "done_by": note.done_by}
        open_again(note)
        _tell(held, event, "CLAIM_TASK_OPEN_AGAIN", "A task is still to be done", before)
        return event


def undo_flag_cleared(event_id: UUID, *, on: date, now: datetime) -> ClaimEvent:
    """Let a flag stand again. Raises ConflictError once the claim was decided without it."""
    with transaction() as session:
        held, event, facts, _later = _undoable(session, event_id, CLEARED, on, now)
        if held.claim.status != event.status:
            raise ConflictError(f"The claim has moved on since. {_INSTEAD[CLEARED]}")
        flag = queries.get_flag(session, UUID(facts["flag_id"]))
        before = {"cleared_by": flag.cleared_by, "clearing_note": flag.clearing_note}
        flag.cleared_at = flag.cleared_by = flag.clearing_note = None
        words = f"Flag stands again: {flag.code.replace('_', ' ').lower()}"
        _tell(held, event, "CLAIM_FLAG_STANDS_AGAIN", words, before)
        return event


def _undoable(
    session: Session, event_id: UUID, event_type: str, on: date, now: datetime
) -> tuple[Held, ClaimEvent, Any, Sequence[ClaimEvent]]:
    """Return a claim, held, an event of a kind, what it left for its undoing, and what followed."""
    event = queries.get_event(session, event_id)
    if event.event_type != event_type:
        raise NotFoundError
    held = hold(session, event.claim_id, on=on, now=now)
    later = queries.list_later_events(session, event)
    facts = undo_facts(event, later, now=now, instead=_INSTEAD[event_type])
    still = {entry.id for entry in standing(later)}
    return held, event, facts, [other for other in later if other.id in still]


def _tell(
    held: Held, event: ClaimEvent, event_type: str, words: str, before: dict[str, Any]
) -> None:
    tell(held, event_type, words, payload={UNDOES: event.id}, before=before, on_policy=False)
