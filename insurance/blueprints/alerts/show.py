"""The way from an alert to what it is about."""

from uuid import UUID

from flask import Response, url_for

from insurance.alerts import services
from insurance.alerts.permissions import AlertsMay
from insurance.blueprints.alerts import bp, page_of_alert
from insurance.core import clock
from insurance.web.access import requires
from insurance.web.html import go


@bp.get("/<uuid:alert_id>")
@requires(AlertsMay.VIEW)
def show(alert_id: UUID) -> Response:
    """Go to what one is told of; from then on it is read."""
    alert = services.read_alert(alert_id, now=clock.now())
    found = page_of_alert(alert)
    return go(found) if found else go(url_for(".index"), f"{alert.title}.")
