"""Terms, schedules, layers of cover, and what may follow what."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.core.errors import ConflictError, DomainError
from insurance.core.period import add_months
from insurance.policies.models import PolicyStatus
from insurance.policies.rules import (
    TRANSITIONS,
    Layer,
    check_effective_date,
    check_transition,
    cover_on,
    expiry_date,
    payable_on,
    premium_schedule,
    waiting_until,
)

START = date(2026, 2, 5)
PREMIUM = Decimal("310.00")


def test_a_fixed_term_ends_on_the_same_date_years_later() -> None:
    assert expiry_date(START, 20, "FIXED_TERM") == date(2046, 2, 5)
    assert expiry_date(date(2024, 2, 29), 1, "FIXED_TERM") == date(2025, 2, 28)


def test_cover_for_the_whole_of_life_does_not_expire() -> None:
    assert expiry_date(START, 20, "WHOLE_OF_LIFE") is None


# The schedule


def test_a_policy_starts_with_twelve_monthly_premiums() -> None:
    schedule = premium_schedule(START, PREMIUM, "MONTHLY", date(2046, 2, 5))

    assert [due.sequence for due in schedule] == list(range(1, 13))
    assert [due.due_date for due in schedule[:2]] == [START, date(2026, 3, 5)]
    assert schedule[-1].due_date == date(2027, 1, 5)
    assert schedule[-1].period.end == date(2027, 2, 5)
    assert {due.amount for due in schedule} == {PREMIUM}


def test_premiums_of_the_31st_fall_on_the_last_day_of_shorter_months() -> None:
    schedule = premium_schedule(date(2026, 1, 31), PREMIUM, "MONTHLY", None)

    assert [due.due_date for due in schedule[:4]] == [
        date(2026, 1, 31),
        date(2026, 2, 28),
        date(2026, 3, 31),
        date(2026, 4, 30),
    ]


@pytest.mark.parametrize(
    ("frequency", "premiums"),
    [("MONTHLY", 12), ("QUARTERLY", 4), ("HALF_YEARLY", 2), ("ANNUAL", 1)],
)
def test_the_schedule_holds_a_year_whatever_the_frequency(frequency: str, premiums: int) -> None:
    schedule = premium_schedule(START, PREMIUM, frequency, None)

    assert len(schedule) == premiums
    assert schedule[-1].period.end == date(2027, 2, 5)


def test_nothing_is_due_after_cover_has_expired() -> None:
    schedule = premium_schedule(START, PREMIUM, "MONTHLY", date(2026, 5, 5))

    assert [due.due_date for due in schedule] == [START, date(2026, 3, 5), date(2026, 4, 5)]


@given(
    effective=st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    frequency=st.sampled_from(["MONTHLY", "QUARTERLY", "HALF_YEARLY", "ANNUAL"]),
)
def test_premium_periods_follow_one_another_without_a_gap(effective: date, frequency: str) -> None:
    schedule = premium_schedule(effective, PREMIUM, frequency, None)

    assert schedule[0].period.start == effective
    assert schedule[-1].period.end == add_months(effective, 12)
    for earlier, later in zip(schedule, schedule[1:], strict=False):
        assert earlier.period.end == later.period.start


# When cover may start


@pytest.mark.parametrize("days", [-30, 0, 365])
def test_cover_may_start_within_the_limits(days: int) -> None:
    check_effective_date(START + timedelta(days), START, backdating_limit_days=30)


@pytest.mark.parametrize(("days", "reason"), [(-31, "at most 30 days back"), (366, "a year ahead")])
def test_cover_may_not_start_outside_them(days: int, reason: str) -> None:
    with pytest.raises(DomainError, match=reason) as refusal:
        check_effective_date(START + timedelta(days), START, backdating_limit_days=30)

    assert refusal.value.field == "effective_date"


# Layers


def _layer(amount: int, starts_on: date, waiting_days: int = 0) -> Layer:
    return Layer(Decimal(amount), starts_on, waiting_until(starts_on, waiting_days))


def test_180_days_from_5_february_end_on_4_august() -> None:
    assert waiting_until(START, 180) == date(2026, 8, 4)


def test_natural_causes_wait_and_accidents_do_not() -> None:
    layers = [_layer(500_000, START, 180)]

    assert payable_on(layers, date(2026, 8, 3), accident=False) == 0
    assert payable_on(layers, date(2026, 8, 4), accident=False) == 500_000
    assert payable_on(layers, START, accident=True) == 500_000
    assert payable_on(layers, START - timedelta(1), accident=True) == 0


def test_an_increase_waits_on_its_own() -> None:
    layers = [_layer(500_000, START, 180), _layer(250_000, date(2026, 9, 1), 180)]

    assert cover_on(layers, date(2026, 9, 1)) == 750_000
    assert payable_on(layers, date(2026, 9, 1), accident=False) == 500_000
    assert payable_on(layers, date(2026, 9, 1), accident=True) == 750_000
    assert payable_on(layers, date(2027, 2, 28), accident=False) == 750_000


LAYERS = st.lists(
    st.builds(
        _layer,
        st.integers(1, 10**6),
        st.dates(date(2026, 1, 1), date(2027, 12, 31)),
        st.integers(0, 400),
    )
)


@given(layers=LAYERS, on=st.dates(date(2025, 12, 1), date(2029, 12, 31)))
def test_what_is_payable_only_grows_as_waiting_ends(layers: list[Layer], on: date) -> None:
    natural = payable_on(layers, on, accident=False)

    assert 0 <= natural <= payable_on(layers, on, accident=True) == cover_on(layers, on)
    assert natural <= payable_on(layers, on + timedelta(1), accident=False)
    assert payable_on(layers, date(2029, 12, 31), accident=False) == sum(
        layer.amount for layer in layers
    )


# Status


@pytest.mark.parametrize(
    ("status", "wanted"),
    [(status, wanted) for status, allowed in TRANSITIONS.items() for wanted in allowed],
)
def test_the_moves_of_the_table_are_allowed(status: str, wanted: str) -> None:
    check_transition(status, wanted)


@pytest.mark.parametrize(
    ("status", "wanted", "allowed"),
    [
        ("active", "active", ["suspended", "lapsed", "cancelled", "expired"]),
        ("suspended", "suspended", ["active", "lapsed", "cancelled"]),
        ("lapsed", "suspended", ["active", "cancelled"]),
        ("cancelled", "active", []),
        ("expired", "active", []),
    ],
)
def test_any_other_move_conflicts_and_names_the_allowed_ones(
    status: str, wanted: str, allowed: list[str]
) -> None:
    with pytest.raises(ConflictError, match=f"{status} cannot become {wanted}") as refusal:
        check_transition(status, wanted)

    assert refusal.value.status == 409
    assert refusal.value.detail == {"allowed_transitions": allowed}


def test_the_table_knows_every_status() -> None:
    statuses = {status.value for status in PolicyStatus}

    assert set(TRANSITIONS) == statuses
    assert {wanted for allowed in TRANSITIONS.values() for wanted in allowed} <= statuses
