"""The days on which South African banks process nothing, for one tenant.

The official holidays are core's, ad-hoc ones included where its list knows them; a tenant's own
list closes or opens single days on top. Weekends are not in the set: ask
`core.business_days.is_business_day` with it.
"""

from datetime import date

from holidays import country_holidays
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core.business_days import public_holidays
from insurance.core.tenancy import current_org
from insurance.debit_orders.models import TenantHoliday


def business_holidays(session: Session, year_from: int, year_to: int) -> frozenset[date]:
    """Return the holidays of some years, both included, for the organization in scope."""
    own = session.execute(
        select(TenantHoliday.day, TenantHoliday.is_working).where(
            TenantHoliday.org_id == current_org(),
            TenantHoliday.day.between(date(year_from, 1, 1), date(year_to, 12, 31)),
        )
    ).all()
    worked = {day for day, is_working in own if is_working}
    closed = {day for day, is_working in own if not is_working}
    return (public_holidays(year_from, year_to) - worked) | closed


def official_holidays(first_year: int, last_year: int) -> dict[date, str]:
    """Return the official holidays of some years with their names, in order."""
    return dict(sorted(country_holidays("ZA", years=range(first_year, last_year + 1)).items()))
