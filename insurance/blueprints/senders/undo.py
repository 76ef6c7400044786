"""Undoing for a day a change of a sender, or of whose mail a type is."""

from uuid import UUID

from flask import Response, url_for

from insurance.blueprints.senders import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.senders import queries, services
from insurance.senders.permissions import SendersMay
from insurance.web.access import requires
from insurance.web.acts import Act
from insurance.web.undo import AS_BEFORE, UndoWay, undo_address, undo_screen

WAYS = {
    name: UndoWay("senders.undo", "change_id", SendersMay.MANAGE)
    for name in ("SENDER_MADE", "SENDER_CHANGED", "SENDER_DELETED", "TYPE_MAPPED")
}


def undo_address_of(subject: str) -> str:
    """Return where the latest change of a sender or a type is undone."""
    changes = queries.list_changes(db.session(), subject)
    return undo_address(WAYS, changes[0] if changes else None)


@bp.route("/undo/<uuid:change_id>", methods=["GET", "POST"])
@requires(SendersMay.MANAGE)
def undo(change_id: UUID) -> Response:
    """Put back what a change was made of."""
    change, back = queries.get_change(db.session(), change_id), url_for(".index")
    said = change.payload["before"] or change.payload["after"]
    act = Act(
        f"Undo the change of {said.get('type') or said['role']}",
        "Undo",
        back,
        [("Email senders", back)],
        says=f"Mail is sent as it was before this change. {AS_BEFORE}",
    )
    return undo_screen(act, lambda: services.undo_change(change_id, now=clock.now()), "Undone.")
