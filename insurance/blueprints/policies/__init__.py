"""Policies on screen."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("policies", __name__, "/policies")

from insurance.blueprints.policies import index, show  # noqa: E402, F401
