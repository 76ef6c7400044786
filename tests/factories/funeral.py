"""A funeral product whose lives have cover of their own, and policies of it on any day."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from insurance.policies.services import accept_quote
from insurance.products import services as products
from insurance.products.models import AmountType, MemberRole, TermType
from insurance.quotes.rules import Life
from insurance.quotes.services import QuoteInput, create_quote
from tests.factories.book import NOW, make_customer
from tests.factories.lifecycle import at
from tests.factories.products import make_draft


def make_funeral_product(name: str = "Funeral", **terms: Any) -> UUID:
    """Return a launched funeral product: main member and spouse the sum assured, a child what is
    chosen."""
    draft = make_draft(
        name,
        product_type="FUNERAL",
        min_sum_assured=Decimal(5_000),
        max_sum_assured=Decimal(100_000),
        term_type=TermType.WHOLE_OF_LIFE,
        **terms,
    )
    for order, role in enumerate((MemberRole.MAIN_MEMBER, MemberRole.SPOUSE, MemberRole.CHILD), 1):
        is_child = role is MemberRole.CHILD
        products.add_benefit(
            draft.id,
            products.NewBenefit(
                benefit_code=role.value,
                benefit_name=role.value.capitalize(),
                benefit_type_code="FUNERAL",
                benefit_amount_type=AmountType.FIXED if is_child else AmountType.SUM_INSURED,
                default_amount=Decimal(15_000) if is_child else None,
                member_role=role,
                flat_premium=Decimal(50),
                is_main=role is MemberRole.MAIN_MEMBER,
                display_order=order,
            ),
            now=NOW,
        )
    products.launch_product(draft.id, now=NOW)
    return draft.id


def sell_funeral(
    product_id: UUID,
    day: date,
    amount: int,
    *lives: Life,
    holder: int,
    life_answers: Mapping[str, bool] | None = None,
) -> UUID:
    """Return a funeral policy of a holder, issued on a day."""
    customer = make_customer(holder, first_name="Palesa", last_name=f"Nkosi {holder}")
    with at(day) as now:
        asked = QuoteInput(
            product_id=product_id,
            customer_id=customer,
            sum_assured=Decimal(amount),
            lives=lives,
        )
        quote = create_quote(asked, on=day, now=now)
        return accept_quote(quote.id, life_answers=life_answers or {}, on=day, now=now).policy.id
