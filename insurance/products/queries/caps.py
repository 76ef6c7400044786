"""The caps on funeral cover, as in force on a day."""

from bisect import bisect_right
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core.errors import NotFoundError
from insurance.organizations.models import DatedParameter
from insurance.products.rules import FuneralCaps

_EVERY = "funeral_cover_cap"
_UNDER_6 = "funeral_cover_cap_under_6"
_UNDER_14 = "funeral_cover_cap_under_14"


def funeral_caps_over_time(session: Session) -> Callable[[date], FuneralCaps]:
    """Return what looks the caps up, read once for many days.

    Before there were caps on children a child had that of every life. Raises NotFoundError for a
    day before the first cap of all.
    """
    rows = session.execute(
        select(DatedParameter.code, DatedParameter.valid_from, DatedParameter.value)
        .where(DatedParameter.code.in_([_EVERY, _UNDER_6, _UNDER_14]))
        .order_by(DatedParameter.valid_from)
    ).all()

    def value(code: str, on: date) -> Decimal | None:
        of_code = [(start, amount) for name, start, amount in rows if name == code]
        at = bisect_right([start for start, _amount in of_code], on)
        return of_code[at - 1][1] if at else None

    def caps(on: date) -> FuneralCaps:
        every = value(_EVERY, on)
        if every is None:
            raise NotFoundError(f"There is no {_EVERY} on {on}.")
        return FuneralCaps(value(_UNDER_6, on) or every, value(_UNDER_14, on) or every, every)

    return caps
