"""Quotes whose price holds only a few days more."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import url_for
from sqlalchemy.orm import Session

from insurance.core.listing import Wanted
from insurance.quotes import queries
from insurance.quotes.permissions import QuotesMay
from insurance.web.business import business_day
from insurance.web.filters import day, money
from insurance.web.home import SHOWN, HomeAct, HomeItem, HomeWork

_DAYS = timedelta(days=7)


def _expiring(session: Session, _now: datetime) -> Sequence[HomeItem]:
    on = business_day()
    narrowed = {"quoted": True, "on": on, "before": on + _DAYS}
    found = queries.list_quote_rows(session, Wanted(narrowed, order="expires_on", limit=SHOWN))
    return [
        HomeItem(
            f"{quote.quote_number}, {quote.customer_name}",
            url_for("quotes.show", quote_id=quote.id),
            f"{money(quote.monthly_premium)} a month, until {day(quote.expires_on)}",
        )
        for quote in found.items
    ]


HOME = (
    HomeWork(
        "Quotes that expire this week",
        QuotesMay.CREATE,
        50,
        "quotes.index",
        _expiring,
        {"status": "quoted"},
    ),
)
ACTS = (HomeAct("New quote", QuotesMay.CREATE, 10, "quotes.create", "plus", "n"),)
