"""The latest that one was told, beside the page."""

from flask import Response

from insurance.alerts import queries
from insurance.alerts.permissions import AlertsMay
from insurance.blueprints.alerts import bp
from insurance.core.db import db
from insurance.web.access import requires
from insurance.web.html import page, wants_part

LATEST = 12


@bp.get("/latest")
@requires(AlertsMay.VIEW)
def latest() -> Response:
    """Show the latest that one was told, beside the page or as one."""
    return page(
        "alerts/latest.html",
        is_part=wants_part(),
        alerts=queries.list_alerts(db.session(), limit=LATEST).items,
    )
