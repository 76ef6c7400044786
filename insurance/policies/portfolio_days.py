"""How the book stood day by day, and what of it has its day today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from insurance.core.counts import get_counts
from insurance.core.db import transaction
from insurance.core.period import add_months
from insurance.core.reading import read_rows
from insurance.core.tenancy import current_org
from insurance.policies.models import PortfolioDay
from insurance.policies.queries import get_portfolio

_LONGEST_COVER = 80
"""Years: nobody has been insured for longer."""
_AT_MOST_BEFORE = timedelta(days=7)
"""A day on which nothing ran is stood for by one of the week before it."""
_ANNIVERSARIES = """
    SELECT coalesce(expiry_date <= %(on)s, false) AS ends, count(*),
           (array_agg(policy_number ORDER BY id))[1:3]
    FROM ins.policies
    WHERE org_id = %(org)s AND effective_date = ANY(%(days)s)
      AND status IN ('active', 'suspended')
    GROUP BY 1"""


@dataclass(frozen=True, slots=True)
class PoliciesOfToday:
    """How many policies have something today, and the numbers of the first of them."""

    count: int = 0
    first: Sequence[str] = ()


def keep_portfolio_day(*, on: date, now: datetime) -> None:
    """Note how the book stands on a business day; the last time on a day is what stays of it."""
    with transaction() as session:
        portfolio, counts = get_portfolio(session), get_counts(session, ("customers", "quotes"))
        values = {
            "active_policies": portfolio.active_policies,
            "monthly_premium": portfolio.monthly_premium,
            "cover": portfolio.cover,
            "customers": counts["customers"],
            "quotes": counts["quotes"],
            "taken_at": now,
        }
        noted = insert(PortfolioDay).values(org_id=current_org(), day=on, **values)
        session.execute(noted.on_conflict_do_update(index_elements=["org_id", "day"], set_=values))


def find_portfolio_day(session: Session, day: date) -> PortfolioDay | None:
    """Return how the book stood on a day, or shortly before where nothing is known of it."""
    return session.scalars(
        select(PortfolioDay)
        .where(
            PortfolioDay.org_id == current_org(),
            PortfolioDay.day <= day,
            PortfolioDay.day >= day - _AT_MOST_BEFORE,
        )
        .order_by(PortfolioDay.day.desc())
        .limit(1)
    ).one_or_none()


def find_anniversaries(session: Session, on: date) -> tuple[PoliciesOfToday, PoliciesOfToday]:
    """Return the policies whose anniversary a day is, and those whose term ends with it."""
    values = {"org": current_org(), "on": on, "days": _starts(on)}
    found = {
        ends: PoliciesOfToday(count, tuple(numbers))
        for ends, count, numbers in read_rows(session, _ANNIVERSARIES, values)
    }
    return found.get(False, PoliciesOfToday()), found.get(True, PoliciesOfToday())


def _starts(on: date) -> list[date]:
    """Return the days of which a day is an anniversary; 28 February is also that of the 29th."""
    found = []
    for years in range(1, _LONGEST_COVER):
        start = add_months(on, -12 * years)
        found += [
            day for day in (start, start + timedelta(days=1)) if add_months(day, 12 * years) == on
        ]
    return found
