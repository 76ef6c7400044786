"""Quotes on screen."""

from insurance.quotes.permissions import QuotesMay
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("quotes", __name__, "/quotes")
RAIL = (
    RailEntry(
        "Quotes",
        "quotes.index",
        QuotesMay.VIEW,
        "calculator",
        group="Serve",
        place=20,
        key="q",
        works=(QuotesMay.CREATE,),
    ),
)
