"""Requests for a second person on screen."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("approvals", __name__, "/approvals")

from insurance.blueprints.approvals import index, show  # noqa: E402, F401
