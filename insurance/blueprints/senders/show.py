"""One sender: what proves its address, what it sends, and what changed."""

from uuid import UUID

from flask import Response, url_for

from insurance.blueprints.senders import bp, settings
from insurance.blueprints.senders.undo import WAYS
from insurance.core.db import db
from insurance.senders import queries, verification
from insurance.senders.permissions import SendersMay
from insurance.web.access import requires
from insurance.web.html import page
from insurance.web.undo import undo_offers


@bp.get("/<uuid:sender_id>")
@requires(SendersMay.VIEW)
def show(sender_id: UUID) -> Response:
    """Show a sender with the DNS records that its domain is to publish."""
    session = db.session()
    sender = queries.get_sender(session, sender_id)
    changes = queries.list_changes(session, str(sender_id))
    found = {one["name"]: one for one in sender.dns}
    return page(
        "senders/show.html",
        sender=sender,
        is_default=queries.find_default(session) == sender.id,
        types=queries.list_types_of(session, sender_id),
        records=[
            (record, found.get(record.name))
            for record in verification.list_records(session, sender, settings())
        ],
        changes=changes,
        undo=undo_offers(WAYS, changes[:1]),
        platform_address=settings().mail_address,
        crumbs=[("Email senders", url_for(".index"))],
    )
