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
    "PLANNED": "planned, to be approved by a second person",
    "APPROVED": "approved: apply it",
    "APPLYING": "is being applied",
    "FAILED": "failed",
}


def _running(session: Session, _now: datetime) -> Sequence[HomeItem]:
    newest = queries.list_runs(session, limit=1).items
    return [
        HomeItem(
            f"Month-end of {day(run.process_date)}",
            url_for("month_end.show", month_end_run_id=run.id),
            _NEXT[run.status],
        )
        for run in newest
        if run.status in _NEXT
    ]


HOME = (HomeWork("Month-end", MonthEndMay.VIEW, 80, "month_end.index", _running, {}),)
