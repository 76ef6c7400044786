"""Business numbers such as PL-2026-000001: per tenant, series and year, without gaps."""

import re
from datetime import date

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from insurance.core.db import TenantTable
from insurance.core.tenancy import current_org


class NumberSeries(TenantTable):
    """The last number used. The row stays locked until its user commits, so nothing is skipped."""

    __tablename__ = "number_series"

    series: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last_number: Mapped[int]


def next_number(session: Session, series: str, on: date) -> str:
    """Take the next number of a series, such as PL or QT, in the year of a business day."""
    return format_number(series, on.year, take_numbers(session, series, on.year, 1))


def take_numbers(session: Session, series: str, year: int, count: int) -> int:
    """Take several numbers at once and return the first of them."""
    wanted = insert(NumberSeries).values(
        org_id=current_org(), series=series, year=year, last_number=count
    )
    statement = wanted.on_conflict_do_update(
        index_elements=["org_id", "series", "year"],
        set_={"last_number": NumberSeries.last_number + count},
    ).returning(NumberSeries.last_number)
    return session.execute(statement).scalar_one() - count + 1


def format_number(series: str, year: int, number: int) -> str:
    """Return `PL-2026-000001`."""
    return f"{series}-{year}-{number:06d}"


_DIGITS = re.compile(r"(?:([0-9]{4})[-/])?([0-9]{1,6})", re.ASCII)


def numbers_meant(session: Session, series: str, typed: str) -> list[str]:
    """Return the numbers of a series that its digits may mean, of the newest year first.

    `40`, `000040` and `2026-40` mean PL-2026-000040, without a year also that of other years.
    """
    meant = _DIGITS.fullmatch(typed.strip())
    if meant is None:
        return []
    number = int(meant[2])
    if meant[1]:
        return [format_number(series, int(meant[1]), number)]
    years = session.scalars(
        select(NumberSeries.year)
        .where(
            NumberSeries.org_id == current_org(),
            NumberSeries.series == series,
            NumberSeries.last_number >= number,
        )
        .order_by(NumberSeries.year.desc())
    )
    return [format_number(series, year, number) for year in years]
