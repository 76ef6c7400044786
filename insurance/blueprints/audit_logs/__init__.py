"""The audit log on screen."""

from insurance.audit_logs.permissions import AuditMay
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("audit_logs", __name__, "/audit-logs")
RAIL = (
    RailEntry(
        "Audit log",
        "audit_logs.index",
        AuditMay.VIEW,
        "history",
        group="Control",
        place=30,
        key="a",
    ),
)
