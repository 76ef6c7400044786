"""Reading quotes, and their requests back from what was stored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Date, Select, Text, Uuid, and_, bindparam, literal_column, select
from sqlalchemy.orm import Session

from insurance.core.errors import NotFoundError
from insurance.core.listing import Listing, Wanted
from insurance.core.numbering import numbers_meant
from insurance.core.paging import Page, page_of
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.customers.life_numbers import REFERENCES
from insurance.customers.models import Customer
from insurance.customers.queries import search_customer_ids
from insurance.products.models import Product
from insurance.quotes.models import Quote, QuoteStatus
from insurance.quotes.rules import Life, PricedQuote, QuotedObject, QuoteRequest


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """A quote as lists show it."""

    quote: Quote
    customer_name: str
    product_name: str

    @property
    def id(self) -> UUID:
        """Return the quote's id."""
        return self.quote.id


def get_quote(session: Session, quote_id: UUID, *, lock: bool = False) -> Quote:
    """Return a quote of the organization in scope. Raises NotFoundError."""
    return get_record(session, Quote, quote_id, lock=lock)


def get_quote_line(session: Session, quote_id: UUID) -> QuoteLine:
    """Return a quote with the names of its customer and product."""
    row = session.execute(_lines().where(Quote.id == quote_id)).one_or_none()
    if row is None:
        raise NotFoundError
    return QuoteLine(*row)


def list_quotes(
    session: Session,
    *,
    limit: int,
    after: UUID | None = None,
    status: QuoteStatus | None = None,
    customer_id: UUID | None = None,
    number: str = "",
) -> Page[QuoteLine]:
    """Return quotes, newest first."""
    query = _lines().order_by(Quote.id.desc()).limit(limit + 1)
    if after is not None:
        query = query.where(Quote.id < after)
    if status is not None:
        query = query.where(Quote.status == status)
    if customer_id is not None:
        query = query.where(Quote.customer_id == customer_id)
    if number:
        query = query.where(Quote.quote_number == number.strip().upper())
    return page_of(
        [QuoteLine(*row) for row in session.execute(query)], limit, lambda row: (row.id,)
    )


class QuoteRow(NamedTuple):
    """A quote as the list on screen prints it, without more."""

    id: UUID
    quote_number: str
    status: str
    monthly_premium: Decimal
    sum_assured: Decimal
    priced_on: date
    expires_on: date
    created_by: str
    customer_name: str
    phone: str | None
    product_name: str

    def status_on(self, on: date) -> str:
        """Return the status to show: an open quote past its date is expired."""
        is_over = self.status == QuoteStatus.QUOTED and on > self.expires_on
        return "expired" if is_over else self.status


def list_quote_rows(session: Session, wanted: Wanted) -> Page[QuoteRow]:
    """Return a page of the list on screen: newest first, or those that a search `q` finds."""
    narrowed = dict(wanted.narrowed)
    q = str(narrowed.pop("q", "")).strip()
    if q:
        narrowed["found"] = _found(session, q, wanted.to_find)
    return _LIST.read(session, replace(wanted, narrowed=narrowed))


def _found(session: Session, q: str, limit: int) -> list[UUID]:
    """Return quotes of a number, whole or in its digits, or of customers of that name."""
    numbers = [q.upper(), *numbers_meant(session, "QT", q)]
    query = select(Quote.id).where(Quote.org_id == current_org()).order_by(Quote.id.desc())
    found = list(session.scalars(query.where(Quote.quote_number.in_(numbers))))
    if not found:
        holders = search_customer_ids(session, q, limit)
        found += session.scalars(query.where(Quote.customer_id.in_(holders)).limit(limit))
    return found


def _shown(page: Any) -> Select[Any]:
    return (
        select(
            page.id, page.quote_number, page.status, page.monthly_premium, page.sum_assured,
            page.priced_on, page.expires_on, page.created_by, Customer.display_name,
            Customer.phone, Product.name,
        )
        .join(Customer, and_(Customer.org_id == page.org_id, Customer.id == page.customer_id))
        .join(Product, and_(Product.org_id == page.org_id, Product.id == page.product_id))
    )  # fmt: skip


_OPEN = Quote.status == literal_column(f"'{QuoteStatus.QUOTED.value}'")
_LIST = Listing(
    Quote,
    QuoteRow,
    _shown,
    orders={
        "newest": Quote.id,
        "quote_number": Quote.quote_number,
        "monthly_premium": Quote.monthly_premium,
        "expires_on": Quote.expires_on,
    },
    narrows={
        "quoted": and_(_OPEN, Quote.expires_on >= bindparam("on", type_=Date)),
        "expired": and_(_OPEN, Quote.expires_on < bindparam("on", type_=Date)),
        "status": Quote.status == bindparam("status", type_=Text),
        "product": Quote.product_id == bindparam("product", type_=Uuid),
        "before": Quote.expires_on < bindparam("before", type_=Date),
    },
)


