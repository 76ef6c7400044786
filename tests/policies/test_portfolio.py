"""The figures of the book: what commands count is what the policies add up to."""

from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from insurance.policies.queries import get_portfolio
from insurance.policies.services import suspend_policy
from tests.factories.lifecycle import at, sell

DAY = date(2026, 11, 20)


def test_the_book_is_counted_by_status_and_active_policies_by_class(session: Session) -> None:
    sell(DAY, premium="100.00")
    sell(DAY, premium="250.00")
    sell(DAY, premium="60.00", product_type="FUNERAL", max_sum_assured=Decimal(100_000))
    paused = sell(DAY, premium="75.00")
    with at(DAY) as now:
        suspend_policy(paused, reason="Abroad", on=DAY, now=now)

    book = get_portfolio(session)

    assert (book.policies, book.active_policies) == (4, 3)
    assert book.by_status == {"active": 3, "suspended": 1}
    assert book.monthly_premium == Decimal("410.00")
    assert book.cover == Decimal("300000.00")
    assert sum(book.by_class.values()) == 3
    assert book.by_class["FUNERAL"] == 1


def test_an_empty_book_is_nought(session: Session) -> None:
    book = get_portfolio(session)
    assert (book.policies, book.cover, book.by_class) == (0, Decimal(0), {})
