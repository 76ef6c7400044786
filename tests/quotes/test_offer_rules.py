"""Whether what was offered still holds."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from insurance.core.errors import ConflictError, DomainError
from insurance.quotes.rules import (
    check_can_be_accepted,
    check_posted_premium,
    start_of_policy,
)

EXPIRES = date(2026, 12, 21)


def test_a_posted_premium_that_differs_is_refused_with_both_figures() -> None:
    with pytest.raises(DomainError) as refusal:
        check_posted_premium(Decimal("260.00"), Decimal("310.00"))

    assert refusal.value.status == 422
    assert refusal.value.field == "monthly_premium"
    assert refusal.value.message == ("The premium is R\u00a0310,00 a month, not R\u00a0260,00.")


@pytest.mark.parametrize("posted", [None, Decimal("310"), Decimal("310.00")])
def test_a_posted_premium_that_agrees_is_fine(posted: Decimal | None) -> None:
    check_posted_premium(posted, Decimal("310.00"))


@pytest.mark.parametrize("version_status", ["launched", "superseded"])
def test_a_quote_may_be_accepted_to_the_end_of_its_last_day(version_status: str) -> None:
    check_can_be_accepted("quoted", EXPIRES, "launched", version_status, EXPIRES)


@pytest.mark.parametrize(
    ("status", "product_status", "version_status", "on", "reason"),
    [
        ("accepted", "launched", "launched", EXPIRES, "already been accepted"),
        ("declined", "launched", "launched", EXPIRES, "declined quote cannot"),
        ("quoted", "launched", "launched", date(2026, 12, 22), "expired on 2026/12/21. Re-price"),
        ("quoted", "withdrawn", "withdrawn", EXPIRES, "withdrawn"),
        ("quoted", "withdrawn", "superseded", EXPIRES, "withdrawn"),
        ("quoted", "launched", "withdrawn", EXPIRES, "withdrawn"),
    ],
)
def test_a_quote_that_is_no_longer_open_conflicts(
    status: str, product_status: str, version_status: str, on: date, reason: str
) -> None:
    with pytest.raises(ConflictError, match=reason):
        check_can_be_accepted(status, EXPIRES, product_status, version_status, on)


TODAY = date(2026, 11, 30)


@pytest.mark.parametrize("days", [-30, -1, 0, 1, 200])
def test_the_start_that_a_quote_states_is_the_start_of_the_policy(days: int) -> None:
    stated = TODAY + timedelta(days=days)

    assert start_of_policy(stated, None, TODAY, backdating_limit_days=30) == stated
    assert start_of_policy(stated, stated, TODAY, backdating_limit_days=30) == stated


def test_a_start_that_can_no_longer_be_met_is_refused_and_never_moved() -> None:
    with pytest.raises(DomainError, match="2026/10/30 can no longer be given") as refusal:
        start_of_policy(date(2026, 10, 30), None, TODAY, backdating_limit_days=30)

    assert refusal.value.field == "effective_date"


def test_a_quote_for_one_day_is_not_accepted_for_another() -> None:
    with pytest.raises(DomainError, match="Price it again for another day") as refusal:
        start_of_policy(TODAY, date(2026, 12, 5), TODAY, backdating_limit_days=30)

    assert refusal.value.field == "effective_date"


def test_a_quote_that_states_no_start_begins_when_it_is_accepted() -> None:
    assert start_of_policy(None, None, TODAY, backdating_limit_days=30) == TODAY
    chosen = date(2026, 12, 5)
    assert start_of_policy(None, chosen, TODAY, backdating_limit_days=30) == chosen
