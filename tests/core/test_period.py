"""Dates counted from their origin, and half-open spans."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.core.period import Period, add_months, add_years, age_last_birthday

DATES = st.dates(date(1900, 1, 1), date(2200, 12, 31))


def test_a_period_holds_its_first_day_and_not_its_end() -> None:
    march = Period(date(2026, 3, 1), date(2026, 4, 1))

    assert march.days == 31
    assert date(2026, 3, 1) in march
    assert date(2026, 3, 31) in march
    assert date(2026, 4, 1) not in march


def test_a_period_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="before it starts"):
        Period(date(2026, 3, 2), date(2026, 3, 1))


def test_a_policy_of_a_leap_day_has_its_anniversary_on_the_last_of_february() -> None:
    anniversaries = [add_years(date(2024, 2, 29), year) for year in (1, 2, 3, 4)]

    assert anniversaries == [
        date(2025, 2, 28),
        date(2026, 2, 28),
        date(2027, 2, 28),
        date(2028, 2, 29),
    ]


def test_a_due_day_of_31_falls_on_the_last_day_of_shorter_months() -> None:
    dues = [add_months(date(2026, 1, 31), month) for month in (1, 2, 3)]

    assert dues == [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]


def test_another_due_day_than_the_first_can_be_wanted() -> None:
    assert add_months(date(2026, 2, 5), 1, day=31) == date(2026, 3, 31)
    assert add_months(date(2026, 2, 5), 0, day=31) == date(2026, 2, 28)


def test_cover_of_twenty_years_ends_on_the_same_date() -> None:
    assert add_years(date(2026, 2, 5), 20) == date(2046, 2, 5)


@given(origin=DATES, months=st.integers(-600, 600))
def test_a_month_is_never_skipped_and_the_day_is_never_later(origin: date, months: int) -> None:
    found = add_months(origin, months)

    assert (found.year * 12 + found.month) - (origin.year * 12 + origin.month) == months
    assert found.day <= origin.day
    assert found.day == origin.day or add_months(found, 0, day=origin.day) == found


@given(origin=DATES, months=st.integers(0, 600))
def test_dates_from_one_origin_run_on(origin: date, months: int) -> None:
    assert add_months(origin, months) < add_months(origin, months + 1)


@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        (date(1991, 3, 15), date(2026, 3, 14), 34),
        (date(1991, 3, 15), date(2026, 3, 15), 35),
        (date(1991, 3, 15), date(2026, 3, 16), 35),
        (date(2004, 2, 29), date(2026, 2, 27), 21),
        (date(2004, 2, 29), date(2026, 2, 28), 22),
        (date(2004, 2, 29), date(2028, 2, 28), 23),
        (date(2004, 2, 29), date(2028, 2, 29), 24),
        (date(2026, 2, 5), date(2026, 2, 5), 0),
    ],
)
def test_age_counts_completed_years(born: date, on: date, age: int) -> None:
    assert age_last_birthday(born, on) == age


def test_nobody_has_an_age_before_birth() -> None:
    with pytest.raises(ValueError, match="before birth"):
        age_last_birthday(date(2026, 2, 6), date(2026, 2, 5))


@given(born=DATES, on=DATES)
def test_the_last_birthday_is_past_and_the_next_is_not(born: date, on: date) -> None:
    if born <= on:
        age = age_last_birthday(born, on)

        assert add_years(born, age) <= on < add_years(born, age + 1)
