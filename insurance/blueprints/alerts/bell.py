"""The bell of every page: how much of what one was told is new."""

from flask import Response, make_response, request

from insurance.alerts import queries
from insurance.alerts.permissions import AlertsMay
from insurance.blueprints.alerts import bp
from insurance.core.db import db
from insurance.web.access import requires
from insurance.web.html import page


@bp.get("/bell")
@requires(AlertsMay.VIEW)
def bell() -> Response:
    """Show how much is new; the page asks again and again, and mostly hears that nothing changed."""
    unread = queries.count_unread(db.session())
    tag = str(unread)
    if request.headers.get("HX-PTag") == tag:
        response = make_response("", 304)
    else:
        response = page("alerts/bell.html", part="bell", unread=unread, tag=tag)
    response.headers["HX-PTag"] = tag
    return response
