"""Customers on screen."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("customers", __name__, "/customers")

from insurance.blueprints.customers import edit, index, show  # noqa: E402, F401
