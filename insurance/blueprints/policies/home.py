"""The first policy of a new organization."""

from insurance.policies.queries import get_portfolio
from insurance.quotes.permissions import QuotesMay
from insurance.web.home import SetupStep

SETUP = (
    SetupStep(
        "Issue the first policy",
        "Quote it, and accept the quote.",
        QuotesMay.CREATE,
        50,
        "quotes.create",
        lambda session: get_portfolio(session).policies > 0,
    ),
)
