"""Both tables: the senders by role, and which of them sends which type of mail."""

from flask import Response

from insurance.blueprints.senders import bp, settings
from insurance.core.db import db
from insurance.message_templates.queries import wordings_of
from insurance.senders import queries
from insurance.senders.own_server import find_server
from insurance.senders.permissions import SendersMay
from insurance.senders.rules import TYPES
from insurance.web.access import requires
from insurance.web.html import page


@bp.get("")
@requires(SendersMay.VIEW)
def index() -> Response:
    """Show the senders and whose mail is whose."""
    session = db.session()
    return page(
        "senders/index.html",
        senders=queries.list_senders(session),
        default=queries.find_default(session),
        types=queries.list_types(session),
        wordings=wordings_of(session, TYPES),
        server=find_server(session),
        platform_address=settings().mail_address,
    )
