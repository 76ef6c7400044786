"""The list of month-end runs, newest first."""

from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.month_end import bp
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.ledger.queries import closed_through
from insurance.month_end import queries
from insurance.month_end.permissions import MonthEndMay
from insurance.web.access import requires
from insurance.web.html import next_url, page

ROWS = 25


@bp.get("")
@requires(MonthEndMay.VIEW)
def index() -> Response:
    """List runs, and say what month is done and closed."""
    session, cursor = db.session(), request.args.get("cursor")
    after = decode_cursor(cursor, 1, UUID)[0] if cursor else None
    found = queries.list_runs(session, limit=ROWS, after=after)
    return page(
        "month_end/index.html",
        runs=found.items,
        superseded=queries.find_superseding(session, found.items),
        busy=queries.find_busy_run(session),
        done=queries.find_last_completed(session),
        closed=closed_through(session),
        next=next_url(found),
        first=url_for(".index"),
    )
