"""The audit log on screen."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("audit_logs", __name__, "/audit-logs")

from insurance.blueprints.audit_logs import index, show  # noqa: E402, F401
