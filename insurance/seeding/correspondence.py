"""What was written about some of the demonstration's policies: calls, tasks, letters, messages."""

from datetime import date, timedelta

from insurance.core import clock
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.correspondence.models import NoteKind
from insurance.correspondence.services import add_note, make_letter, pin_note, send_message
from insurance.policies import queries
from insurance.policies.letters import facts_of
from insurance.seeding.moments import office_hour

_CALLS = (
    "Rang to ask when the premium is collected. Told them.",
    "Wants the debit order on the 25th from now on; sends a signed mandate.",
    "Moved house. Asked for proof of the new address.",
    "Asked what is covered abroad. Sent the schedule.",
)


def seed_correspondence(today: date) -> None:
    """Write notes, a task, letters and a message about the newest policies, over some days."""
    session = db.session()
    rows = list(queries.list_policy_rows(session, Wanted(limit=8)).items)
    reached = {row.id for row in rows if facts_of(session, row.id).email}
    session.rollback()
    for index, row in enumerate(rows):
        on = today - timedelta(days=index)
        now = office_hour(on, 8, 20)
        with clock.frozen(now):
            note = add_note(
                "policies", row.id, kind=NoteKind.COMMENT, text=_CALLS[index % 4], on=on, now=now
            )
            if index == 1:
                pin_note(note.id, is_pinned=True, now=now)
                add_note(
                    "policies",
                    row.id,
                    kind=NoteKind.TASK,
                    text="Ask for the signed mandate",
                    due_on=today + timedelta(days=3),
                    on=on,
                    now=now,
                )
            if index % 3 == 0:
                make_letter(
                    "policies", row.id, "confirmation", mails=row.id in reached, on=on, now=now
                )
            if index == 2 and row.id in reached:
                send_message(
                    "policies",
                    row.id,
                    subject="Your new address",
                    text="Please send us a bill or bank statement with your new address.",
                )
