"""What is a share of the cover of objects follows it, on each object and on all together."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.policies.rules import (
    Change,
    Contract,
    ContractBenefit,
    ContractLayer,
    ContractObject,
    Pricer,
    fold,
)
from insurance.products.rules import BenefitTerms
from tests.factories.terms import product, relativities

D = Decimal
START = date(2026, 2, 5)
FIRST, SECOND = UUID(int=1), UUID(int=2)
DAMAGE_1, DAMAGE_2, HIRE_1, HIRE_2, TOOLS = (UUID(int=number) for number in range(11, 16))
RATES = relativities("0.40", vehicle_group={"A": "1.00", "B": "1.50"})


def _terms(code: str, **changes: Any) -> BenefitTerms:
    return BenefitTerms(code=code, name=code, benefit_type="PROPERTY_DAMAGE", **changes)


PRICER = Pricer(
    product(
        _terms("DAMAGE", is_main=True, is_mandatory=True, rate_table=RATES),
        _terms(
            "HIRE",
            amount_type="PERCENTAGE",
            default_amount=D(10),
            is_mandatory=True,
            flat_premium=D(20),
        ),
        _terms(
            "TOOLS",
            amount_type="PERCENTAGE",
            default_amount=D(5),
            is_mandatory=True,
            per_policy=True,
            rate_table=RATES,
        ),
        class_code="MOTOR",
        category="NON_LIFE",
    )
)


def _details(registration: str) -> dict[str, Any]:
    return {
        "registration": registration,
        "make": "Toyota",
        "model": "Corolla",
        "year": 2021,
        "use": "PRIVATE",
        "rating_inputs": {"vehicle_group": "A"},
    }


def _car(number: UUID, registration: str, value: int) -> ContractObject:
    return ContractObject(
        id=number,
        kind="VEHICLE",
        value=D(value),
        details=_details(registration),
        effective_date=START,
    )


def _benefit(number: UUID, code: str, car: UUID | None, amount: int, price: str) -> ContractBenefit:
    layer = ContractLayer(
        number=1,
        amount=D(amount),
        starts_on=START,
        waiting_days=0,
        waiting_until=START,
        reason="Issued",
        price=D(price),
    )
    return ContractBenefit(
        id=number,
        member_id=None,
        object_id=car,
        benefit_code=code,
        benefit_name=code,
        benefit_type_code="PROPERTY_DAMAGE",
        status="ACTIVE",
        layers=(layer,),
        is_main=number == DAMAGE_1,
    )


TWO_CARS = Contract(
    members=(),
    objects=(_car(FIRST, "A1 GP", 200_000), _car(SECOND, "B2 GP", 100_000)),
    benefits=(
        _benefit(DAMAGE_1, "DAMAGE", FIRST, 200_000, "800"),
        _benefit(DAMAGE_2, "DAMAGE", SECOND, 100_000, "400"),
        _benefit(HIRE_1, "HIRE", FIRST, 20_000, "20"),
        _benefit(HIRE_2, "HIRE", SECOND, 10_000, "20"),
        _benefit(TOOLS, "TOOLS", None, 15_000, "60"),
    ),
    due_day=5,
    frequency="MONTHLY",
)
ONE_CAR = Contract(
    members=(),
    objects=TWO_CARS.objects[:1],
    benefits=(
        _benefit(DAMAGE_1, "DAMAGE", FIRST, 200_000, "800"),
        _benefit(HIRE_1, "HIRE", FIRST, 20_000, "20"),
        _benefit(TOOLS, "TOOLS", None, 10_000, "40"),
    ),
    due_day=5,
    frequency="MONTHLY",
)


def _after(kind: str, contract: Contract = TWO_CARS, **data: Any) -> Contract:
    change = Change(id=UUID(int=99), type=kind, on=date(2026, 3, 5), data=data, sequence=1)
    return fold(contract, START, [change], PRICER)[-1].contract


def _covered(of: UUID, amount: object, contract: Contract = TWO_CARS) -> Contract:
    return _after("CHANGE_COVER", contract, policy_benefit_id=str(of), new_sum_assured=str(amount))


def _new(value: int) -> dict[str, Any]:
    return {
        "new_object_id": str(UUID(int=3)),
        "benefit_ids": {"DAMAGE": str(UUID(int=21)), "HIRE": str(UUID(int=22))},
        "insured_object": {"kind": "VEHICLE", "value": str(value), "details": _details("C3 GP")},
    }


def _cover(contract: Contract, of: UUID) -> Decimal | None:
    found = contract.benefit(of)
    return found.sum_assured if found else None


@pytest.mark.parametrize("amount", [150_000, 60_000])
def test_shares_follow_the_second_vehicle_and_leave_the_first_alone(amount: int) -> None:
    after = _covered(DAMAGE_2, amount)

    assert after.coverage_amount == 200_000 + amount
    assert (_cover(after, HIRE_1), _cover(after, HIRE_2)) == (20_000, amount / 10)
    assert _cover(after, TOOLS) == (200_000 + amount) / 20


def test_a_share_of_all_vehicles_follows_one_added_and_one_taken_off() -> None:
    added = _after("ADD_OBJECT", **_new(300_000))
    fewer = _after("REMOVE_OBJECT", policy_object_id=str(FIRST))

    assert (added.coverage_amount, _cover(added, TOOLS)) == (600_000, 30_000)
    # 30 000 at 0.40 per cent.
    assert [one.premium for one in added.active_benefits if one.id == TOOLS] == [D("120.00")]
    assert (fewer.coverage_amount, _cover(fewer, TOOLS)) == (100_000, 5_000)


def test_a_changed_vehicle_leads_and_not_what_insures_the_whole_policy() -> None:
    after = _after("CHANGE_VEHICLE", ONE_CAR, policy_object_id=str(FIRST), **_new(300_000))

    assert after.coverage_amount == 300_000
    assert (_cover(after, UUID(int=22)), _cover(after, TOOLS)) == (30_000, 15_000)


def test_a_share_of_all_vehicles_that_was_chosen_apart_stays_as_it_is() -> None:
    apart = _covered(TOOLS, 40_000)

    assert _cover(_covered(DAMAGE_2, 150_000, apart), TOOLS) == 40_000


@given(st.integers(50_000, 900_000), st.integers(50_000, 900_000))
def test_shares_say_what_the_vehicles_are_insured_for_after_any_two_changes(
    first: int, second: int
) -> None:
    after = TWO_CARS
    for benefit, amount in ((DAMAGE_1, first), (DAMAGE_2, second)):
        if _cover(after, benefit) != amount:
            after = _covered(benefit, amount, after)

    assert after.coverage_amount == first + second
    assert _cover(after, TOOLS) == D(first + second) / 20
    assert (_cover(after, HIRE_1), _cover(after, HIRE_2)) == (D(first) / 10, D(second) / 10)
    assert [one.value for one in after.live_objects] == [first, second]


def _rated_again(contract: Contract) -> Contract:
    return _after(
        "ANNIVERSARY",
        contract,
        premium_factor="1",
        cover_factor="1",
        rates_by_age=True,
    )


def test_an_anniversary_rates_each_benefit_again_on_its_object_and_the_shared_one_on_the_first() -> (
    None
):
    """B costs half as much again: the first car is in group B now, the second in A."""
    first = replace(
        TWO_CARS.objects[0], details=_details("A1 GP") | {"rating_inputs": {"vehicle_group": "B"}}
    )
    after = _rated_again(replace(TWO_CARS, objects=(first, TWO_CARS.objects[1])))

    premiums = {one.id: one.premium for one in after.active_benefits}
    assert premiums[DAMAGE_1] == D("1200.00")
    assert premiums[DAMAGE_2] == D("400.00")
    assert premiums[TOOLS] == D("90.00")


def test_a_shared_benefit_of_one_kind_is_rated_on_the_first_object_of_that_kind() -> None:
    """As when quoted: a vehicle that was insured before the contents has no say."""
    rates = relativities("0.40", location={"CITY": "1.00", "COAST": "2.00"})
    pricer = Pricer(
        product(
            _terms("DAMAGE", is_main=True, flat_premium=D(100)),
            _terms("BURGLARY", object_kind="CONTENTS", per_policy=True, rate_table=rates),
            class_code="PROPERTY",
            category="NON_LIFE",
        )
    )
    contents = ContractObject(
        id=SECOND,
        kind="CONTENTS",
        value=D(100_000),
        details={"rating_inputs": {"location": "COAST"}},
        effective_date=START,
    )
    shared = replace(_benefit(TOOLS, "BURGLARY", None, 10_000, "40"))
    contract = replace(
        TWO_CARS,
        objects=(TWO_CARS.objects[0], contents),
        benefits=(_benefit(DAMAGE_1, "DAMAGE", FIRST, 200_000, "100"), shared),
    )
    change = Change(
        id=UUID(int=99),
        type="ANNIVERSARY",
        on=date(2027, 2, 5),
        data={"premium_factor": "1", "cover_factor": "1", "rates_by_age": True},
        sequence=1,
    )

    after = fold(contract, START, [change], pricer)[-1].contract

    assert [one.premium for one in after.active_benefits] == [D("100.00"), D("80.00")]
