"""Whether what was offered still holds."""

from datetime import date
from decimal import Decimal

import pytest

from insurance.core.errors import ConflictError, DomainError
from insurance.quotes.rules import check_can_be_accepted, check_posted_premium

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
    check_can_be_accepted("quoted", EXPIRES, version_status, EXPIRES)


@pytest.mark.parametrize(
    ("status", "version_status", "on", "reason"),
    [
        ("accepted", "launched", EXPIRES, "already been accepted"),
        ("declined", "launched", EXPIRES, "declined quote cannot"),
        ("quoted", "launched", date(2026, 12, 22), "expired on 2026/12/21. Re-price"),
        ("quoted", "withdrawn", EXPIRES, "withdrawn"),
    ],
)
def test_a_quote_that_is_no_longer_open_conflicts(
    status: str, version_status: str, on: date, reason: str
) -> None:
    with pytest.raises(ConflictError, match=reason):
        check_can_be_accepted(status, EXPIRES, version_status, on)
