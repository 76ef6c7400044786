"""The list of quotes: tabs by status, search, peek, declining many."""

from dataclasses import replace
from uuid import UUID

from flask import Response, url_for

from insurance.blueprints.quotes import bp
from insurance.blueprints.quotes.show import DeclineForm
from insurance.core import clock
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.core.paging import Page
from insurance.policies.queries import get_portfolio
from insurance.quotes import queries, services
from insurance.quotes.permissions import QuotesMay
from insurance.quotes.queries import QuoteRow
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.filters import day, money
from insurance.web.lists import (
    Act,
    Button,
    Cell,
    Column,
    Empty,
    Field,
    ListScreen,
    Peek,
    Tab,
    record_at,
    search,
    show,
)

_TABS = ("", "All"), ("quoted", "Open"), ("expired", "Expired")
_DECIDED = ("accepted", "Accepted"), ("declined", "Declined")
_NEW = Button("New quote", "quotes.create", QuotesMay.CREATE, "plus", "n", is_main=True)


@bp.route("", methods=["GET", "POST"])
@requires(QuotesMay.VIEW)
def index() -> Response:
    """List quotes, newest first, or those that a search finds."""
    return show(_QUOTES)


def _read(wanted: Wanted) -> Page[QuoteRow]:
    narrowed = dict(wanted.narrowed)
    if narrowed.get("status") in ("quoted", "expired"):
        narrowed |= {narrowed.pop("status"): True, "on": business_day()}
    return queries.list_quote_rows(db.session(), replace(wanted, narrowed=narrowed))


def _peek(quote_id: UUID) -> Peek:
    line = queries.get_quote_line(db.session(), quote_id)
    quote = line.quote
    holder = url_for("customers.show", customer_id=quote.customer_id)
    return Peek(
        quote.quote_number,
        url_for("quotes.show", quote_id=quote_id),
        [
            ("Customer", Cell(line.customer_name, holder)),
            ("Product", line.product_name),
            ("Premium", f"{money(quote.monthly_premium)} a month"),
            ("Cover", money(quote.sum_assured, 0)),
            ("Priced", day(quote.priced_on)),
            ("Open until", day(quote.expires_on)),
        ],
        queries.status_on(quote, business_day()),
    )


def _decline(quote_id: UUID, form: DeclineForm) -> str:
    services.decline_quote(quote_id, reason=form.reason.data or "", now=clock.now())
    return "Noted as declined"


_QUOTES = ListScreen(
    title="Quotes",
    resource="quotes",
    caption="Quotes, newest first",
    read=_read,
    record=record_at("quotes.show", "quote_id"),
    facts=lambda: get_portfolio(db.session()),
    tabs=lambda _facts: [Tab(value, name) for value, name in (*_TABS, *_DECIDED)],
    fields=(
        search("Quote number, customer or telephone"),
        Field(
            "product",
            "Product",
            choices=lambda portfolio: [(str(id), name) for id, name in portfolio.products.items()],
            empty="All products",
        ),
        Field("before", "Open until before", "day"),
    ),
    columns=(
        Column("quote_number", "Quote", sorts=True),
        Column("customer_name", "Customer", is_key=True),
        Column("product_name", "Product", is_muted=True),
        Column("status", "Status", "tag", lambda row: row.status_on(business_day())),
        Column("monthly_premium", "Premium", "money", sorts=True),
        Column("sum_assured", "Cover", "rand"),
        Column("priced_on", "Priced", "day"),
        Column("expires_on", "Open until", "day", sorts=True),
        Column("phone", "Telephone", "phone", is_extra=True),
        Column("created_by", "Made by", "person", is_extra=True),
    ),
    buttons=[_NEW],
    empty=Empty(
        "No quotes here",
        "A quote says what cover would cost a customer.",
        Button("Make a quote", "quotes.create", QuotesMay.CREATE),
    ),
    none_match="No quotes match",
    peek=_peek,
    exports=QuotesMay.VIEW,
    acts=(
        Act(
            "decline",
            "Note as not taken up",
            QuotesMay.CREATE,
            lambda count: f"{count} quotes are noted as declined; none of them can be accepted.",
            _decline,
            DeclineForm,
        ),
    ),
)
