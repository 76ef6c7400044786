"""The mail that left, or could not."""

from uuid import UUID

from flask import Response, request, url_for

from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.core.permissions import May
from insurance.notifications.queries import list_mails
from insurance.web.access import requires, tenant_blueprint
from insurance.web.html import next_url, page

bp = tenant_blueprint("mail", __name__, "/mail")


@bp.route("")
@requires(May.MAIL_VIEW)
def index() -> Response:
    """List mails, newest first."""
    cursor = request.args.get("cursor")
    found = list_mails(
        db.session(), limit=25, after=decode_cursor(cursor, 1, UUID)[0] if cursor else None
    )
    return page(
        "organizations/mail.html",
        mails=found.items,
        next=next_url(found),
        first=url_for("mail.index"),
    )
