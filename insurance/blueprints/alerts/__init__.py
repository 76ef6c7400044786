"""What one was told, on screen: under the bell, as a list, and what of it one wants to hear."""

from typing import Any

from flask import current_app, url_for

from insurance.alerts.models import Alert
from insurance.alerts.permissions import AlertsMay
from insurance.core.alert_kinds import find_alert_kind
from insurance.core.context import current_actor
from insurance.core.permissions import Permission
from insurance.web.access import access_of, tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("alerts", __name__, "/alerts")
RAIL = (
    RailEntry("Alerts", "alerts.index", AlertsMay.VIEW, "bell", group="Control", place=65, key="n"),
)


def kind_name(alert: Alert) -> str:
    """Return what a kind is called; its code where nobody declares it any more."""
    kind = find_alert_kind(alert.kind)
    return kind.name if kind else alert.kind


def page_of_alert(alert: Alert) -> str:
    """Return where the person sees what an alert is about; nothing where they may not."""
    kind = find_alert_kind(alert.kind)
    if kind is None or alert.resource not in kind.pages:
        return ""
    endpoint, argument = kind.pages[alert.resource]
    if endpoint not in current_app.view_functions:
        return ""
    demanded = access_of(endpoint)
    if isinstance(demanded, Permission) and not current_actor().may(demanded):
        return ""
    values: dict[str, Any] = {argument: alert.resource_id} if argument else {}
    return url_for(endpoint, **values)
