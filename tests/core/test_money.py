"""Money: cents, half up, and nothing lost."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.core.errors import DomainError
from insurance.core.money import CENT, ZERO, format_money, parse_money, split, to_cents, total

AMOUNTS = st.decimals(min_value=-(10**13), max_value=10**13, places=2)


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [("327.205", "327.21"), ("52.775", "52.78"), ("0.005", "0.01"), ("0.0049", "0.00")],
)
def test_half_a_cent_rounds_up(exact: str, rounded: str) -> None:
    assert to_cents(Decimal(exact)) == Decimal(rounded)


def test_half_a_cent_owed_rounds_away_from_nothing() -> None:
    assert to_cents(Decimal("-38.705")) == Decimal("-38.71")


def test_an_amount_that_is_not_a_number_of_cents_shows_two_decimals() -> None:
    assert str(to_cents(Decimal(5))) == "5.00"
    assert str(total([])) == "0.00"
    assert total([Decimal("93.83"), Decimal("47.44"), Decimal("12.89")]) == Decimal("154.16")


def test_the_first_instalments_take_the_odd_cents() -> None:
    assert split(Decimal("100.00"), 3) == [Decimal("33.34"), Decimal("33.33"), Decimal("33.33")]
    assert split(Decimal("-0.02"), 3) == [Decimal("-0.01"), Decimal("-0.01"), ZERO]


def test_an_amount_cannot_be_split_into_nothing() -> None:
    with pytest.raises(ValueError, match="at least one"):
        split(Decimal(1), 0)


@given(amount=AMOUNTS, parts=st.integers(1, 400))
def test_the_parts_add_up_and_differ_by_a_cent_at_most(amount: Decimal, parts: int) -> None:
    shares = split(amount, parts)

    assert len(shares) == parts
    assert total(shares) == amount
    assert max(shares) - min(shares) in (ZERO, CENT)
    assert [abs(share) for share in shares] == sorted(
        (abs(share) for share in shares), reverse=True
    )


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1 234,56", "1234.56"),
        ("1234.56", "1234.56"),
        ("1234,56", "1234.56"),
        ("R1 234,56", "1234.56"),
        ("R 1\u00a0234,56", "1234.56"),
        ("1\u202f234\u202f567", "1234567.00"),
        ("  R 310  ", "310.00"),
        ("-R 50,00", "-50.00"),
        ("-50", "-50.00"),
        ("0,5", "0.50"),
        ("0007", "7.00"),
        ("9999999999999.99", "9999999999999.99"),
        ("9 999 999 999 999,99", "9999999999999.99"),
    ],
)
def test_what_people_type_is_read_as_money(text: str, amount: str) -> None:
    assert str(parse_money(text)) == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "R",
        "-",
        "NaN",
        "sNaN",
        "Infinity",
        "-inf",
        "1e3",
        "1E+400",
        "1.234",
        "1,234.56",
        "1.234,56",
        "12 34",
        "1 2345",
        "10000000000000",
        "10 000 000 000 000",
        "1_000",
        "0x10",
        "١٢٣",
        "--5",
        "5-",
        "R-R5",
        "12 345,678",
        "$5",
        "=1+1",
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(DomainError, match="such as 1 234,56"):
        parse_money(text)


def test_minus_nothing_is_nothing() -> None:
    assert str(parse_money("-0")) == "0.00"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1234.56", "R\u00a01\u00a0234,56"),
        ("-50", "-R\u00a050,00"),
        ("0", "R\u00a00,00"),
        ("-0.00", "R\u00a00,00"),
        ("-0.004", "R\u00a00,00"),
        ("999999.995", "R\u00a01\u00a0000\u00a0000,00"),
        ("1E+6", "R\u00a01\u00a0000\u00a0000,00"),
    ],
)
def test_money_is_shown_the_south_african_way(amount: str, text: str) -> None:
    assert format_money(Decimal(amount)) == text


def test_whole_rand_are_rounded_half_up_too() -> None:
    assert format_money(Decimal("1250.50"), decimals=0) == "R\u00a01\u00a0251"


@given(AMOUNTS)
def test_money_that_is_shown_can_be_typed_again(amount: Decimal) -> None:
    if abs(amount) < 10**13:
        assert parse_money(format_money(amount)) == amount
