"""The list of requests: those that wait first."""

from uuid import UUID

from flask import Response, request, url_for

from insurance.approvals import queries
from insurance.approvals.models import ApprovalStatus
from insurance.approvals.permissions import ApprovalsMay
from insurance.blueprints.approvals import bp
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.web.access import requires
from insurance.web.html import next_url, page

ROWS = 25


@bp.get("")
@requires(ApprovalsMay.VIEW)
def index() -> Response:
    """List what waits for a second person, or what was decided; newest first."""
    chosen = request.args.get("status", ApprovalStatus.WAITING)
    cursor = request.args.get("cursor")
    status = ApprovalStatus(chosen) if chosen in set(ApprovalStatus) else ApprovalStatus.WAITING
    found = queries.list_requests(
        db.session(),
        limit=ROWS,
        after=decode_cursor(cursor, 1, UUID)[0] if cursor else None,
        status=status,
    )
    return page(
        "approvals/index.html",
        requests=found.items,
        agreed=queries.agreements_of(db.session(), found.items),
        statuses=list(ApprovalStatus),
        wanted=status,
        next=next_url(found),
        first=url_for("approvals.index", status=status.value),
    )
