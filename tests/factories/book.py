"""A customer, a sold product, a quote and a policy for tests: one of each, made by the commands."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from insurance.billing.queries import list_premium_lines
from insurance.core.db import db
from insurance.customers.services import CustomerDetails, create_customer
from insurance.policies.models import EndorsementType
from insurance.policies.services import accept_quote
from insurance.policies.services.endorsements import EndorsementRequest, draft_endorsement
from insurance.products import services as products
from insurance.products.models import PricingMethod
from insurance.products.services import NewProduct, Terms
from insurance.quotes.services import QuoteInput, create_quote
from insurance.seeding.names import id_number

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Book:
    """What was made."""

    product_id: UUID
    customer_id: UUID
    quote_id: UUID
    open_quote_id: UUID
    policy_id: UUID
    line_id: UUID


def make_product(
    *, name: str = "Plain Life", product_type: str = "TERM_LIFE", **terms: Any
) -> UUID:
    """Return a launched product that costs 100.00 a month for everybody from 18 to 65."""
    product = products.create_product(
        NewProduct(
            name=name,
            slug=name.lower().replace(" ", "-"),
            product_type=product_type,
            terms=Terms(
                pricing_method=PricingMethod.FLAT,
                base_premium=Decimal("100.00"),
                coverage_amount=Decimal("100000.00"),
                min_entry_age=18,
                max_entry_age=65,
                default_term_years=20,
                **terms,
            ),
        ),
        now=NOW,
    )
    products.launch_product(product.id, now=NOW)
    return product.id


def make_customer(
    index: int = 1, *, first_name: str = "Palesa", last_name: str = "Dlamini"
) -> UUID:
    """Return a customer born on 1987-04-02."""
    born = date(1987, 4, 2)
    details = CustomerDetails(
        first_name=first_name,
        last_name=last_name,
        id_number=id_number(born, "FEMALE", index),
        date_of_birth=born,
        email=f"palesa{index}@example.org",
        phone=f"+2782{index:07d}",
    )
    return create_customer(details, on=TODAY, now=NOW).id


def make_quote(product_id: UUID, customer_id: UUID, **wanted: object) -> UUID:
    """Return an open quote."""
    asked = QuoteInput(product_id=product_id, customer_id=customer_id, **wanted)  # type: ignore[arg-type]
    return create_quote(asked, on=TODAY, now=NOW).id


def make_book() -> Book:
    """Return one of everything in the organization in scope."""
    product_id = make_product()
    customer_id = make_customer()
    quote_id = make_quote(product_id, customer_id)
    policy_id = accept_quote(quote_id, on=TODAY, now=NOW).policy.id
    line_id = list_premium_lines(db.session(), policy_id)[0].id
    open_quote_id = make_quote(product_id, customer_id)
    return Book(product_id, customer_id, quote_id, open_quote_id, policy_id, line_id)


def make_endorsement(policy_id: UUID) -> UUID:
    """Return a priced draft that moves the due day of a policy to the 25th."""
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_PREMIUM_DUE_DAY, data={"due_day": 25}, effective_date=TODAY
    )
    return draft_endorsement(policy_id, wanted, on=TODAY, now=NOW).id
