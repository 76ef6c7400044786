"""Pricing for a customer: the cap in force, and ages that follow from birth dates."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from insurance.core.errors import DomainError
from insurance.customers.services import CustomerDetails, create_customer
from insurance.products import services as products
from insurance.products.models import AmountType, Product
from insurance.quotes.services import QuoteInput, calculate, create_quote, reprice_quote
from tests.factories.products import (
    NOW,
    add_death_benefit,
    make_draft,
    make_launched_product,
    make_rate_table,
)

ON = date(2026, 11, 21)


def _funeral_product() -> Product:
    draft = make_draft(
        "Funeral", product_type="FUNERAL", min_sum_assured=None, max_sum_assured=Decimal(100_000)
    )
    add_death_benefit(draft, make_rate_table("funeral"), benefit_type_code="FUNERAL")
    products.add_benefit(
        draft.id,
        products.NewBenefit(
            benefit_code="RIDER",
            benefit_name="Groceries",
            benefit_type_code="DEATH",
            benefit_amount_type=AmountType.FIXED,
            default_amount=Decimal(20_000),
            flat_premium=Decimal(9),
            is_mandatory=False,
        ),
        now=NOW,
    )
    return products.launch_product(draft.id, now=NOW)


def test_funeral_cover_with_its_riders_stays_within_the_cap_in_force(session: Session) -> None:
    product = _funeral_product()
    wanted = {"product_id": product.id, "age": 35, "gender": "MALE"}

    fine = calculate(session, QuoteInput(**wanted, sum_assured=Decimal(80_000)), on=ON)
    with pytest.raises(DomainError, match="at most R\u00a0100\u00a0000,00") as refusal:
        calculate(session, QuoteInput(**wanted, sum_assured=Decimal(80_001)), on=ON)

    assert str(fine.priced.monthly_premium) == "50.60"
    assert refusal.value.field == "sum_assured"


def test_the_customers_birth_date_gives_the_age_and_holds_a_posted_one_to_it(
    session: Session,
) -> None:
    product = make_launched_product()
    thandi = create_customer(
        CustomerDetails(
            first_name="Thandi",
            last_name="Nkosi",
            date_of_birth=date(1991, 11, 22),
            gender="FEMALE",
        ),
        on=ON,
        now=NOW,
    )
    wanted = {
        "product_id": product.id,
        "customer_id": thandi.id,
        "sum_assured": Decimal(500_000),
    }

    assert calculate(session, QuoteInput(**wanted), on=ON).priced.age == 34
    with pytest.raises(DomainError) as refusal:
        calculate(session, QuoteInput(**wanted, age=35), on=ON)
    assert (refusal.value.field, refusal.value.message) == (
        "age",
        "The date of birth gives age 34.",
    )

    quote = create_quote(QuoteInput(**wanted, age=34), on=ON, now=NOW)
    again = reprice_quote(quote.id, version=None, on=date(2026, 11, 22), now=NOW)
    assert (again.age, str(again.monthly_premium)) == (35, "200.00")
