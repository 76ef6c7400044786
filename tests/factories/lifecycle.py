"""Policies on any day, and the two people that some moves of their life need."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from insurance.approvals.services import delegate_decisions
from insurance.core import clock
from insurance.core.context import Actor, acting_as
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.core.tenancy import current_org
from insurance.policies.lifecycle_rules import CancellationType
from insurance.policies.services import (
    Answers,
    Cancellation,
    accept_quote,
    cancel_policy,
    receive_payment,
)
from insurance.products import services as products
from insurance.products.models import PricingMethod
from insurance.products.services import NewProduct, Terms
from insurance.quotes.services import QuoteInput, create_quote
from tests.factories.book import TODAY, make_customer
from tests.factories.identity import make_person

MAKER = Actor(
    user_id=new_id(), email="maker@insurer.example", name="Maker", roles=frozenset({Role.MANAGER})
)
CHECKER = Actor(
    user_id=new_id(),
    email="checker@insurer.example",
    name="Checker",
    roles=frozenset({Role.MANAGER}),
)


_CUSTOMERS = count(1000)
"""An ID number has four digits for those of one birth date: a random one would come twice."""


def morning(day: date) -> datetime:
    """Return ten o'clock of a day in South Africa."""
    return datetime(day.year, day.month, day.day, 8, tzinfo=UTC)


@contextmanager
def at(day: date, actor: Actor = MAKER) -> Iterator[datetime]:
    """Let somebody act on a day, and say when."""
    with clock.frozen(morning(day)), acting_as(actor):
        yield morning(day)


def sell(
    day: date,
    *,
    premium: str = "100.00",
    product_type: str = "TERM_LIFE",
    frequency: str = "MONTHLY",
    term_years: int | None = None,
    customer: int | None = None,
    effective: date | None = None,
    **terms: Any,
) -> UUID:
    """Return a policy of a monthly premium, issued on a day and in force from it or before."""
    with at(day) as now:
        product = products.create_product(
            NewProduct(
                name="Plain cover",
                slug=f"plain-{new_id().hex[-12:]}",
                product_type=product_type,
                terms=Terms(
                    pricing_method=PricingMethod.FLAT,
                    base_premium=Decimal(premium),
                    coverage_amount=Decimal("100000.00"),
                    min_entry_age=18,
                    max_entry_age=65,
                    default_term_years=term_years or 20,
                    **terms,
                ),
            ),
            now=now,
        )
        products.launch_product(product.id, now=now)
        asked = QuoteInput(
            product_id=product.id,
            customer_id=make_customer(customer or next(_CUSTOMERS)),
            frequency=frequency,
        )
        quote = create_quote(asked, on=day, now=now)
        issued = accept_quote(quote.id, effective_date=effective, on=day, now=now)
        return issued.policy.id


def pay(policy_id: UUID, amount: str, day: date, reference: str | None = None) -> None:
    """Receive a payment on a day."""
    with at(day) as now:
        receive_payment(
            policy_id,
            amount=Decimal(amount),
            reference=reference or new_id().hex,
            paid_on=day,
            on=day,
            now=now,
            answers=Answers(amount_is_right=True),
        )


def make_approval(policy_id: UUID) -> UUID:
    """Return a cancellation for fraud that waits for a second person."""
    wanted = Cancellation(kind=CancellationType.FRAUD, reason="The claim was made up")
    with at(TODAY) as now:
        approval_id = cancel_policy(policy_id, wanted, on=TODAY, now=now).approval_id
    assert approval_id is not None
    return approval_id


def make_delegation() -> UUID:
    """Return how a new colleague decides in the checker's place for ten days."""
    colleague = make_person(current_org(), Role.AGENT)
    with at(TODAY, CHECKER) as now:
        return delegate_decisions(
            colleague.id,
            first_day=TODAY,
            last_day=TODAY + timedelta(days=9),
            reason="On leave",
            now=now,
        ).id
