"""The audit log on screen."""

from insurance.core.permissions import May
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("audit_logs", __name__, "/audit-logs")
RAIL = (
    RailEntry(
        "Audit log",
        "audit_logs.index",
        May.AUDIT_VIEW,
        "history",
        group="Control",
        place=30,
        key="a",
    ),
)
