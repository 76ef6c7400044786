"""The month-end that is on its way."""

from collections.abc import Sequence
from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

from insurance.month_end import queries
from insurance.month_end.permissions import MonthEndMay
from insurance.web.filters import day
from insurance.web.home import HomeItem, HomeWork

_NEXT = {
    "PLANNING": "the plan is being made",
    "PLANNED": "planned: somebody else approves it",
    "APPROVED": "approved: apply it",
    "APPLYING": "is being applied",
    "FAILED": "failed",
}


def _running(session: Session, _now: datetime) -> Sequence[HomeItem]:
    run = queries.find_busy_run(session)
    if run is None:
        return []
    return [
        HomeItem(
            f"Month-end of {day(run.process_date)}",
            url_for("month_end.show", run_id=run.id),
            _NEXT.get(run.status, ""),
        )
    ]


HOME = (HomeWork("Month-end", MonthEndMay.VIEW, 80, "month_end.index", _running, {}),)
