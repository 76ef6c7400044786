"""Two bars a month."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from insurance.web.charts import HEIGHT, Figure, chart_months, chart_rows

D = Decimal
_AMOUNTS = st.decimals(D("-1000000"), D("100000000"), places=2)


def test_one_month_that_towers_over_the_others_does_not_flatten_them() -> None:
    amounts = {date(2026, month, 1): (D("100.00"), D("50.00")) for month in range(1, 12)}
    amounts[date(2026, 12, 1)] = (D("100.00"), D("9000.00"))

    chart = chart_months(amounts)

    assert chart is not None
    assert chart.top == D("120.000")
    assert chart.months[0].first.height > HEIGHT // 2
    assert chart.months[-1].second.is_broken
    assert not any(pair.first.is_broken for pair in chart.months)


def test_where_nothing_was_earned_or_claimed_there_is_no_chart() -> None:
    assert chart_months({}) is None
    assert chart_months({date(2026, 1, 1): (D("0.00"), D("-5.00"))}) is None


@given(st.lists(st.tuples(_AMOUNTS, _AMOUNTS), max_size=12))
def test_every_bar_stands_inside_the_chart_and_says_its_own_amount(
    pairs: list[tuple[D, D]],
) -> None:
    amounts = {date(2026, month, 1): pair for month, pair in enumerate(pairs, 1)}

    chart = chart_months(amounts)

    for pair in chart.months if chart else ():
        assert (pair.first.amount, pair.second.amount) == amounts[pair.month]
        for bar in (pair.first, pair.second):
            assert 0 <= bar.height <= HEIGHT
            assert bar.is_broken == (bar.amount > chart.top)  # type: ignore[union-attr]


def test_a_row_ten_times_as_long_is_broken_off_and_the_others_are_still_seen() -> None:
    figures = [Figure(name, (count, 0), "") for name, count in (("A", 9), ("B", 10), ("C", 500))]

    chart = chart_rows("C has most", "Bank", ("Paid", "Returned"), figures)

    assert chart is not None
    assert chart.top == 12
    assert [row.is_broken for row in chart.rows] == [False, False, True]
    assert [row.parts[0].width for row in chart.rows] == [75.0, 83.33, 100.0]


@given(st.lists(st.tuples(st.integers(-5, 10**9), st.integers(0, 10**9)), max_size=9))
def test_the_parts_of_a_row_follow_each_other_inside_the_width(
    pairs: list[tuple[int, int]],
) -> None:
    figures = [Figure(str(place), pair, "") for place, pair in enumerate(pairs)]

    chart = chart_rows("", "Age", ("First", "Second"), figures)

    assert (chart is None) == all(max(first, 0) + second == 0 for first, second in pairs)
    for row in chart.rows if chart else ():
        first, second = row.parts
        assert (first.left, second.left) == (0, first.width)
        assert second.left + second.width <= 100.02
