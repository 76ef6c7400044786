"""The list of quotes: tabs by status, search, peek, declining many."""

from dataclasses import replace
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from insurance.blueprints.quotes import bp
from insurance.blueprints.quotes.show import DeclineForm
from insurance.core import clock
from insurance.core.listing import Wanted
from insurance.core.paging import Page
from insurance.quotes import queries, services
from insurance.quotes.permissions import QuotesMay
from insurance.quotes.queries import QuoteRow
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.business import business_day

_TABS = ("", "All"), ("quoted", "Open"), ("expired", "Expired")
_DECIDED = ("accepted", "Accepted"), ("declined", "Declined")
_NEW = lists.new("New quote", "quotes.create", QuotesMay.CREATE)


@bp.route("", methods=["GET", "POST"])
@requires(QuotesMay.VIEW)
def index() -> Response:
    """List quotes, newest first, or those that a search finds."""
    return lists.show(_QUOTES)


def _read(session: Session, wanted: Wanted) -> Page[QuoteRow]:
    narrowed = dict(wanted.narrowed)
    if narrowed.get("status") in ("quoted", "expired"):
        narrowed |= {narrowed.pop("status"): True, "on": business_day()}
    return queries.list_quote_rows(session, replace(wanted, narrowed=narrowed))


def _decline(quote_id: UUID, form: DeclineForm) -> str:
    services.decline_quote(quote_id, reason=form.reason.data or "", now=clock.now())
    return "Noted as declined"


_QUOTES = lists.ListScreen(
    title="Quotes",
    read=_read,
    record=("quotes.show", "quote_id"),
    tabs=lambda _facts: [lists.Tab(value, name) for value, name in (*_TABS, *_DECIDED)],
    fields=(
        lists.search("Quote number, customer or telephone"),
        lists.product_field(),
        lists.Field("before", "Open until before", "day"),
    ),
    columns=lists.columns(
        "quote_number: Quote, sorts | customer_name: Customer, key",
        "product_name: Product, muted | status: Status, tag",
        "monthly_premium: Premium, money, sorts | sum_assured: Cover, rand",
        "priced_on: Priced, day | expires_on: Open until, day, sorts",
        "phone: Telephone, phone, extra | created_by: Made by, person, extra",
        status=lambda row: row.status_on(business_day()),
    ),
    buttons=[_NEW],
    empty=lists.Empty(
        "No quotes yet", "A quote says what cover would cost a customer.", "Make a quote"
    ),
    none_match="No quotes match",
    none_in_tab="No quotes are in this state",
    looks=True,
    acts=(
        lists.BulkAct(
            "decline",
            "Note as declined",
            QuotesMay.CREATE,
            "{count} quotes are noted as declined; none of them can be accepted.",
            _decline,
            DeclineForm,
        ),
    ),
)
