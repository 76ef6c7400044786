"""Insured objects as the rules see them: described, rated, priced, and their excess."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.core.errors import DomainError
from insurance.core.money import ZERO
from insurance.products.rules import BenefitTerms, ProductTerms, check_rate_table
from insurance.quotes.rules import (
    QuotedObject,
    QuoteRequest,
    excess_of,
    excess_words,
    price_quote,
    rating_facts,
    read_object,
    registration_key,
)
from tests.factories.terms import matrix, product, relativities, row

D = Decimal
ON = date(2026, 11, 20)
MOTOR = relativities(
    "0.40",
    vehicle_group={"A": "1.00", "B": "1.50"},
    year={"2000-2019": "1.25", "2020+": "1.00"},
)


def _motor(**changes: Any) -> ProductTerms:
    damage = BenefitTerms(
        code="DAMAGE", name="Damage", benefit_type="PROPERTY_DAMAGE", rate_table=MOTOR
    )
    liability = BenefitTerms(
        code="LIABILITY",
        name="Liability",
        benefit_type="THIRD_PARTY_LIABILITY",
        amount_type="FIXED",
        default_amount=D(2_500_000),
        flat_premium=D(65),
        **changes,
    )
    return product(damage, liability, class_code="MOTOR", category="NON_LIFE")


def _car(**changes: Any) -> QuotedObject:
    facts = {
        "registration": "ABC 123 GP",
        "make": "Toyota",
        "model": "Corolla",
        "year": 2021,
        "use": "PRIVATE",
        "value": D("180000.00"),
        "rating_inputs": {"vehicle_group": "A"},
    }
    return read_object("VEHICLE", facts | changes, on=ON)


def _price(*cars: QuotedObject, terms: ProductTerms | None = None, **asked: Any) -> Any:
    return price_quote(terms or _motor(), QuoteRequest(effective_date=ON, objects=cars, **asked))


def test_each_vehicle_is_priced_on_its_own_facts_for_its_own_value() -> None:
    priced = _price(
        _car(),
        _car(
            registration="X1GP", year=2010, value=D(100_000), rating_inputs={"vehicle_group": "B"}
        ),
    )

    # 180 000 × 0.40 %, and 100 000 × 0.40 % × 1.50 × 1.25.
    assert [(one.object, one.monthly_premium) for one in priced.benefits] == [
        (0, D("720.00")),
        (1, D("750.00")),
        (0, D("65.00")),
        (1, D("65.00")),
    ]
    assert priced.monthly_premium == D("1600.00")
    assert priced.sum_assured == D("280000.00")


def test_a_benefit_of_the_policy_is_priced_once_for_all_vehicles() -> None:
    priced = _price(_car(), _car(registration="X1GP"), terms=_motor(per_policy=True))

    liability = [one for one in priced.benefits if one.benefit_code == "LIABILITY"]
    assert [(one.object, one.monthly_premium) for one in liability] == [(None, D("65.00"))]


def test_a_single_vehicle_without_a_value_is_insured_for_the_sum_asked_for() -> None:
    assert _price(_car(value=None), sum_assured=D(90_000)).monthly_premium == D("425.00")


@pytest.mark.parametrize(
    ("cars", "asked", "field"),
    [
        ((_car(value=None),), {}, "insured_objects.0.value"),
        ((_car(),), {"sum_assured": D(90_000)}, "sum_assured"),
        ((_car(), _car()), {}, "insured_objects.1.registration"),
        ((_car(year=1990),), {}, "insured_objects.0.year"),
        ((_car(rating_inputs={}),), {}, "rating_inputs.vehicle_group"),
        ((QuotedObject("BUILDING", D(90_000)),), {}, "insured_objects.0.kind"),
    ],
)
def test_what_cannot_be_insured_is_said_where_it_stands(
    cars: tuple[QuotedObject, ...], asked: dict[str, Any], field: str
) -> None:
    with pytest.raises(DomainError) as refusal:
        _price(*cars, **asked)
    assert field in [one.field for one in refusal.value.errors]


def test_a_life_product_insures_no_vehicle() -> None:
    with pytest.raises(DomainError, match="insures no vehicle"):
        _price(_car(), terms=product(BenefitTerms(code="D", name="Death", benefit_type="DEATH",
                                                  flat_premium=D(1))), age=30)  # fmt: skip


def test_a_number_falls_into_the_range_that_holds_it() -> None:
    table = matrix(row("1", value="0-99999"), row("2", value="100000+"))

    assert table.level_of("value", "99999.99") == "0-99999"
    assert table.level_of("value", "100000.00") == "100000+"
    assert MOTOR.level_of("year", "1999") is None
    assert MOTOR.level_of("vehicle_group", "b") == "B"


def test_ranges_that_hold_the_same_number_are_refused_with_the_table() -> None:
    table = matrix(row("1", year="2000-2010"), row("2", year="2010+"))

    assert ["hold the same numbers" in one.message for one in check_rate_table(table)] == [True]


def test_a_vehicle_is_rated_on_its_youngest_driver_and_its_age() -> None:
    car = _car(
        drivers=[
            {"name": "Palesa", "date_of_birth": date(1987, 4, 2), "is_main": True},
            {"name": "Sipho", "date_of_birth": date(2005, 12, 1)},
        ]
    )

    facts = rating_facts(car.kind, car.value, car.details, ON)

    assert (facts["driver_age"], facts["vehicle_age"], facts["value"]) == ("20", "5", "180000.00")


@pytest.mark.parametrize(
    ("drivers", "field"),
    [
        ([{"name": " "}], "drivers.0.name"),
        ([{"name": "Sipho", "date_of_birth": date(2015, 1, 1)}], "drivers.0.date_of_birth"),
        ([{"name": "Sipho", "licensed_since": date(2027, 1, 1)}], "drivers.0.licensed_since"),
        ([{"name": "A", "is_main": True}, {"name": "B", "is_main": True}], "drivers"),
    ],
)
def test_what_is_wrong_with_a_driver_is_said_at_the_driver(
    drivers: list[dict[str, Any]], field: str
) -> None:
    with pytest.raises(DomainError) as refusal:
        _car(drivers=drivers)
    assert [one.field for one in refusal.value.errors] == [field]


def test_a_vehicle_that_is_not_registered_yet_has_its_vin() -> None:
    with pytest.raises(DomainError, match="or the VIN"):
        _car(registration="")
    assert _car(registration="", vin="ahtkb8cd502970001").name.endswith("VIN AHTKB8CD502970001")


@given(st.text(alphabet="abcGP19 -", max_size=12))
def test_a_registration_is_the_same_in_every_spelling(text: str) -> None:
    key = registration_key(text)

    assert key == registration_key(f" {text.lower().replace(' ', '-')} ")
    assert key == registration_key(key)


@given(
    loss=st.decimals("0.01", 10**7, places=2),
    amount=st.decimals(0, 10**5, places=2),
    per_cent=st.decimals(0, 100, places=2),
)
def test_an_excess_is_the_larger_part_and_never_above_the_loss(
    loss: Decimal, amount: Decimal, per_cent: Decimal
) -> None:
    excess = excess_of(loss, amount, per_cent)

    assert ZERO <= excess <= loss
    assert excess == loss or (excess >= amount and excess >= loss * per_cent / 100 - D("0.005"))


def test_an_excess_reads_as_the_policy_prints_it() -> None:
    assert excess_words(D(5000), D(10)) == "10% of the claim, at least R\u00a05\u00a0000,00"
    assert excess_words(D(5000), D(0)) == "R\u00a05\u00a0000,00"
    assert excess_words(D(0), D(0)) == ""
    assert excess_of(D(40_000), D(5000), D(10)) == D(5000)
    assert excess_of(D(80_000), D(5000), D(10)) == D(8000)
