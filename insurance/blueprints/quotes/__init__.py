"""Quotes on screen."""

from insurance.core.permissions import May
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("quotes", __name__, "/quotes")
RAIL = (
    RailEntry(
        "Quotes", "quotes.index", May.QUOTES_VIEW, "calculator", group="Serve", place=20, key="q"
    ),
)