def list_comparison(session: Session, comparison_id: UUID) -> Sequence[QuoteLine]:
    """Return the options offered side by side, cheapest first."""
    query = _lines().where(Quote.comparison_id == comparison_id)
    return [
        QuoteLine(*row)
        for row in session.execute(query.order_by(Quote.monthly_premium, Quote.id).limit(6))
    ]


def status_on(quote: Quote, on: date) -> str:
    """Return the status to show: an open quote past its date is expired."""
    if quote.status is QuoteStatus.QUOTED and on > quote.expires_on:
        return "expired"
    return quote.status.value


def life_as_stored(life: Life) -> dict[str, Any]:
    """Return a life as JSON."""
    return {
        "relationship": life.relationship,
        "age": life.age,
        "gender": life.gender,
        "date_of_birth": life.date_of_birth.isoformat() if life.date_of_birth else None,
        "first_name": life.first_name,
        "last_name": life.last_name,
        **{name: str(ref) for name in REFERENCES if (ref := getattr(life, name)) is not None},
    }


def object_as_stored(one: QuotedObject) -> dict[str, Any]:
    """Return an insured object as JSON, money as text."""
    return {
        "kind": one.kind,
        "name": one.name,
        "value": None if one.value is None else str(one.value),
        "details": dict(one.details),
    }


def objects_of(quote: Quote) -> tuple[QuotedObject, ...]:
    """Return the objects a quote insures."""
    return tuple(
        QuotedObject(
            kind=one["kind"],
            value=None if one["value"] is None else Decimal(one["value"]),
            details=one["details"],
        )
        for one in quote.request.get("insured_objects", [])
    )


def request_as_stored(request: QuoteRequest, priced: PricedQuote) -> dict[str, Any]:
    """Return a request as JSON: enough to price it again."""
    return {
        "effective_date": request.effective_date.isoformat(),
        "states_start": request.states_start,
        "age": request.age,
        "gender": request.gender,
        "sum_assured": None if request.sum_assured is None else str(request.sum_assured),
        "term_years": request.term_years,
        "frequency": request.frequency,
        "rating_inputs": dict(request.rating_inputs),
        "benefit_overrides": {code: str(sum_) for code, sum_ in request.benefit_overrides.items()},
        "excluded_benefits": sorted(request.excluded_benefits),
        "insured_lives": [life_as_stored(life) for life in request.lives],
        "insured_objects": [object_as_stored(one) for one in priced.objects],
        "inception_answers": dict(request.answers),
        "instalment": str(priced.instalment),
        "pricing_method": priced.pricing_method,
    }


def stated_start(quote: Quote) -> date | None:
    """Return the first day of cover that a quote states, None where it leaves that open.

    A quote from before this was noted states a day other than the one it was priced on.
    """
    start = date.fromisoformat(quote.request["effective_date"])
    return start if quote.request.get("states_start", start != quote.priced_on) else None


def request_of(quote: Quote) -> QuoteRequest:
    """Return the request a quote was priced from."""
    stored = quote.request
    return QuoteRequest(
        effective_date=date.fromisoformat(stored["effective_date"]),
        states_start=stated_start(quote) is not None,
        age=stored["age"],
        gender=stored["gender"],
        sum_assured=None if stored["sum_assured"] is None else Decimal(stored["sum_assured"]),
        term_years=stored["term_years"],
        frequency=stored["frequency"],
        rating_inputs=stored["rating_inputs"],
        benefit_overrides={
            code: Decimal(amount) for code, amount in stored["benefit_overrides"].items()
        },
        excluded_benefits=frozenset(stored["excluded_benefits"]),
        lives=tuple(_life(life) for life in stored["insured_lives"]),
        objects=objects_of(quote),
        answers=stored["inception_answers"],
    )


def _life(stored: dict[str, Any]) -> Life:
    born = stored["date_of_birth"]
    return Life(
        relationship=stored["relationship"],
        age=stored["age"],
        gender=stored["gender"],
        date_of_birth=date.fromisoformat(born) if born else None,
        first_name=stored["first_name"],
        last_name=stored["last_name"],
        id_number_ref=UUID(number) if (number := stored.get("id_number_ref")) else None,
        passport_ref=UUID(passport) if (passport := stored.get("passport_ref")) else None,
    )


def _lines() -> Select[Any, Any, Any]:
    return (
        select(Quote, Customer.display_name, Product.name)
        .join(Customer, and_(Customer.org_id == Quote.org_id, Customer.id == Quote.customer_id))
        .join(Product, and_(Product.org_id == Quote.org_id, Product.id == Quote.product_id))
        .where(Quote.org_id == current_org())
    )
