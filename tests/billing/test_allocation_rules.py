"""Which premiums a receipt settles."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from insurance.billing.rules import OpenLine, allocate, may_settle, open_status

D = Decimal
SEPTEMBER = OpenLine(UUID(int=9), date(2026, 9, 1), D(100))
OCTOBER = OpenLine(UUID(int=10), date(2026, 10, 1), D(100))


def test_the_oldest_premium_is_settled_first() -> None:
    shares, credit = allocate(D(150), [SEPTEMBER, OCTOBER])

    assert [(one.line_id, one.amount) for one in shares] == [
        (SEPTEMBER.id, D(100)),
        (OCTOBER.id, D(50)),
    ]
    assert credit == 0


def test_the_named_premium_wins() -> None:
    shares, credit = allocate(D(250), [SEPTEMBER, OCTOBER], first=OCTOBER.id)

    assert [one.line_id for one in shares] == [OCTOBER.id, SEPTEMBER.id]
    assert credit == D(50)


@given(
    amount=st.decimals(min_value="0.01", max_value=10**7, places=2),
    owed=st.lists(st.decimals(min_value="0.01", max_value=10**5, places=2), max_size=8),
    named=st.integers(0, 10),
)
def test_shares_and_credit_add_up_and_no_premium_takes_more_than_it_owes(
    amount: Decimal, owed: list[Decimal], named: int
) -> None:
    lines = [OpenLine(UUID(int=n), date(2026, 1, 1), one) for n, one in enumerate(owed)]

    shares, credit = allocate(amount, lines, first=UUID(int=named))

    assert sum(one.amount for one in shares) + credit == amount
    assert all(0 < one.amount <= owed[one.line_id.int] for one in shares)
    assert credit == 0 or sum(one.amount for one in shares) == sum(owed)


def test_money_nobody_ear_marked_reaches_a_month_ahead() -> None:
    assert may_settle(date(2026, 12, 20), on=date(2026, 11, 20))
    assert not may_settle(date(2026, 12, 21), on=date(2026, 11, 20))


def test_a_premium_is_overdue_the_day_after_it_was_due() -> None:
    assert open_status(date(2026, 10, 4), on=date(2026, 10, 4)) == "PENDING"
    assert open_status(date(2026, 10, 4), on=date(2026, 10, 5)) == "OVERDUE"
