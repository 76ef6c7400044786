"""How a premium becomes transfers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.core.money import ZERO
from insurance.ledger.rules import due_premium_legs, split_vat
from insurance.ledger.services import CHART

AMOUNTS = st.decimals(0, 10**12, places=2)


@pytest.mark.parametrize(
    ("inclusive", "net", "vat"),
    [
        ("1150.00", "1000.00", "150.00"),
        ("12000.00", "10434.78", "1565.22"),
        ("349.99", "304.34", "45.65"),
        ("6509.59", "5660.51", "849.08"),
        ("0.01", "0.01", "0.00"),
    ],
)
def test_a_vat_inclusive_amount_divides_at_15_per_cent(inclusive: str, net: str, vat: str) -> None:
    parts = split_vat(Decimal(inclusive), Decimal(15))

    assert [str(part) for part in parts] == [net, vat]


@given(inclusive=AMOUNTS, rate=st.decimals(0, 30, places=2))
def test_net_and_vat_always_add_up(inclusive: Decimal, rate: Decimal) -> None:
    net, vat = split_vat(inclusive, rate)

    assert net + vat == inclusive
    assert min(net, vat) >= ZERO


def test_life_premium_is_exempt() -> None:
    (leg,) = due_premium_legs(Decimal("310.00"), None)

    assert (leg.debit_account, leg.credit_account) == ("PREMIUM_DEBTORS", "PREMIUM_INCOME")
    assert leg.amount == Decimal("310.00")


def test_non_life_premium_owes_its_vat() -> None:
    income, vat = due_premium_legs(Decimal("1150.00"), Decimal(15))

    assert (income.debit_account, income.credit_account, income.amount) == (
        "PREMIUM_DEBTORS",
        "PREMIUM_INCOME",
        Decimal("1000.00"),
    )
    assert (vat.debit_account, vat.credit_account, vat.amount) == (
        "PREMIUM_DEBTORS",
        "VAT_OUTPUT",
        Decimal("150.00"),
    )


@given(amount=AMOUNTS, rate=st.none() | st.decimals(0, 30, places=2))
def test_a_premium_is_charged_in_positive_transfers_that_add_up(
    amount: Decimal, rate: Decimal | None
) -> None:
    legs = due_premium_legs(amount, rate)

    assert sum(leg.amount for leg in legs) == amount
    assert all(leg.amount > 0 and leg.debit_account != leg.credit_account for leg in legs)


def test_premiums_are_posted_to_accounts_every_organization_has() -> None:
    known = {code for code, _name, _kind in CHART}
    legs = due_premium_legs(Decimal("1150.00"), Decimal(15))

    assert {account for leg in legs for account in (leg.debit_account, leg.credit_account)} <= known
