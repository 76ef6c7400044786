"""Finding a rate, and refusing tables that would find two or none."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.products.rules import (
    RateRow,
    check_rate_table,
    conflicting_rows,
    coverage_gaps,
)
from insurance.products.rules.rates import MAX_PATTERNS
from tests.factories.terms import DEATH_RATES, matrix, relativities, row


def _rate(found: RateRow | None) -> str | None:
    return None if found is None else str(found.rate)


@pytest.mark.parametrize(
    ("age", "gender", "rate"),
    [
        (18, "MALE", "0.52"),
        (35, "MALE", "0.52"),
        (36, "MALE", "0.71"),
        (65, "MALE", "0.71"),
        (35, "FEMALE", "0.40"),
        (17, "MALE", None),
        (66, "MALE", None),
        (35, "UNISEX", None),
        (35, None, None),
        (None, "MALE", None),
    ],
)
def test_a_rate_is_found_by_age_last_birthday_and_gender(
    age: int | None, gender: str | None, rate: str | None
) -> None:
    assert _rate(DEATH_RATES.find_row(age, gender, ())) == rate


def test_a_row_of_the_very_gender_goes_before_a_unisex_one() -> None:
    table = matrix(row("0.50"), row("0.40", (18, 40), "FEMALE"))

    assert _rate(table.find_row(30, "FEMALE", ())) == "0.40"
    assert _rate(table.find_row(41, "FEMALE", ())) == "0.50"
    assert _rate(table.find_row(30, "MALE", ())) == "0.50"


def test_a_row_without_ages_is_for_everybody_also_without_an_age() -> None:
    table = matrix(row("0.32", vehicle_group="A"))

    assert _rate(table.find_row(None, None, (("vehicle_group", "A"),))) == "0.32"
    assert _rate(table.find_row(120, "MALE", (("vehicle_group", "A"),))) == "0.32"
    assert table.find_row(None, None, (("vehicle_group", "B"),)) is None


def test_an_open_ended_band_reaches_to_the_oldest_age() -> None:
    table = matrix(row("0.10", (None, 17)), row("2.10", (66, None)))

    assert _rate(table.find_row(0, None, ())) == "0.10"
    assert _rate(table.find_row(120, None, ())) == "2.10"
    assert table.find_row(40, None, ()) is None


def test_every_factor_of_the_table_takes_part() -> None:
    table = matrix(
        row("0.5", zone="URBAN", group="A"),
        row("0.6", zone="URBAN", group="B"),
        row("0.3", zone="RURAL", group="A"),
    )

    assert _rate(table.find_row(None, None, (("zone", "URBAN"), ("group", "B")))) == "0.6"
    assert table.find_row(None, None, (("zone", "RURAL"), ("group", "B"))) is None
    assert table.levels("zone") == ("RURAL", "URBAN")


def test_a_factor_that_a_row_leaves_out_matches_every_level() -> None:
    table = matrix(row("0.45", (18, 30)), row("0.58", (18, 30), smoker_status="SMOKER"))

    assert _rate(table.find_row(20, None, (("smoker_status", "SMOKER"),))) == "0.58"
    assert _rate(table.find_row(20, None, (("smoker_status", "NON_SMOKER"),))) == "0.45"
    assert _rate(table.find_row(20, None, ())) == "0.45"
    assert table.is_open("smoker_status")


def test_the_documented_mixture_of_rows_is_a_sound_table() -> None:
    table = matrix(
        row("0.45", (18, 25), "MALE"),
        row("0.32", rating_zone="URBAN", vehicle_group="A"),
        row("0.58", (26, 30), "MALE", smoker_status="SMOKER"),
    )

    assert check_rate_table(table) == []


@given(st.permutations(DEATH_RATES.rows), st.integers(0, 120), st.sampled_from(["MALE", "FEMALE"]))
def test_the_order_of_the_rows_does_not_matter(rows: list[RateRow], age: int, gender: str) -> None:
    assert matrix(*rows).find_row(age, gender, ()) == DEATH_RATES.find_row(age, gender, ())


def _fits(one: RateRow, age: int, gender: str, levels: dict[str, str]) -> bool:
    first, last = one.ages
    return (
        first <= age <= last
        and one.gender in (gender, "UNISEX")
        and all(levels[name] == level for name, level in one.factors)
    )


ROWS = st.builds(
    lambda rate, ages, gender, levels: RateRow(
        rate, min(ages), max(ages), gender, tuple(sorted(levels.items()))
    ),
    st.decimals(0, 9, places=2),
    st.tuples(st.integers(0, 20), st.integers(0, 20)),
    st.sampled_from(["MALE", "FEMALE", "UNISEX"]),
    st.dictionaries(st.sampled_from(["job", "zone"]), st.sampled_from("AB")),
)


@given(
    st.lists(ROWS, max_size=12),
    st.integers(0, 20),
    st.sampled_from(["MALE", "FEMALE"]),
    st.fixed_dictionaries({"job": st.sampled_from("AB"), "zone": st.sampled_from("AB")}),
)
def test_the_look_up_agrees_with_reading_the_table_row_by_row(
    rows: list[RateRow], age: int, gender: str, levels: dict[str, str]
) -> None:
    conflicts = conflicting_rows(rows)
    fitting = [one for one in rows if _fits(one, age, gender, levels)]
    ranks = sorted(((one.gender == gender, len(one.factors)) for one in fitting), reverse=True)
    has_twins = len(ranks) > 1 and ranks[0] == ranks[1]

    if has_twins:
        assert conflicts
    if not conflicts:
        found = matrix(*rows, factors=("job", "zone")).find_row(
            age, gender, tuple(sorted(levels.items()))
        )
        best = max(fitting, key=lambda one: (one.gender == gender, len(one.factors)), default=None)
        assert found == best


@given(st.lists(ROWS, max_size=12), st.randoms(use_true_random=False))
def test_a_conflict_is_found_in_whatever_order_rows_come(
    rows: list[RateRow], chance: Random
) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)

    assert bool(conflicting_rows(rows)) == bool(conflicting_rows(shuffled))


def test_two_rows_that_match_equally_well_are_refused_and_named() -> None:
    table = matrix(row("0.5", (18, 30)), row("0.6", (31, 40)), row("0.7", (30, 30)))

    (problem,) = check_rate_table(table)

    assert problem.field == "entries.2"
    assert problem.message == "Rows 1 and 3 match the same person: 30–30, UNISEX."


def test_a_band_inside_a_long_one_hides_no_later_conflict() -> None:
    rows = [row("1", (0, 100)), row("2", (10, 20)), row("3", (30, 40))]

    assert conflicting_rows(rows) == [(0, 1), (0, 2)]


def test_rows_that_leave_out_different_factors_may_meet() -> None:
    meeting = [row("1", zone="A"), row("2", job="B")]
    apart = [row("1", (0, 9), zone="A"), row("2", (10, 19), job="B")]

    assert conflicting_rows(meeting) == [(0, 1)]
    assert conflicting_rows(apart) == []
    assert conflicting_rows([*meeting[:1], row("3", zone="B", job="B")]) == []


def test_a_table_without_rows_is_refused() -> None:
    assert [problem.field for problem in check_rate_table(matrix())] == ["entries"]


def test_a_factor_that_no_row_states_is_refused() -> None:
    table = matrix(row("0.5"), factors=("age", "smoker_status"))

    assert [problem.message for problem in check_rate_table(table)] == [
        "No row states smoker_status."
    ]


def test_a_row_cannot_state_a_factor_the_table_does_not_declare() -> None:
    table = matrix(row("0.5", roof="THATCH"), factors=("age",))

    assert [problem.field for problem in check_rate_table(table)] == ["entries.0"]


def test_rows_may_not_leave_factors_out_in_ever_new_ways() -> None:
    rows = [row("1", **{f"factor_{number}": "A"}) for number in range(MAX_PATTERNS + 1)]

    assert "different ways" in check_rate_table(matrix(*rows))[0].message


def test_relativities_need_a_base_rate_and_a_level_per_factor() -> None:
    sound = relativities("0.45", zone={"URBAN": "1.1"})

    assert check_rate_table(sound) == []
    assert sound.levels("zone") == ("URBAN",)
    assert not sound.is_open("zone")
    hollow = matrix(
        method="MULTIPLICATIVE", factors=("zone", "group"), relativities={"zone": {"A": 1}}
    )
    assert [problem.field for problem in check_rate_table(hollow)] == [
        "base_rate",
        "relativities.group",
    ]


def test_gaps_in_the_entry_ages_are_named_per_combination() -> None:
    table = matrix(
        row("0.45", (18, 25), "MALE", zone="A"),
        row("0.58", (28, 30), "MALE", zone="A"),
        row("0.30", (18, 30), "FEMALE", zone="A"),
        row("0.30", (18, 29), zone="B"),
    )

    assert coverage_gaps(table, 18, 30) == [
        "ages 26–27 (MALE, zone A)",
        "ages 30 (MALE, zone B)",
        "ages 30 (FEMALE, zone B)",
    ]
    assert coverage_gaps(table, 18, 25) == []


def test_a_gender_without_a_rate_is_a_gap_also_without_ages() -> None:
    assert coverage_gaps(matrix(row("0.45", gender="MALE")), 0, 0) == ["FEMALE"]
    assert coverage_gaps(matrix(row("0.45")), 0, 120) == []
