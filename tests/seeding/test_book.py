"""A large book is as true as one that clerks captured."""

from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.core.counts import get_counts
from insurance.core.errors import DomainError
from insurance.policies.queries import get_portfolio, list_policies
from insurance.policies.replay import find_differences
from insurance.seeding.book import seed_book
from tests.factories.book import make_product


def test_a_book_needs_a_product_on_sale(session: Session) -> None:
    with pytest.raises(DomainError, match="Launch a product first"):
        seed_book(10)


def test_the_history_of_a_seeded_book_gives_its_present(session: Session) -> None:
    make_product()

    assert seed_book(1_200) == 1_200

    assert find_differences() == (1_200, [])
    portfolio = get_portfolio(session)
    assert (portfolio.policies, portfolio.monthly_premium) == (1_200, Decimal("120000.00"))
    assert get_counts(session, ["customers"]) == {"customers": 1_200}
    assert list_policies(session, limit=1).items[0].policy.policy_number == "PL-2026-001200"


@pytest.mark.parametrize("column", ["premium", "instalment"])
def test_replay_names_a_policy_whose_row_was_changed_behind_its_history(
    session: Session, column: str
) -> None:
    make_product()
    seed_book(3)
    session.execute(
        text(f"UPDATE ins.policies SET {column} = 1 WHERE policy_number = 'PL-2026-000002'")
    )

    _checked, differences = find_differences()

    assert any("PL-2026-000002" in found and column in found for found in differences)
    session.rollback()
