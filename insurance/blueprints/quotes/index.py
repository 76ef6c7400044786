"""The list of quotes."""

from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.quotes import bp
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.quotes import queries
from insurance.quotes.models import QuoteStatus
from insurance.quotes.permissions import QuotesMay
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.html import next_url, page

ROWS = 25


@bp.route("")
@requires(QuotesMay.VIEW)
def index() -> Response:
    """List quotes, newest first, by status or number."""
    chosen = request.args.get("status", "")
    number = request.args.get("q", "").strip()[:30]
    cursor = request.args.get("cursor")
    found = queries.list_quotes(
        db.session(),
        limit=ROWS,
        after=decode_cursor(cursor, 1, UUID)[0] if cursor else None,
        status=QuoteStatus(chosen) if chosen in set(QuoteStatus) else None,
        number=number,
    )
    on = business_day()
    return page(
        "quotes/index.html",
        part="quote_list",
        status_chosen=chosen,
        q=number,
        quotes=[(line, queries.status_on(line.quote, on)) for line in found.items],
        next=next_url(found),
        first=url_for("quotes.index", status=chosen),
    )
