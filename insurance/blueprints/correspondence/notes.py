"""Notes of a record: writing one, correcting it, taking it back, pinning it, doing a task."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, url_for
from wtforms import TextAreaField

from insurance.blueprints.claims.history import undo_last
from insurance.blueprints.correspondence import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.correspondence import services
from insurance.correspondence.models import Note, NoteKind
from insurance.correspondence.permissions import CorrespondenceMay
from insurance.correspondence.queries import get_note
from insurance.correspondence.rules import LONGEST_NOTE
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.correspondence import about_record, seen_kind
from insurance.web.forms import ChoiceField, DayField, Form, Required, TextField


class NoteForm(Form):
    """What is noted, and whether it is something to be done."""

    text = TextField("Note", [Required()], longest=LONGEST_NOTE, widget=TextAreaField.widget)
    kind = ChoiceField("Kind", choices=())
    due_on = DayField("Due on, for a task")


class WordsForm(Form):
    """Other words."""

    text = TextField("Note", [Required()], longest=LONGEST_NOTE, widget=TextAreaField.widget)


class PressForm(Form):
    """A press on the button."""


@bp.route("/<slug:resource>/<uuid:record_id>/notes/new", methods=["GET", "POST"])
@requires(CorrespondenceMay.WRITE)
def add_note(resource: str, record_id: UUID) -> Response:
    """Write a note about a record, or a task that is due on a day."""
    act = about_record(resource, record_id, "Write a note", "Save note")
    form = NoteForm()
    form.kind.choices = [(str(kind), name) for kind, name in seen_kind(resource).note_kinds.items()]
    return act_screen(
        act,
        form,
        lambda: services.add_note(
            resource,
            record_id,
            kind=NoteKind(form.kind.data or NoteKind.COMMENT),
            text=form.text.data or "",
            due_on=form.due_on.data,
            on=business_day(),
            now=clock.now(),
        ),
        "The note was saved.",
        undo=_undo_of,
    )


def _undo_of(note: Note) -> str:
    """Return where a note is taken back: that of a claim in the claim's own history."""
    if note.resource == "claims":
        return undo_last(note.resource_id)
    return url_for(".withdraw_note", note_id=note.id)


@bp.route("/notes/<uuid:note_id>/correct", methods=["GET", "POST"])
@requires(CorrespondenceMay.WRITE)
def correct_note(note_id: UUID) -> Response:
    """Let other words take the place of a note of one's own."""
    note = get_note(db.session(), note_id)
    form = WordsForm(data={"text": note.text if note.is_in_use else ""})
    return act_screen(
        _on_note(
            note,
            "Correct the note",
            "Save correction",
            says="What it said before is kept behind it.",
        ),
        form,
        lambda: services.correct_note(note_id, text=form.text.data or "", now=clock.now()),
        "The note was corrected.",
    )


@bp.route("/notes/<uuid:note_id>/withdraw", methods=["GET", "POST"])
@requires(CorrespondenceMay.WRITE)
def withdraw_note(note_id: UUID) -> Response:
    """Take back a note of one's own."""
    return _press(
        note_id,
        "Take the note back",
        "Take back",
        lambda: services.withdraw_note(note_id, now=clock.now()),
        "The note was taken back.",
        is_danger=True,
    )


@bp.route("/notes/<uuid:note_id>/pin", methods=["GET", "POST"])
@requires(CorrespondenceMay.WRITE)
def pin_note(note_id: UUID) -> Response:
    """Keep a note at the head of its record, or no longer."""
    is_pinned = get_note(db.session(), note_id).pinned_at is not None
    return _press(
        note_id,
        "Unpin the note" if is_pinned else "Pin the note",
        "Unpin" if is_pinned else "Pin",
        lambda: services.pin_note(note_id, is_pinned=not is_pinned, now=clock.now()),
        "The note is no longer at the head." if is_pinned else "The note stays at the head.",
    )


@bp.route("/notes/<uuid:note_id>/done", methods=["GET", "POST"])
@requires(CorrespondenceMay.WRITE)
def finish_task(note_id: UUID) -> Response:
    """Mark a task as done."""
    return _press(
        note_id,
        "Task done",
        "Mark as done",
        lambda: services.finish_task(note_id, on=business_day(), now=clock.now()),
        "The task is done.",
    )


def _press(
    note_id: UUID, title: str, verb: str, do: Callable[[], Note], done: str, **more: Any
) -> Response:
    note = get_note(db.session(), note_id)
    act = _on_note(note, title, verb, says=note.text if note.is_in_use else "", **more)
    return act_screen(act, PressForm(), do, done)


def _on_note(note: Note, title: str, verb: str, **more: Any) -> Act:
    """Return an act on a note; nothing is done to one whose words nobody is to read any more."""
    stops = "" if note.is_in_use else "This note was corrected or taken back already."
    return about_record(note.resource, note.resource_id, title, verb, stops=stops, **more)
