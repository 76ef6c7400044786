"""The list of customers, with search as one types."""

from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.customers import bp
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.customers import queries
from insurance.customers.permissions import CustomersMay
from insurance.web.access import requires
from insurance.web.html import next_url, page

ROWS = 25


@bp.route("")
@requires(CustomersMay.VIEW)
def index() -> Response:
    """List customers, newest first, or the best matches of a search."""
    q = " ".join(request.args.get("q", "").split())[:100]
    cursor = request.args.get("cursor")
    after = decode_cursor(cursor, 1, UUID)[0] if cursor else None
    found = queries.list_customers(db.session(), q=q, limit=ROWS, after=after)
    return page(
        "customers/index.html",
        part="customer_list",
        q=q,
        customers=found.items,
        next=next_url(found),
        first=url_for("customers.index"),
    )
