"""The list of runs: tabs by status, newest first."""

from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.debit_orders import bp
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.debit_orders import queries
from insurance.debit_orders.models import DebitRunStatus
from insurance.debit_orders.permissions import DebitOrdersMay
from insurance.web.access import requires
from insurance.web.html import next_url, page

ROWS = 25


@bp.get("")
@requires(DebitOrdersMay.VIEW)
def index() -> Response:
    """List runs, newest first."""
    chosen = request.args.get("status", "")
    cursor = request.args.get("cursor")
    status = DebitRunStatus(chosen) if chosen in set(DebitRunStatus) else None
    found = queries.list_runs(
        db.session(),
        limit=ROWS,
        after=decode_cursor(cursor, 1, UUID)[0] if cursor else None,
        status=status,
    )
    return page(
        "debit_orders/index.html",
        runs=found.items,
        statuses=list(DebitRunStatus),
        wanted=status,
        next=next_url(found),
        first=url_for("debit_orders.index", status=status),
    )
