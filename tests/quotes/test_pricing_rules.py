"""What cover costs, to the cent, and what is refused instead of priced."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.core.errors import DomainError
from insurance.core.money import to_cents
from insurance.products.rules import BenefitTerms, FuneralCaps, ProductTerms, Question
from insurance.quotes.rules import (
    Life,
    PricedQuote,
    QuoteRequest,
    benefit_premium,
    price_quote,
)
from tests.factories.terms import (
    DEATH_RATES,
    death,
    funeral_expenses,
    matrix,
    product,
    relativities,
    row,
)

ON = date(2026, 2, 5)
HALF_A_MILLION = Decimal(500_000)
TERM_LIFE = product(death(), funeral_expenses())
JOHN = Life("MAIN_MEMBER", 35, "MALE", date(1991, 2, 5), "John", "Doe")
JANE = Life("SPOUSE", 31, "FEMALE", date(1994, 6, 20), "Jane", "Doe")
MOTOR = product(
    death(
        code="OWN_DAMAGE",
        name="Own damage",
        benefit_type="PROPERTY_DAMAGE",
        rate_table=relativities(
            "0.45",
            vehicle_group={"A": "0.9", "B": "1.2"},
            rating_zone={"URBAN": "1.1", "RURAL": "0.8"},
        ),
    ),
    class_code="MOTOR",
    category="NON_LIFE",
    min_entry_age=None,
    max_entry_age=None,
)


def _price(
    terms: ProductTerms = TERM_LIFE, cap: Decimal | None = None, **changes: Any
) -> PricedQuote:
    facts: dict[str, Any] = {
        "effective_date": ON,
        "age": 35,
        "gender": "MALE",
        "sum_assured": HALF_A_MILLION,
    }
    caps = None if cap is None else FuneralCaps(Decimal(20_000), Decimal(50_000), cap)
    return price_quote(terms, QuoteRequest(**facts | changes), caps=caps)


def _refused(*arguments: Any, **changes: Any) -> list[tuple[str | None, str]]:
    with pytest.raises(DomainError) as refusal:
        _price(*arguments, **changes)
    return [(error.field, error.message) for error in refusal.value.errors]


def _fields(*arguments: Any, **changes: Any) -> list[str | None]:
    return [field for field, _message in _refused(*arguments, **changes)]


def _premiums(priced: PricedQuote) -> dict[str, str]:
    return {part.benefit_code: str(part.monthly_premium) for part in priced.benefits}


# What a benefit costs


@pytest.mark.parametrize(
    ("basis", "sum_assured", "rate", "premium"),
    [
        ("PER_MILLE", "500000", "0.52", "260.00"),
        ("PER_MILLE", "500000", "0.71", "355.00"),
        ("PER_MILLE", "123456", "0.45", "55.56"),
        ("PER_CENT", "250000", "0.45", "1125.00"),
        ("FLAT", "250000", "59", "59.00"),
    ],
)
def test_a_rate_works_on_its_basis(basis: str, sum_assured: str, rate: str, premium: str) -> None:
    exact = benefit_premium(basis, Decimal(sum_assured), Decimal(rate))

    assert str(to_cents(exact)) == premium


@given(
    basis=st.sampled_from([("PER_MILLE", 1000), ("PER_CENT", 100)]),
    sum_assured=st.decimals(0, 10**12, places=2),
    rates=st.lists(st.decimals(0, 100, places=8), min_size=1, max_size=6),
)
def test_a_price_is_exact_until_its_one_rounding(
    basis: tuple[str, int], sum_assured: Decimal, rates: list[Decimal]
) -> None:
    levels = {f"factor_{number}": {"A": str(rate)} for number, rate in enumerate(rates)}
    table = relativities("0.123456789", basis[0], **levels)
    terms = product(death(rate_table=table), min_sum_assured=None, max_sum_assured=None)
    exact = Fraction(sum_assured) * Fraction("0.123456789") / basis[1]
    for rate in rates:
        exact *= Fraction(rate)

    if sum_assured > 0:
        priced = _price(terms, sum_assured=sum_assured, rating_inputs=dict.fromkeys(levels, "A"))
        assert priced.monthly_premium == Decimal(int(exact * 100 + Fraction(1, 2))) / 100


@pytest.mark.parametrize(("basis", "base"), [("PER_MILLE", "0.0005"), ("PER_CENT", "0.00005")])
def test_a_hair_below_half_a_cent_is_not_rounded_twice(basis: str, base: str) -> None:
    table = relativities(base, basis, zone={"A": "0." + 40 * "9"})
    terms = product(death(rate_table=table))

    priced = _price(terms, sum_assured=Decimal(10_000), rating_inputs={"zone": "A"})

    assert str(priced.monthly_premium) == "0.00"


def test_the_total_is_the_sum_of_the_rounded_benefits() -> None:
    tenth = matrix(row("0.0001"), basis="PER_MILLE")
    three = [death(code=f"DEATH_{n}", rate_table=tenth) for n in range(3)]

    priced = _price(product(*three), sum_assured=Decimal(50_000))

    assert _premiums(priced) == {"DEATH_0": "0.01", "DEATH_1": "0.01", "DEATH_2": "0.01"}
    assert str(priced.monthly_premium) == "0.03"


def test_the_documented_quote_costs_310_a_month() -> None:
    priced = _price(benefit_overrides={"FUNERAL_EXP": Decimal(15_000)})

    assert str(priced.monthly_premium) == "310.00"
    assert str(priced.annual_premium) == "3720.00"
    assert (priced.age, priced.gender, priced.term_years) == (35, "MALE", 20)
    assert priced.pricing_method == "BENEFIT_LEVEL"
    main, funeral = priced.benefits
    assert (main.sum_assured, main.rate, main.rate_basis) == (
        HALF_A_MILLION,
        Decimal("0.52"),
        "PER_MILLE",
    )
    assert (main.pricing_method, main.waiting_period_days) == ("RATE_TABLE", 180)
    assert (funeral.sum_assured, funeral.rate, funeral.pricing_method) == (
        Decimal(15_000),
        None,
        "FLAT",
    )


@given(
    sums=st.lists(st.decimals(10_000, 5_000_000, places=2), min_size=1, max_size=6),
    age=st.integers(18, 65),
    gender=st.sampled_from(["MALE", "FEMALE"]),
)
def test_a_total_always_adds_up(sums: list[Decimal], age: int, gender: str) -> None:
    benefits = [death(code=f"DEATH_{n}") for n in range(len(sums))]

    priced = _price(
        product(*benefits),
        age=age,
        gender=gender,
        sum_assured=sums[0],
        benefit_overrides={f"DEATH_{n}": amount for n, amount in enumerate(sums)},
    )

    assert priced.monthly_premium == sum(part.monthly_premium for part in priced.benefits)
    assert priced.annual_premium == 12 * priced.monthly_premium
    assert all(part.monthly_premium.as_tuple().exponent == -2 for part in priced.benefits)


@given(thousands=st.integers(10, 500), times=st.integers(1, 10), age=st.integers(18, 65))
def test_more_cover_costs_in_proportion(thousands: int, times: int, age: int) -> None:
    terms = product(death())

    once = _price(terms, sum_assured=Decimal(1000 * thousands), age=age)
    often = _price(terms, sum_assured=Decimal(1000 * thousands * times), age=age)

    assert often.monthly_premium == times * once.monthly_premium


# How much cover a benefit has


@pytest.mark.parametrize(
    ("amount_type", "default_amount", "cover"),
    [
        ("SUM_INSURED", None, "500000"),
        ("SUM_INSURED", "250000", "500000"),
        ("FIXED", "15000", "15000"),
        ("PERCENTAGE", "50", "250000.00"),
        ("PERCENTAGE", "12.5", "62500.00"),
        ("MULTIPLE", "2", "1000000.00"),
    ],
)
def test_cover_follows_from_the_headline_sum(
    amount_type: str, default_amount: str | None, cover: str
) -> None:
    amount = None if default_amount is None else Decimal(default_amount)

    beside = death(code="BESIDE", amount_type=amount_type, default_amount=amount)

    main, part = _price(product(death(), beside)).benefits

    assert (str(main.sum_assured), str(part.sum_assured)) == ("500000", cover)


def test_chosen_cover_replaces_what_would_follow() -> None:
    chosen = _price(benefit_overrides={"FUNERAL_EXP": Decimal(20_000)})
    of_main = _price(sum_assured=None, benefit_overrides={"DEATH_MAIN": Decimal(250_000)})

    assert [part.sum_assured for part in chosen.benefits] == [500_000, 20_000]
    assert _premiums(of_main) == {"DEATH_MAIN": "130.00", "FUNERAL_EXP": "50.00"}
    assert of_main.sum_assured == 250_000


def test_cover_above_the_limit_of_a_benefit_is_refused() -> None:
    terms = product(death(max_amount=Decimal(400_000)))

    assert _fields(terms) == ["sum_assured"]
    assert _refused(
        terms, sum_assured=None, benefit_overrides={"DEATH_MAIN": Decimal(400_001)}
    ) == [
        (
            "benefit_overrides.DEATH_MAIN",
            "Main Member Death is at most R\u00a0400\u00a0000,00; this is R\u00a0400\u00a0001,00.",
        )
    ]
    most = Decimal(400_000)
    assert _price(terms, sum_assured=most, benefit_overrides={"DEATH_MAIN": most})


def test_chosen_cover_is_held_to_the_limit_of_the_product_too() -> None:
    assert _fields(sum_assured=None, benefit_overrides={"DEATH_MAIN": Decimal(5_000_001)}) == [
        "benefit_overrides.DEATH_MAIN"
    ]


@pytest.mark.parametrize("amount", ["0", "-1"])
def test_cover_of_nothing_is_refused(amount: str) -> None:
    assert _fields(sum_assured=Decimal(amount)) == ["sum_assured"]
    assert _fields(benefit_overrides={"DEATH_MAIN": Decimal(amount)}) == [
        "benefit_overrides.DEATH_MAIN"
    ]


def test_a_flat_benefit_may_insure_no_sum_of_its_own() -> None:
    waiver = funeral_expenses(code="WAIVER", default_amount=None)

    assert _price(product(death(), waiver)).benefits[1].sum_assured == 0
    assert _price(product(death(), waiver), benefit_overrides={"WAIVER": Decimal(0)})
    assert _fields(product(death(), waiver), benefit_overrides={"WAIVER": Decimal(-1)}) == [
        "benefit_overrides.WAIVER"
    ]


def test_without_a_sum_assured_the_product_says_what_it_is() -> None:
    of_product = replace(TERM_LIFE, coverage_amount=Decimal(100_000))
    of_benefit = product(death(default_amount=Decimal(200_000)))
    fixed = product(funeral_expenses(is_mandatory=True))

    assert _price(of_product, sum_assured=None).sum_assured == 100_000
    assert _price(of_benefit, sum_assured=None).sum_assured == 200_000
    assert _price(fixed, sum_assured=None).sum_assured == 15_000
    assert _fields(sum_assured=None) == ["sum_assured"]


def test_half_of_an_unknown_sum_is_not_guessed() -> None:
    half = funeral_expenses(amount_type="PERCENTAGE", default_amount=Decimal(50))

    assert _fields(product(half), sum_assured=None) == ["sum_assured"]


# The headline cover is what the main benefit insures


def test_a_sum_assured_that_the_main_benefit_does_not_insure_is_refused() -> None:
    fixed = product(funeral_expenses(is_mandatory=True))

    assert _refused(fixed, sum_assured=HALF_A_MILLION) == [
        (
            "sum_assured",
            "Funeral Expenses is the main benefit and insures R\u00a015\u00a0000,00,"
            " not R\u00a0500\u00a0000,00: one of the two must go.",
        )
    ]
    assert _fields(benefit_overrides={"DEATH_MAIN": Decimal(250_000)}) == [
        "benefit_overrides.DEATH_MAIN"
    ]


def test_a_share_follows_the_main_benefit_and_not_the_largest() -> None:
    liability = funeral_expenses(code="LIABILITY", default_amount=Decimal(2_500_000))
    half = death(code="HALF", amount_type="PERCENTAGE", default_amount=Decimal(50))

    priced = _price(product(liability, death(is_main=True), half))

    assert priced.sum_assured == HALF_A_MILLION
    assert [(part.benefit_code, part.is_main) for part in priced.benefits] == [
        ("LIABILITY", False),
        ("DEATH_MAIN", True),
        ("HALF", False),
    ]
    assert priced.benefits[2].sum_assured == 250_000


_AMOUNTS = st.sampled_from(["SUM_INSURED", "FIXED", "PERCENTAGE", "MULTIPLE"])


@given(
    method=st.sampled_from(["BENEFIT_LEVEL", "RATE_TABLE", "FLAT"]),
    kinds=st.lists(st.tuples(_AMOUNTS, st.booleans(), st.booleans()), max_size=4),
    marked=st.none() | st.integers(0, 3),
    stated=st.none() | st.sampled_from([15_000, 100_000, 500_000]),
)
def test_cover_stated_is_cover_priced(
    method: str,
    kinds: list[tuple[str, bool, bool]],
    marked: int | None,
    stated: int | None,
) -> None:
    """Whatever a product looks like: what a quote states is what its main benefit insures."""
    benefits = [
        death(
            code=f"BENEFIT_{number}",
            amount_type=kind,
            default_amount={"FIXED": Decimal(15_000), "PERCENTAGE": Decimal(50)}.get(kind),
            is_mandatory=is_mandatory,
            is_main=number == marked,
            rate_table=DEATH_RATES if has_table else None,
            flat_premium=None if has_table else Decimal(59),
        )
        for number, (kind, is_mandatory, has_table) in enumerate(kinds)
    ]
    terms = product(
        *benefits, pricing_method=method, rate_table=DEATH_RATES, base_premium=Decimal(99)
    )
    try:
        priced = _price(terms, sum_assured=None if stated is None else Decimal(stated))
    except DomainError:
        return

    (main,) = [part for part in priced.benefits if part.is_main]
    assert priced.sum_assured == main.sum_assured
    assert stated in (None, main.sum_assured)
    if main.rate is not None:
        assert main.monthly_premium == to_cents(main.sum_assured / 1000 * main.rate)


def test_the_rates_of_the_product_price_the_headline_and_a_flat_benefit_comes_on_top() -> None:
    extra = funeral_expenses(flat_premium=Decimal(59))

    priced = _price(product(extra, pricing_method="RATE_TABLE", rate_table=DEATH_RATES))

    assert _premiums(priced) == {"MAIN": "260.00", "FUNERAL_EXP": "59.00"}
    assert priced.sum_assured == HALF_A_MILLION
    assert [part.sum_assured for part in priced.benefits] == [500_000, 15_000]


def test_the_rates_of_the_product_price_the_benefit_that_pays_the_sum_assured() -> None:
    unpriced = death(rate_table=None)

    priced = _price(product(unpriced, pricing_method="RATE_TABLE", rate_table=DEATH_RATES))

    assert _premiums(priced) == {"DEATH_MAIN": "260.00"}


def test_a_benefit_with_rates_of_its_own_leaves_those_of_the_product_unused() -> None:
    double = matrix(row("1.04", (18, 65)))

    priced = _price(product(death(), pricing_method="RATE_TABLE", rate_table=double))

    assert _premiums(priced) == {"DEATH_MAIN": "260.00"}


# Limits of the product


@pytest.mark.parametrize(("age", "is_fine"), [(17, False), (18, True), (65, True), (66, False)])
def test_entry_ages_are_inclusive(age: int, is_fine: bool) -> None:
    if is_fine:
        assert _price(age=age)
    else:
        assert _refused(age=age) == [("age", f"Entry age is 18 to 65; this is {age}.")]


@pytest.mark.parametrize(
    ("amount", "is_fine"),
    [("9999.99", False), ("10000", True), ("5000000", True), ("5000000.01", False)],
)
def test_sums_assured_are_limited(amount: str, is_fine: bool) -> None:
    if is_fine:
        assert _price(sum_assured=Decimal(amount))
    else:
        assert _fields(sum_assured=Decimal(amount)) == ["sum_assured"]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert _fields(
        age=70,
        sum_assured=Decimal(1),
        term_years=0,
        frequency="DAILY",
        benefit_overrides={"NONE": Decimal(1)},
        excluded_benefits=frozenset({"DEATH_MAIN", "OTHER"}),
        answers={"shoe_size": "9"},
    ) == [
        "age",
        "sum_assured",
        "term_years",
        "frequency",
        "benefit_overrides",
        "excluded_benefits",
        "excluded_benefits",
        "inception_answers.shoe_size",
    ]


def test_a_benefit_may_be_left_out_unless_it_is_mandatory() -> None:
    assert _premiums(_price(excluded_benefits=frozenset({"FUNERAL_EXP"}))) == {
        "DEATH_MAIN": "260.00"
    }
    assert _refused(excluded_benefits=frozenset({"DEATH_MAIN"})) == [
        ("excluded_benefits", "Main Member Death cannot be left out.")
    ]


def test_leaving_everything_out_is_refused() -> None:
    terms = product(funeral_expenses())

    assert _refused(terms, excluded_benefits=frozenset({"FUNERAL_EXP"})) == [
        ("excluded_benefits", "Nothing is insured: choose a benefit.")
    ]


# Lives


def test_life_cover_needs_an_age() -> None:
    assert _fields(age=None) == ["age"]


def test_the_age_is_that_of_the_last_birthday_at_the_effective_date() -> None:
    turning = replace(JOHN, age=None, date_of_birth=date(1990, 2, 6))

    before = _price(age=None, lives=(turning,))
    after = _price(age=None, lives=(turning,), effective_date=date(2026, 2, 6))

    assert (before.age, str(before.monthly_premium)) == (35, "310.00")
    assert (after.age, str(after.monthly_premium)) == (36, "405.00")
    assert after.lives[0].age == 36


def test_an_age_that_disagrees_with_the_date_of_birth_is_refused() -> None:
    assert _refused(lives=(replace(JOHN, age=34),)) == [
        ("insured_lives.0.age", "The date of birth gives age 35.")
    ]


def test_the_age_of_the_quote_must_agree_where_the_main_member_gives_only_a_birth_date() -> None:
    john = replace(JOHN, age=None)

    assert _price(age=35, lives=(john,)).age == 35
    assert _refused(age=34, lives=(john,)) == [("age", "The date of birth gives age 35.")]
    assert _price(age=35, lives=(john, replace(JANE, age=None))).age == 35


def test_nobody_is_insured_before_birth() -> None:
    unborn = replace(JANE, age=None, date_of_birth=date(2026, 2, 6))

    assert _fields(lives=(JOHN, unborn)) == ["insured_lives.1.date_of_birth"]


def test_an_age_beyond_human_is_refused() -> None:
    assert _fields(lives=(JOHN, Life("PARENT", 121))) == ["insured_lives.1.age"]


def test_the_main_member_as_given_goes_before_the_age_of_the_quote() -> None:
    priced = _price(age=30, gender="FEMALE", lives=(JOHN,))

    assert (priced.age, priced.gender) == (35, "MALE")
    assert priced.benefits[0].life == 0
    assert priced.benefits[0].life_name == "John Doe"


def test_the_age_of_the_quote_serves_a_main_member_who_does_not_say() -> None:
    priced = _price(age=40, gender="FEMALE", lives=(Life(first_name="Thandi"),))

    assert (priced.age, priced.gender) == (40, "FEMALE")
    assert str(priced.benefits[0].monthly_premium) == "200.00"


def test_a_policy_has_one_main_member() -> None:
    assert _fields(lives=(JOHN, JOHN)) == ["insured_lives"]


FAMILY = product(
    death(),
    death(code="DEATH_SPOUSE", name="Spouse Death", member_role="SPOUSE", is_mandatory=False),
    funeral_expenses(code="CHILD", name="Child", member_role="CHILD", flat_premium=Decimal(10)),
)
CHILDREN = (Life("CHILD", 3, first_name="Sipho"), Life("CHILD", 7, first_name="Ayanda"))


def test_each_life_is_rated_on_its_own_age_and_gender() -> None:
    priced = _price(FAMILY, lives=(JOHN, JANE))

    assert _premiums(priced) == {"DEATH_MAIN": "260.00", "DEATH_SPOUSE": "200.00"}
    assert [(part.life, part.life_name) for part in priced.benefits] == [
        (0, "John Doe"),
        (1, "Jane Doe"),
    ]


def test_a_role_that_nobody_has_is_not_priced() -> None:
    assert _premiums(_price(FAMILY)) == {"DEATH_MAIN": "260.00"}


def test_children_are_priced_one_by_one() -> None:
    priced = _price(FAMILY, lives=(*CHILDREN, JOHN))

    assert [
        (part.benefit_code, part.life, str(part.monthly_premium)) for part in priced.benefits
    ] == [
        ("DEATH_MAIN", 2, "260.00"),
        ("CHILD", 0, "10.00"),
        ("CHILD", 1, "10.00"),
    ]


def test_children_are_priced_once_where_the_benefit_says_per_policy() -> None:
    child = replace(FAMILY.benefits[2], per_policy=True)

    priced = _price(product(death(), child), lives=(JOHN, *CHILDREN))

    assert _premiums(priced) == {"DEATH_MAIN": "260.00", "CHILD": "10.00"}
    assert priced.benefits[1].life is None


def test_a_benefit_for_all_is_priced_on_every_life() -> None:
    everybody = funeral_expenses(member_role="ALL", flat_premium=Decimal(5))

    priced = _price(product(everybody), sum_assured=None, lives=(JANE, *CHILDREN))

    assert [(part.life, part.member_role) for part in priced.benefits] == [
        (None, "MAIN_MEMBER"),
        (0, "SPOUSE"),
        (1, "CHILD"),
        (2, "CHILD"),
    ]
    assert str(priced.monthly_premium) == "20.00"


def test_a_benefit_for_all_per_policy_is_rated_on_the_main_member() -> None:
    everybody = death(member_role="ALL", per_policy=True)

    (part,) = _price(product(everybody), lives=(JANE, JOHN)).benefits

    assert (part.life, part.member_role, str(part.monthly_premium)) == (None, "ALL", "260.00")


def test_a_life_without_an_age_is_asked_for_it() -> None:
    assert _fields(FAMILY, lives=(JOHN, Life("SPOUSE", gender="FEMALE"))) == ["insured_lives.1.age"]


def test_rates_by_gender_ask_for_the_gender() -> None:
    assert _fields(gender=None) == ["gender"]
    assert _fields(gender="UNISEX") == ["gender"]
    assert _fields(FAMILY, lives=(JOHN, Life("SPOUSE", 30))) == ["insured_lives.1.gender"]


def test_non_life_cover_needs_no_age() -> None:
    inputs = {"vehicle_group": "A", "rating_zone": "URBAN"}

    priced = _price(
        MOTOR, age=None, gender=None, sum_assured=Decimal(200_000), rating_inputs=inputs
    )

    assert (priced.age, str(priced.monthly_premium)) == (None, "891.00")


# Rating factors


def test_relativities_multiply_the_base_rate() -> None:
    inputs = {"vehicle_group": "B", "rating_zone": "RURAL"}

    (part,) = _price(MOTOR, sum_assured=Decimal(200_000), rating_inputs=inputs).benefits

    assert part.rate == Decimal("0.4320")
    assert str(part.monthly_premium) == "864.00"
    assert part.worksheet["relativities"] == [
        {"factor": "vehicle_group", "level": "B", "relativity": "1.2"},
        {"factor": "rating_zone", "level": "RURAL", "relativity": "0.8"},
    ]


def test_a_missing_factor_is_asked_for_by_name() -> None:
    assert _refused(MOTOR, rating_inputs={"vehicle_group": "A"}) == [
        ("rating_inputs.rating_zone", "Choose one of RURAL, URBAN.")
    ]


def test_an_unknown_level_is_refused_with_the_known_ones() -> None:
    assert _refused(MOTOR, rating_inputs={"vehicle_group": "Z", "rating_zone": "URBAN"}) == [
        ("rating_inputs.vehicle_group", "“Z” is not known: choose one of A, B.")
    ]


def test_benefits_that_share_a_table_ask_once() -> None:
    twice = product(
        MOTOR.benefits[0], replace(MOTOR.benefits[0], code="THEFT"), category="NON_LIFE"
    )

    assert _fields(twice) == ["rating_inputs.vehicle_group", "rating_inputs.rating_zone"]


def test_factors_that_no_table_knows_do_not_matter() -> None:
    assert _price(rating_inputs={"smoker_status": "NON_SMOKER"}).monthly_premium == 310


def test_a_missing_combination_is_named_and_never_free() -> None:
    table = matrix(
        row("0.5", (18, 65), zone="URBAN", group="A"), row("0.6", (18, 65), zone="RURAL", group="B")
    )

    assert _refused(
        product(death(rate_table=table)), rating_inputs={"zone": "URBAN", "group": "B"}
    ) == [
        (
            "rating_inputs",
            "Death rates has no rate for age 35, MALE, zone URBAN, group B (Main Member Death).",
        )
    ]


def test_a_missing_age_is_named() -> None:
    young = product(death(rate_table=matrix(row("0.5", (18, 30)))))

    assert _refused(young) == [
        ("age", "Death rates has no rate for age 35, MALE (Main Member Death).")
    ]


def test_a_factor_that_rows_leave_out_need_not_be_answered() -> None:
    table = matrix(row("0.5"), row("0.7", smoker_status="SMOKER"))
    terms = product(death(rate_table=table))

    assert _price(terms).monthly_premium == 250
    assert _price(terms, rating_inputs={"smoker_status": "SMOKER"}).monthly_premium == 350
    assert _fields(terms, rating_inputs={"smoker_status": "PIPE"}) == [
        "rating_inputs.smoker_status"
    ]


# The simple form


def test_a_flat_product_has_one_price_for_everybody() -> None:
    flat = product(
        pricing_method="FLAT", base_premium=Decimal("199.00"), coverage_amount=Decimal(100_000)
    )

    priced = _price(flat, sum_assured=None, gender=None)

    assert (str(priced.monthly_premium), priced.sum_assured) == ("199.00", 100_000)
    assert [(part.benefit_code, part.benefit_name) for part in priced.benefits] == [
        ("MAIN", "Term Life")
    ]
    assert priced.pricing_method == "FLAT"


def test_a_product_with_one_rate_table_is_priced_per_thousand() -> None:
    rated = product(pricing_method="RATE_TABLE", rate_table=DEATH_RATES, waiting_period_days=90)

    priced = _price(rated)

    assert str(priced.monthly_premium) == "260.00"
    assert priced.benefits[0].waiting_period_days == 90


# Frequencies


@pytest.mark.parametrize(
    ("frequency", "loading", "instalment"),
    [
        ("MONTHLY", None, "310.00"),
        ("QUARTERLY", None, "930.00"),
        ("HALF_YEARLY", None, "1860.00"),
        ("ANNUAL", None, "3720.00"),
        ("MONTHLY", "5", "325.50"),
        ("QUARTERLY", "1.5", "943.95"),
    ],
)
def test_paying_less_often_multiplies_the_months_and_carries_the_loading(
    frequency: str, loading: str | None, instalment: str
) -> None:
    loadings = {} if loading is None else {frequency: Decimal(loading)}

    priced = _price(replace(TERM_LIFE, modal_loadings=loadings), frequency=frequency)

    assert str(priced.instalment) == instalment
    assert str(priced.monthly_premium) == "310.00"


def test_an_instalment_is_rounded_per_benefit() -> None:
    penny = matrix(row("0.01"), basis="FLAT")
    terms = product(
        *(death(code=f"DEATH_{n}", rate_table=penny) for n in range(2)),
        modal_loadings={"MONTHLY": Decimal(50)},
    )

    priced = _price(terms, sum_assured=Decimal(20_000))

    assert str(priced.monthly_premium) == "0.02"
    assert str(priced.instalment) == "0.04"


# Worksheets


def test_every_premium_opens_into_a_worksheet() -> None:
    sheet = _price(frequency="QUARTERLY").benefits[0].worksheet

    assert sheet == {
        "table": "death-rates",
        "table_name": "Death rates",
        "table_version": 3,
        "table_id": "00000000-0000-0000-0000-000000000001",
        "basis": "PER_MILLE",
        "factors": {},
        "row": "18–35, MALE",
        "rate": "0.52",
        "formula": "500000 / 1000 × 0.52",
        "cover": "sum assured",
        "age": 35,
        "gender": "MALE",
        "exact": "260",
        "rounding": "half up to the cent",
        "rounded": "260.00",
        "frequency": "QUARTERLY",
        "loading_per_cent": "0",
        "instalment": "780.00",
    }
    json.dumps(dict(sheet))


def test_a_worksheet_shows_the_amount_before_rounding() -> None:
    (part,) = _price(
        product(death(rate_table=matrix(row("0.45")))), sum_assured=Decimal(123_456)
    ).benefits

    assert (part.worksheet["exact"], part.worksheet["rounded"]) == ("55.5552", "55.56")


@given(
    sum_assured=st.decimals(10_000, 5_000_000, places=2),
    frequency=st.sampled_from(["MONTHLY", "QUARTERLY", "HALF_YEARLY", "ANNUAL"]),
    loading=st.decimals(0, 20, places=2),
)
def test_worksheets_add_up_to_the_quote(
    sum_assured: Decimal, frequency: str, loading: Decimal
) -> None:
    terms = replace(TERM_LIFE, modal_loadings={frequency: loading})

    priced = _price(terms, sum_assured=sum_assured, frequency=frequency)

    sheets = [part.worksheet for part in priced.benefits]
    assert sum(Decimal(sheet["rounded"]) for sheet in sheets) == priced.monthly_premium
    assert sum(Decimal(sheet["instalment"]) for sheet in sheets) == priced.instalment
    for sheet in sheets:
        rounded = Decimal(sheet["exact"]).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert rounded == Decimal(sheet["rounded"])


# Funeral cover


def _funeral(*benefits: BenefitTerms) -> ProductTerms:
    return product(*benefits, class_code="FUNERAL", min_sum_assured=None)


CAP = Decimal(100_000)


def test_funeral_cover_is_capped_per_life_riders_included() -> None:
    terms = _funeral(death(), funeral_expenses())

    assert _price(terms, CAP, sum_assured=Decimal(85_000))
    assert _refused(terms, CAP, sum_assured=Decimal(85_001), lives=(JOHN,)) == [
        (
            "sum_assured",
            "Cover on one life is at most R\u00a0100\u00a0000,00;"
            " John Doe would have R\u00a0100\u00a0001,00.",
        )
    ]


def test_each_life_has_a_cap_of_its_own() -> None:
    spouse = death(code="SPOUSE", member_role="SPOUSE")
    terms = _funeral(death(), spouse)

    assert _price(terms, CAP, sum_assured=CAP, lives=(JOHN, JANE))
    assert _fields(
        terms, CAP, sum_assured=CAP, lives=(JOHN, JANE), benefit_overrides={"SPOUSE": CAP + 1}
    ) == ["insured_lives.1"]


def test_a_benefit_per_policy_counts_on_every_life_it_covers() -> None:
    child = funeral_expenses(member_role="CHILD", per_policy=True, default_amount=Decimal(60_000))
    extra = funeral_expenses(code="EXTRA", member_role="ALL", default_amount=Decimal(50_000))

    assert _fields(_funeral(child, extra), CAP, sum_assured=None, lives=CHILDREN) == [
        "insured_lives.0",
        "insured_lives.1",
    ]


def test_a_waiver_of_premium_insures_no_sum_of_its_own() -> None:
    waiver = funeral_expenses(code="WAIVER", benefit_type="PREMIUM_WAIVER", default_amount=CAP)

    assert _price(_funeral(death(), waiver), CAP, sum_assured=CAP)


@pytest.mark.parametrize(("years", "days"), [(1, 91), (2, 180), (20, 180)])
def test_a_shorter_term_shortens_the_wait_of_a_funeral(years: int, days: int) -> None:
    (part,) = _price(_funeral(death()), sum_assured=CAP, term_years=years).benefits

    assert part.waiting_period_days == days


def test_other_classes_wait_as_the_contract_says() -> None:
    assert _price(term_years=1).benefits[0].waiting_period_days == 180


# Inception rules


ASKED: Callable[..., ProductTerms] = lambda *questions: replace(TERM_LIFE, questions=questions)  # noqa: E731


def test_a_required_answer_is_demanded_and_another_is_not() -> None:
    terms = ASKED(
        Question("smoker", "Do you smoke?", "YES_NO"),
        Question("hobby", "Hobby", is_required=False),
    )

    assert _refused(terms) == [("inception_answers.smoker", "Answer “Do you smoke?”.")]
    assert _fields(terms, answers={"smoker": "  "}) == ["inception_answers.smoker"]
    assert _price(terms, answers={"smoker": "no"})


@pytest.mark.parametrize(
    ("question", "accepted", "refused"),
    [
        (
            Question("q", "Income", "NUMBER", min_value=Decimal(0), max_value=Decimal(100_000)),
            ["0", "1 234,56", "100000"],
            ["-1", "100000.01", "NaN", "Infinity", "1e5", "1_000", "١٢", "ten"],
        ),
        (
            Question("q", "Since", "DATE"),
            ["2026-11-20", "2024-02-29"],
            ["2026-02-30", "20261120", "2026-W01-1", "20/11/2026", "0000-01-01"],
        ),
        (Question("q", "Smoker", "YES_NO"), ["yes", "No", "true"], ["maybe", "1"]),
        (
            Question("q", "Job", "CHOICE", options=("MINER", "CLERK")),
            ["MINER"],
            ["miner", "PILOT"],
        ),
        (Question("q", "Hobby", "TEXT"), ["chess"], []),
    ],
)
def test_an_answer_is_of_the_kind_that_was_asked_for(
    question: Question, accepted: list[str], refused: list[str]
) -> None:
    for answer in accepted:
        assert _price(ASKED(question), answers={"q": answer})
    for answer in refused:
        assert _fields(ASKED(question), answers={"q": answer}) == ["inception_answers.q"]
