"""Undoing for a day what one person did around a claim."""

from uuid import UUID

from flask import Response

from insurance.blueprints.claims import bp
from insurance.blueprints.claims.act import on_claim
from insurance.claims import queries, services
from insurance.claims.permissions import ClaimsMay
from insurance.core import clock
from insurance.core.db import db
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.filters import moment
from insurance.web.people import person
from insurance.web.undo import AS_BEFORE, UndoCommand, undo_screen


@bp.route("/undo/assignment/<uuid:claim_event_id>", methods=["GET", "POST"])
@requires(ClaimsMay.ASSESS)
def undo_assignment(claim_event_id: UUID) -> Response:
    """Give a claim back to whoever had it."""
    return _undo(claim_event_id, "Undo the assignment", services.undo_assignment)


@bp.route("/undo/note/<uuid:claim_event_id>", methods=["GET", "POST"])
@requires(ClaimsMay.SUBMIT)
def undo_note(claim_event_id: UUID) -> Response:
    """Take a note away."""
    return _undo(claim_event_id, "Undo the note", services.undo_note)


@bp.route("/undo/task/<uuid:claim_event_id>", methods=["GET", "POST"])
@requires(ClaimsMay.SUBMIT)
def undo_task(claim_event_id: UUID) -> Response:
    """Let a task be open again."""
    return _undo(claim_event_id, "Undo the task done", services.undo_task_done)


@bp.route("/undo/flag/<uuid:claim_event_id>", methods=["GET", "POST"])
@requires(ClaimsMay.ASSESS)
def undo_flag(claim_event_id: UUID) -> Response:
    """Let a flag stand again."""
    return _undo(claim_event_id, "Undo the clearing", services.undo_flag_cleared)


def _undo(event_id: UUID, title: str, command: UndoCommand) -> Response:
    event = queries.get_event(db.session(), event_id)
    line = queries.get_claim_line(db.session(), event.claim_id)
    act = on_claim(
        line,
        f"{title} of {line.claim.claim_number}",
        "Undo",
        facts=[
            ("Done", event.description),
            ("By", person(event.actor)),
            ("At", moment(event.recorded_at)),
        ],
        says=f"The claim is as it was before. {AS_BEFORE}",
    )
    return undo_screen(
        act,
        lambda: command(event_id, on=business_day(), now=clock.now()),
        f"Undone on {line.claim.claim_number}: {event.description}.",
    )
