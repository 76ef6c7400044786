"""The month-end that is on its way."""

from collections.abc import Sequence
from datetime import date, datetime

from flask import url_for
from sqlalchemy.orm import Session

from insurance.month_end import queries
from insurance.month_end.permissions import MonthEndMay
from insurance.web.filters import day, words
from insurance.web.home import DueToday, HomeItem, HomeWork, SetupStep

_NEXT = {
    "PLANNING": "the plan is being made",
    "PLANNED": "planned, to be approved by a second person",
    "APPROVED": "approved: apply it",
    "APPLYING": "is being applied",
    "FAILED": "failed",
}


def _running(session: Session, _now: datetime) -> Sequence[HomeItem]:
    run = queries.find_newest_run(session)
    return [_item(run, _NEXT[run.status])] if run and run.status in _NEXT else []


def _last(session: Session, _on: date) -> Sequence[HomeItem]:
    """Return the newest that is over; one on its way waits for somebody above."""
    run = queries.find_newest_run(session)
    return [_item(run, words(run.status))] if run and run.status not in _NEXT else []


def _item(run: queries.NewestRun, detail: str) -> HomeItem:
    url = url_for("month_end.show", month_end_run_id=run.id)
    return HomeItem(f"Month-end of {day(run.process_date)}", url, detail)


HOME = (HomeWork("Month-end", MonthEndMay.VIEW, 80, "month_end.index", _running, {}),)
TODAY = (DueToday(MonthEndMay.VIEW, 50, _last),)
SETUP = (
    SetupStep(
        "Enter the index",
        "Premiums that follow inflation rise by it. None of yours does? Leave it out.",
        MonthEndMay.RUN,
        45,
        "month_end.index_values",
        lambda session: bool(queries.load_index(session)),
    ),
)
