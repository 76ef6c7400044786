"""Bank files on screen: uploaded, looked at, posted, reported; and money in suspense."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("reconciliation", __name__, "/reconciliation")

from insurance.blueprints.reconciliation import index, mappings, show, suspense, upload  # noqa: E402, F401
