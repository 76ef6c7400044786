"""Premiums at an anniversary: one rounding a benefit, on what was billed; cover by a layer."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.core.money import ZERO, to_cents
from insurance.core.period import add_years
from insurance.month_end.rules import clamp, factor
from insurance.policies.rules import Change, Contract, Pricer, fold
from insurance.policies.rules.contract import ContractBenefit, ContractLayer, ContractMember
from tests.factories.terms import funeral_expenses, matrix, product, row

D = Decimal
START = date(2026, 2, 5)
PRICER = Pricer(product())
MONEY = st.decimals(min_value="0.01", max_value=10**5, places=2)
RATES = st.decimals(min_value=0, max_value=25, places=2)


def _contract(*premiums: Decimal, cover: Decimal = D("1000.00")) -> Contract:
    benefits = tuple(
        ContractBenefit(
            id=UUID(int=number),
            member_id=None,
            benefit_code=f"B{number}",
            benefit_name=f"Benefit {number}",
            benefit_type_code="DEATH",
            status="ACTIVE",
            layers=(
                ContractLayer(
                    number=1,
                    amount=cover,
                    starts_on=START,
                    waiting_days=0,
                    waiting_until=START,
                    reason="Issued",
                    price=premium,
                ),
            ),
        )
        for number, premium in enumerate(premiums, 1)
    )
    return Contract(members=(), benefits=benefits, due_day=5, frequency="MONTHLY")


def _raised(contract: Contract, *rates: Decimal, cover: Decimal = ZERO) -> list[Contract]:
    changes = [
        Change(
            id=UUID(int=year),
            type="ANNIVERSARY",
            on=add_years(START, year),
            data={"premium_factor": str(factor(rate)), "cover_factor": str(factor(cover))},
            sequence=year,
        )
        for year, rate in enumerate(rates, 1)
    ]
    return [stage.contract for stage in fold(contract, START, changes, PRICER)[1:]]


def test_310_at_6_per_cent_rises_on_what_was_billed() -> None:
    billed = [one.premium for one in _raised(_contract(D("310.00")), *[D(6)] * 5)]

    assert billed == [D("328.60"), D("348.32"), D("369.22"), D("391.37"), D("414.85")]


@pytest.mark.parametrize(
    ("index", "premium"), [("3.2", "273.00"), ("7.45", "279.37"), ("12", "286.00")]
)
def test_the_index_is_held_between_5_and_10_per_cent(index: str, premium: str) -> None:
    rate = clamp(D(index), D(5), D(10))

    (raised,) = _raised(_contract(D("260.00")), rate)

    assert raised.premium == D(premium)


def test_each_benefit_is_rounded_and_the_premium_is_their_sum() -> None:
    (raised,) = _raised(_contract(D("89.90"), D("45.45"), D("12.35")), D("4.37"))

    assert [one.premium for one in raised.benefits] == [D("93.83"), D("47.44"), D("12.89")]
    assert raised.premium == D("154.16")


@given(
    premiums=st.lists(MONEY, min_size=1, max_size=4),
    rates=st.lists(RATES, min_size=1, max_size=6),
    cover=RATES,
)
def test_year_after_year_the_premium_is_the_sum_of_what_each_benefit_was_billed(
    premiums: list[Decimal], rates: list[Decimal], cover: Decimal
) -> None:
    billed = premiums
    for raised, rate in zip(_raised(_contract(*premiums), *rates, cover=cover), rates, strict=True):
        billed = [to_cents(one * factor(rate)) for one in billed]
        assert [one.premium for one in raised.benefits] == billed
        assert raised.premium == sum(billed)
        for benefit in raised.benefits:
            assert sum(layer.price for layer in benefit.layers) == benefit.premium
            assert all(layer.waiting_days == 0 for layer in benefit.layers)
        assert raised.coverage_amount == raised.benefits[0].sum_assured


def test_a_benefit_for_all_children_is_rated_again_on_the_first_child_and_not_on_its_parent() -> (
    None
):
    by_age = matrix(
        row("0.10", (0, 17)), row("0.20", (18, 25)), row("9.00", (26, 99)), basis="PER_MILLE"
    )
    pricer = Pricer(
        product(
            funeral_expenses(
                code="CHILDREN", member_role="CHILD", per_policy=True, rate_table=by_age
            ),
        )
    )
    parent, child = (
        ContractMember(
            id=UUID(int=number),
            role=role,
            first_name=name,
            last_name="Nkosi",
            date_of_birth=born,
            gender="FEMALE",
            effective_date=START,
        )
        for number, role, name, born in (
            (50, "MAIN_MEMBER", "Palesa", date(1985, 1, 5)),
            (51, "CHILD", "Neo", date(2009, 1, 5)),
        )
    )
    (shared,) = _contract(D("1.00"), cover=D("10000.00")).benefits
    contract = replace(
        _contract(D("1.00")),
        members=(parent, child),
        benefits=(replace(shared, benefit_code="CHILDREN"),),
    )
    change = Change(
        id=UUID(int=9),
        type="ANNIVERSARY",
        on=date(2027, 2, 5),
        data={"premium_factor": "1", "cover_factor": "1", "rates_by_age": True},
        sequence=1,
    )

    after = fold(contract, START, [change], pricer)[-1].contract

    # 18 years old by then: 10 000 at 0.20 per mille.
    assert after.premium == D("2.00")
    assert pricer.cover_by_life(after) == {child.id: D("10000.00")}
