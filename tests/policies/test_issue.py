"""What an accepted quote becomes, in one transaction."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core.errors import ConflictError, DomainError
from insurance.core.tenancy import tenant_scope
from insurance.ledger.models import LedgerTransfer
from insurance.policies import queries
from insurance.policies.replay import find_differences
from insurance.policies.services import accept_quote
from insurance.products import services as products
from insurance.products.models import PricingMethod
from insurance.products.services import NewProduct, Terms
from insurance.quotes.services import reprice_quote
from tests.factories.book import NOW, TODAY, make_book, make_customer, make_product, make_quote
from tests.factories.organizations import OrganizationFacts


def test_a_non_life_premium_is_charged_with_its_vat(
    app: Flask, non_life_org: OrganizationFacts
) -> None:
    with app.app_context(), tenant_scope(non_life_org.id):
        product = products.create_product(
            NewProduct(
                name="Motor",
                slug="motor",
                class_code="MOTOR",
                product_type="MOTOR",
                terms=Terms(
                    pricing_method=PricingMethod.FLAT,
                    base_premium=Decimal("1150.00"),
                    coverage_amount=Decimal("100000.00"),
                    default_term_years=1,
                ),
            ),
            now=NOW,
        )
        products.launch_product(product.id, now=NOW)
        quote_id = make_quote(product.id, make_customer())
        from insurance.core.db import db

        accept_quote(quote_id, on=TODAY, now=NOW)
        posted = db.session.scalars(select(LedgerTransfer).order_by(LedgerTransfer.amount)).all()

    assert [(one.credit_account, one.amount) for one in posted] == [
        ("VAT_OUTPUT", Decimal("150.00")),
        ("PREMIUM_INCOME", Decimal("1000.00")),
    ]
    assert len({one.journal_id for one in posted}) == 1


def test_a_fresh_book_replays_to_itself(session: Session) -> None:
    make_book()

    assert find_differences() == (1, [])


def test_an_expired_quote_is_priced_again_before_it_is_accepted(session: Session) -> None:
    quote_id = make_quote(make_product(), make_customer())
    later = TODAY + timedelta(days=31)
    with pytest.raises(ConflictError, match="expired"):
        accept_quote(quote_id, on=later, now=NOW)

    reprice_quote(quote_id, version=None, on=later, now=NOW)

    assert accept_quote(quote_id, on=later, now=NOW).policy.effective_date == later


def test_a_quote_of_a_withdrawn_product_is_not_accepted(session: Session) -> None:
    product_id = make_product()
    quote_id = make_quote(product_id, make_customer())
    products.withdraw_product(product_id, now=NOW)

    with pytest.raises(ConflictError, match="withdrawn"):
        accept_quote(quote_id, on=TODAY, now=NOW)


def test_a_quote_of_a_version_before_the_one_that_was_withdrawn_is_not_accepted(
    session: Session,
) -> None:
    product_id = make_product()
    quote_id = make_quote(product_id, make_customer())
    products.edit_product(product_id, {"base_premium": Decimal("120.00")}, now=NOW)
    products.launch_product(product_id, now=NOW)
    products.withdraw_product(product_id, now=NOW)

    with pytest.raises(ConflictError, match="withdrawn"):
        accept_quote(quote_id, on=TODAY, now=NOW)


def test_a_quote_starts_on_the_day_it_states_also_when_it_is_accepted_later(
    session: Session,
) -> None:
    product_id = make_product()
    quote_id = make_quote(product_id, make_customer(), effective_date=TODAY - timedelta(days=5))
    late = TODAY + timedelta(days=26)
    with pytest.raises(DomainError, match="can no longer be given"):
        accept_quote(quote_id, on=late, now=NOW)
    with pytest.raises(DomainError, match="can no longer be given"):
        reprice_quote(quote_id, version=None, on=late, now=NOW)

    reprice_quote(quote_id, version=None, effective_date=late, on=late, now=NOW)

    assert accept_quote(quote_id, on=late, now=NOW).policy.effective_date == late


def test_a_quote_stated_to_start_in_the_past_within_the_limit_is_backdated(
    session: Session,
) -> None:
    start = TODAY - timedelta(days=5)
    quote_id = make_quote(make_product(), make_customer(), effective_date=start)

    policy = accept_quote(quote_id, on=TODAY + timedelta(days=1), now=NOW).policy

    assert policy.effective_date == start


def test_a_refused_acceptance_writes_nothing(session: Session) -> None:
    quote_id = make_quote(make_product(), make_customer())

    with pytest.raises(DomainError):
        accept_quote(quote_id, effective_date=TODAY - timedelta(days=400), on=TODAY, now=NOW)

    assert queries.list_policies(session, limit=5).items == []
    assert queries.get_portfolio(session).policies == 0


def test_the_list_asks_the_same_few_questions_however_long_it_is(
    app: Flask, org: OrganizationFacts, sign_in: Callable
) -> None:
    from sqlalchemy import event

    from insurance.core.db import db

    client = sign_in()
    counted: list[int] = []
    for more in (1, 6):
        with app.app_context(), tenant_scope(org.id):
            if more == 1:
                make_book()
            else:
                from insurance.seeding.book import seed_book

                seed_book(20)
            engine = db.engine
        statements: list[str] = []

        def note(_conn, _cursor, statement, *_rest, into=statements) -> None:
            into.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        for path in ("/policies", "/quotes", "/customers"):
            assert client.get(client.url(path)).status_code == 200
        event.remove(engine, "before_cursor_execute", note)
        counted.append(len(statements))

    assert counted[0] == counted[1] <= 24


def test_funeral_cover_of_one_life_is_capped_over_all_policies(session: Session) -> None:
    product_id = make_product(
        name="Plain Funeral",
        product_type="FUNERAL",
        max_sum_assured=Decimal("100000.00"),
    )
    customer_id = make_customer()
    first = make_quote(product_id, customer_id, sum_assured=Decimal("60000.00"))
    second = make_quote(product_id, customer_id, sum_assured=Decimal("40000.01"))
    third = make_quote(product_id, customer_id, sum_assured=Decimal("40000.00"))
    accept_quote(first, on=TODAY, now=NOW)

    with pytest.raises(DomainError, match="over all policies"):
        accept_quote(second, on=TODAY, now=NOW)

    assert accept_quote(third, on=TODAY, now=NOW).policy.status == "active"
