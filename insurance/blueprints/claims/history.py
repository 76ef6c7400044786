"""What of a claim's history can be undone, and where."""

from uuid import UUID

from insurance.claims import queries
from insurance.claims.permissions import ClaimsMay
from insurance.core.db import db
from insurance.web.undo import UndoWay, undo_address

UNDO = {
    "CLAIM_ASSIGNED": UndoWay("claims.undo_assignment", "claim_event_id", ClaimsMay.ASSESS),
    "CLAIM_NOTE_ADDED": UndoWay(
        "claims.undo_note", "claim_event_id", ClaimsMay.SUBMIT, ClaimsMay.ASSESS
    ),
    "CLAIM_TASK_DONE": UndoWay("claims.undo_task", "claim_event_id", ClaimsMay.SUBMIT),
    "CLAIM_FLAG_CLEARED": UndoWay("claims.undo_flag", "claim_event_id", ClaimsMay.ASSESS),
}


def undo_last(claim_id: UUID) -> str:
    """Return where what was just done to a claim is undone, or nothing where it is not."""
    return undo_address(UNDO, queries.find_last_event(db.session(), claim_id))
