"""What a change inside a period costs, and what a cancellation gives back: the worked numbers."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.billing.rules import (
    CoveredPeriod,
    Step,
    cancellation_refund,
    earned_charge,
    line_charge,
    period_charge,
    plan_lines,
    pro_rata,
)
from insurance.core.period import Period, add_months

D = Decimal
MONEY = st.decimals(min_value=0, max_value=10**6, places=2)


@pytest.mark.parametrize(
    ("old", "new", "start", "end", "on", "adjustment"),
    [
        ("310", "355", date(2026, 3, 5), date(2026, 4, 5), date(2026, 3, 20), "23.23"),
        ("310", "355", date(2026, 3, 1), date(2026, 4, 1), date(2026, 3, 12), "29.03"),
        ("3720", "4260", date(2026, 2, 5), date(2027, 2, 5), date(2026, 8, 1), "278.14"),
        ("0", "540", date(2027, 9, 1), date(2028, 9, 1), date(2028, 2, 29), "272.95"),
        ("60", "0", date(2026, 3, 1), date(2026, 4, 1), date(2026, 3, 12), "-38.71"),
    ],
)
def test_a_change_costs_its_share_of_the_period_by_actual_days(
    old: str, new: str, start: date, end: date, on: date, adjustment: str
) -> None:
    assert pro_rata(D(old), D(new), Period(start, end), on) == D(adjustment)


def test_a_product_may_count_whole_months_or_wait_for_the_next_period() -> None:
    year = Period(date(2026, 2, 5), date(2027, 2, 5))

    assert pro_rata(D(0), D(1200), year, date(2026, 8, 1), method="MONTHS") == D("600.00")
    assert pro_rata(D(0), D(1200), year, date(2026, 8, 1), method="NONE") == D("0.00")


@given(
    first=MONEY,
    second=MONEY,
    day=st.integers(1, 364),
    start=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
)
def test_what_was_before_and_what_comes_after_add_up_to_the_charge(
    first: Decimal, second: Decimal, day: int, start: date
) -> None:
    period = Period(start, start + timedelta(days=365))
    on = start + timedelta(days=day)
    steps = [Step(start, first), Step(on, second)]

    charge = period_charge(period, steps)

    assert charge == first + pro_rata(first, second, period, on)
    assert min(first, second) <= charge <= max(first, second)


@given(steps=st.lists(st.tuples(st.integers(0, 30), MONEY), min_size=1, max_size=5))
def test_the_order_in_which_steps_are_told_does_not_matter(
    steps: list[tuple[int, Decimal]],
) -> None:
    start = date(2026, 3, 1)
    told = [Step(start + timedelta(days=days), amount) for days, amount in dict(steps).items()]
    period = Period(start, add_months(start, 1))

    assert period_charge(period, told) == period_charge(period, told[::-1])


def _refund(amount: str, start: date, end: date, on: date, **terms: object) -> Decimal:
    covered = _covered(D(amount), start, end, on)
    return cancellation_refund(
        [covered], charged=D(amount), owed=D(0), unapplied=D(0), **terms
    ).refund  # type: ignore[arg-type]


def _covered(
    amount: Decimal, start: date, end: date, on: date, given_up: Decimal = D(0)
) -> CoveredPeriod:
    earned = earned_charge(
        Period(start, end), [Step(start, amount)], on, whole_days=None, method="ACTUAL_DAYS"
    )
    return CoveredPeriod(amount, earned, given_up)


APRIL = date(2026, 4, 1)


def test_an_annual_premium_is_refunded_by_days() -> None:
    assert _refund("12000", APRIL, date(2027, 4, 1), date(2026, 9, 15)) == D("6509.59")


def test_a_short_rate_gives_a_part_of_it() -> None:
    given_back = _refund(
        "12000",
        APRIL,
        date(2027, 4, 1),
        date(2026, 9, 15),
        basis="SHORT_RATE",
        short_rate_per_cent=D(90),
    )
    assert given_back == D("5858.63")


def test_cooling_off_costs_the_days_of_cover_enjoyed() -> None:
    assert _refund("310", date(2026, 5, 1), date(2026, 6, 1), date(2026, 5, 21)) == D("110.00")


def test_a_month_is_refunded_from_the_day_after_the_last() -> None:
    assert _refund("310", date(2026, 6, 1), date(2026, 7, 1), date(2026, 6, 11)) == D("206.67")


def test_a_flat_basis_keeps_the_premium() -> None:
    assert _refund("310", date(2026, 6, 1), date(2026, 7, 1), date(2026, 6, 11), basis="FLAT") == 0


def test_an_unpaid_premium_is_owed_for_the_days_of_cover_only() -> None:
    unpaid = _covered(D(310), date(2026, 5, 1), date(2026, 6, 1), date(2026, 5, 21))

    outcome = cancellation_refund([unpaid], charged=D(310), owed=D(310), unapplied=D(0))

    assert (outcome.refund, outcome.arrears, outcome.credit) == (0, D("200.00"), D("110.00"))


def test_what_is_earned_follows_the_cover_day_by_day_to_its_end() -> None:
    month = Period(date(2026, 5, 1), date(2026, 6, 1))
    steps = [Step(month.start, D(305)), Step(date(2026, 5, 11), D(149))]

    def earned(day: int, method: str = "ACTUAL_DAYS") -> Decimal:
        return earned_charge(month, steps, date(2026, 5, day), whole_days=None, method=method)

    # 305.00 less 21/31 of what the decrease took off, less 18/31 of what was left.
    assert earned(14) == D("112.80")
    assert earned(1) == 0
    assert earned(11) == D("98.39")  # ten days at 305.00
    year = Period(date(2027, 6, 1), date(2028, 6, 1))
    kept = earned_charge(
        year,
        [Step(year.start, D("4944.81"))],
        date(2027, 9, 9),
        whole_days=None,
        method="ACTUAL_DAYS",
    )
    assert D("4944.81") - kept == D("3593.77")  # 100 of 366 days
    # A product whose changes cost from the next period on still ends by the day.
    assert earned(14, "NONE") == D("127.90")


@given(
    instalments=st.lists(st.tuples(st.integers(-10, 45), MONEY), max_size=4),
    first=MONEY,
    day=st.integers(-5, 40),
    whole_days=st.sampled_from([None, 31, 40]),
    method=st.sampled_from(["ACTUAL_DAYS", "MONTHS", "NONE"]),
)
def test_what_is_earned_is_nothing_at_the_start_the_charge_at_the_end_and_never_negative(
    instalments: list[tuple[int, Decimal]],
    first: Decimal,
    day: int,
    whole_days: int | None,
    method: str,
) -> None:
    period = Period(date(2026, 5, 1), date(2026, 6, 1))
    changes = [Step(period.start + timedelta(days=days), it) for days, it in instalments]
    steps = [Step(date(2026, 1, 1), first), *changes]
    stop = period.start + timedelta(days=day)

    earned = earned_charge(period, steps, stop, whole_days=whole_days, method=method)

    assert earned >= 0
    if stop <= period.start:
        assert earned == 0
    if stop >= period.end:
        assert earned == line_charge(period, steps, whole_days=whole_days, method=method)


@given(
    amount=MONEY,
    charged=MONEY,
    settled_share=st.integers(0, 100),
    waived_share=st.integers(0, 100),
    day=st.integers(0, 40),
    unapplied=MONEY,
    rate=st.integers(0, 100),
)
def test_a_refund_is_never_more_than_was_paid_and_nothing_is_lost(
    amount: Decimal,
    charged: Decimal,
    settled_share: int,
    waived_share: int,
    day: int,
    unapplied: Decimal,
    rate: int,
) -> None:
    start = date(2026, 5, 1)
    settled = (charged * settled_share / 100).quantize(D("0.01"))
    waived = (settled * waived_share / 100).quantize(D("0.01"))
    covered = _covered(amount, start, date(2026, 6, 1), start + timedelta(days=day), waived)

    found = cancellation_refund(
        [covered],
        charged=charged,
        owed=charged - settled,
        unapplied=unapplied,
        basis="SHORT_RATE",
        short_rate_per_cent=D(rate),
    )

    assert 0 <= found.refund <= settled - waived + unapplied
    assert found.credit + found.retained == found.unearned
    assert found.refund == 0 or found.arrears == 0
    assert found.credit == 0 or found.recharge == 0
    keeps = max(covered.earned + found.retained, waived)
    assert settled + unapplied - found.refund + found.arrears == keeps


@pytest.mark.parametrize(
    ("start", "due_day", "days"),
    [
        (date(2026, 1, 31), 31, ["01-31", "02-28", "03-31", "04-30"]),
        (date(2026, 2, 28), 31, ["02-28", "03-31", "04-30", "05-31"]),
        (date(2026, 4, 5), 25, ["04-05", "04-25", "05-25", "06-25"]),
        (date(2026, 4, 25), 5, ["04-25", "05-05", "06-05", "07-05"]),
    ],
)
def test_due_dates_are_counted_on_the_due_day(start: date, due_day: int, days: list[str]) -> None:
    lines = plan_lines(
        start,
        due_day=due_day,
        months=1,
        until=add_months(start, 12),
        expiry=None,
        steps=[Step(date(2020, 1, 1), D(310))],
    )

    assert [f"{one.period.start:%m-%d}" for one in lines[:4]] == days
    for one, following in zip(lines, lines[1:], strict=False):
        assert one.period.end == following.period.start


def test_a_bridge_to_a_new_due_day_costs_its_days() -> None:
    first, second, *_ = plan_lines(
        date(2026, 4, 5),
        due_day=25,
        months=1,
        until=date(2027, 4, 5),
        expiry=None,
        steps=[Step(date(2020, 1, 1), D(310))],
    )

    assert (first.amount, first.whole_days) == (D("200.00"), 31)
    assert (second.amount, second.whole_days) == (D(310), None)


def test_nothing_falls_due_at_or_after_the_expiry() -> None:
    lines = plan_lines(
        date(2026, 1, 1),
        due_day=1,
        months=1,
        until=date(2027, 1, 1),
        expiry=date(2026, 3, 1),
        steps=[Step(date(2020, 1, 1), D(310))],
    )

    assert [one.period.start for one in lines] == [date(2026, 1, 1), date(2026, 2, 1)]


def test_a_premium_that_would_outlive_the_term_costs_its_days_of_it() -> None:
    (line,) = plan_lines(
        date(2026, 2, 1),
        due_day=1,
        months=12,
        until=date(2027, 2, 1),
        expiry=date(2027, 1, 1),
        steps=[Step(date(2026, 1, 1), D("365.00"))],
    )

    # 334 of 365 days.
    assert (line.period.end, line.amount, line.whole_days) == (date(2027, 1, 1), D("334.00"), 365)


@given(
    start=st.dates(date(2026, 1, 1), date(2028, 12, 31)),
    due_day=st.integers(1, 31),
    months=st.sampled_from([1, 3, 6, 12]),
    term=st.integers(1, 800),
    changes=st.lists(st.tuples(st.integers(0, 800), MONEY), max_size=4),
)
def test_every_day_of_the_term_is_in_one_period_and_costs_its_share_of_it(
    start: date, due_day: int, months: int, term: int, changes: list[tuple[int, Decimal]]
) -> None:
    expiry = start + timedelta(days=term)
    steps = [Step(start, D("310.00"))]
    steps += [Step(start + timedelta(days=day), amount) for day, amount in dict(changes).items()]
    steps.sort(key=lambda step: step.on)

    lines = plan_lines(
        start, due_day=due_day, months=months, until=expiry, expiry=expiry, steps=steps
    )

    assert (lines[0].period.start, lines[-1].period.end) == (start, expiry)
    for one, following in pairwise(lines):
        assert one.period.end == following.period.start
    for line in lines:
        whole = line.whole_days or line.period.days
        by_day = D(0)
        for day in range(line.period.days):
            on = line.period.start + timedelta(days=day)
            by_day += next(step.instalment for step in reversed(steps) if step.on <= on) / whole
        assert abs(line.amount - by_day) <= D("0.005") * (len(steps) + 1)
