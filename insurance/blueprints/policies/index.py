"""The list of policies: tabs by status, search, product, peek."""

from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.policies import bp
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.core.paging import decode_cursor
from insurance.policies import queries
from insurance.policies.models import PolicyStatus
from insurance.policies.permissions import PoliciesMay
from insurance.web.access import requires
from insurance.web.html import next_url, page

ROWS = 25


@bp.route("")
@requires(PoliciesMay.VIEW)
def index() -> Response:
    """List policies, newest first, or the best matches of a search."""
    session = db.session()
    chosen = request.args.get("status", "")
    q = " ".join(request.args.get("q", "").split())[:100]
    product = request.args.get("product", "")
    cursor = request.args.get("cursor")
    found = queries.list_policy_rows(
        session,
        limit=ROWS,
        after=decode_cursor(cursor, 1, UUID)[0] if cursor else None,
        status=PolicyStatus(chosen) if chosen in set(PolicyStatus) else None,
        product_id=_product_id(product),
        q=q,
    )
    filters = {"status": chosen or None, "q": q or None, "product": product or None}
    return page(
        "policies/index.html",
        part="policy_list",
        policies=found.items,
        portfolio=queries.get_portfolio(session),
        statuses=list(PolicyStatus),
        filters=filters,
        next=next_url(found),
        first=url_for("policies.index", **filters),  # type: ignore[arg-type]
    )


def _product_id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise NotFoundError from error
