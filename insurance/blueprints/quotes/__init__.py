"""Quotes on screen."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("quotes", __name__, "/quotes")

from insurance.blueprints.quotes import create, index, show  # noqa: E402, F401
