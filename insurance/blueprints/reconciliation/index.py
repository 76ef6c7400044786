"""The list of bank files."""

from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.reconciliation import bp
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.reconciliation import queries
from insurance.reconciliation.permissions import ReconciliationMay
from insurance.web.access import requires
from insurance.web.html import next_url, page

ROWS = 25


@bp.get("")
@requires(ReconciliationMay.VIEW)
def index() -> Response:
    """List files, newest first, and say what waits in suspense."""
    session = db.session()
    cursor = request.args.get("cursor")
    after = decode_cursor(cursor, 1, UUID)[0] if cursor else None
    found = queries.list_files(session, limit=ROWS, after=after)
    waiting, amount = queries.sum_suspense(session)
    return page(
        "reconciliation/index.html",
        files=found.items,
        waiting=waiting,
        amount=amount,
        next=next_url(found),
        first=url_for(".index"),
    )
