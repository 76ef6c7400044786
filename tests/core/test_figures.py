"""Which kept sums make up a span of days."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from insurance.core.figures import Grain, pieces

DAYS = st.dates(date(2023, 12, 1), date(2025, 3, 31))


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


@given(first=DAYS, last=DAYS)
def test_the_pieces_of_a_span_are_its_days_each_once_and_few(first: date, last: date) -> None:
    found = list(pieces(7, first, last))

    covered = [day for _place, _grain, start, end in found for day in _days(start, end)]
    assert covered == (_days(first, last) if first <= last else [])
    assert all(place == 7 for place, *_ in found)
    assert len(found) <= 3
    assert sum((end - start).days + 1 for _, grain, start, end in found if grain == Grain.DAY) <= 60


@given(first=DAYS, last=DAYS)
def test_a_piece_of_months_is_of_whole_ones(first: date, last: date) -> None:
    for _place, grain, start, end in pieces(0, first, last):
        if grain == Grain.MONTH:
            assert start.day == 1
            assert (end + timedelta(days=1)).day == 1


def test_the_last_month_of_the_calendar_has_pieces() -> None:
    last = date(9999, 12, 31)

    assert list(pieces(0, date(9999, 12, 1), last)) == [(0, "MONTH", date(9999, 12, 1), last)]
    assert list(pieces(0, date(9999, 12, 2), last)) == [(0, "DAY", date(9999, 12, 2), last)]
    assert list(pieces(0, date(1, 1, 1), last)) == [(0, "MONTH", date(1, 1, 1), last)]
