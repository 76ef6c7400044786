"""The first policy of a new organization, and policies that have their day today."""

from collections.abc import Sequence
from datetime import date

from flask import url_for
from sqlalchemy.orm import Session

from insurance.policies.permissions import PoliciesMay
from insurance.policies.portfolio_days import PoliciesOfToday, find_anniversaries
from insurance.policies.queries import get_portfolio
from insurance.quotes.permissions import QuotesMay
from insurance.web.filters import number
from insurance.web.home import DueToday, HomeItem, SetupStep


def _anniversaries(session: Session, on: date) -> Sequence[HomeItem]:
    going_on, ending = find_anniversaries(session, on)
    return [
        *_line(going_on, "anniversary", "anniversaries"),
        *_line(ending, "term ends: renew or expire", "terms end: renew or expire"),
    ]


def _line(policies: PoliciesOfToday, name: str, names: str) -> list[HomeItem]:
    """Return a line about policies, which leads to the one where there is one; nothing for none."""
    if not policies.count:
        return []
    more = policies.count - len(policies.first)
    numbers = ", ".join(policies.first) + (f" and {number(more)} more" if more else "")
    found = policies.first[0] if policies.count == 1 else None
    title = f"{number(policies.count)} {name if policies.count == 1 else names}"
    return [HomeItem(title, url_for("policies.index", q=found), numbers)]


SETUP = (
    SetupStep(
        "Issue the first policy",
        "Quote it, and accept the quote.",
        QuotesMay.CREATE,
        50,
        "quotes.create",
        lambda session: get_portfolio(session).policies > 0,
    ),
)
TODAY = (DueToday(PoliciesMay.VIEW, 10, _anniversaries),)
