"""How a figure of the portfolio compares with the same day a month before, in words."""

from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from insurance.core.period import add_months
from insurance.policies.models import PortfolioDay
from insurance.policies.queries import Portfolio
from insurance.web.filters import day, money, number, percent

_TENTH = Decimal("0.1")


def month_before(on: date) -> date:
    """Return the day that today is compared with."""
    return add_months(on, -1)


def trends(
    portfolio: Portfolio, counts: dict[str, int], before: PortfolioDay | None
) -> dict[str, str]:
    """Return what became of each figure since a day, such as "12 more (3,1%) than 2026/11/01".

    Nothing where nothing is known of that day.
    """
    if before is None:
        return {}
    return {
        "active_policies": _said(portfolio.active_policies, before.active_policies, number, before),
        "monthly_premium": _said(portfolio.monthly_premium, before.monthly_premium, money, before),
        "cover": _said(portfolio.cover, before.cover, _rand, before),
        "customers": _said(counts["customers"], before.customers, number, before),
        "quotes": _said(counts["quotes"], before.quotes, number, before),
    }


def _said(
    now: Decimal | int, then: Decimal | int, printed: Callable[..., str], before: PortfolioDay
) -> str:
    difference, since = now - then, day(before.day)
    if not difference:
        return f"as on {since}"
    share = (
        f" ({percent((abs(Decimal(difference)) * 100 / then).quantize(_TENTH, ROUND_HALF_UP))})"
        if then
        else ""
    )
    arrow, word = ("↑", "more") if difference > 0 else ("↓", "less")
    return f"{arrow} {printed(abs(difference))} {word}{share} than on {since}"


def _rand(amount: Decimal) -> str:
    return money(amount, 0)
