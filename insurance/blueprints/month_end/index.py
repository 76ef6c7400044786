"""The list of month-end runs, newest first."""

from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from insurance.blueprints.month_end import bp
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.core.paging import Page
from insurance.ledger.queries import closed_through
from insurance.month_end import queries
from insurance.month_end.models import MonthEndRun
from insurance.month_end.permissions import MonthEndMay
from insurance.organizations.permissions import SettingsMay
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.filters import number
from insurance.web.people import know_people, person


class _Row(NamedTuple):
    """A run, and whether a later one did its work."""

    run: MonthEndRun
    is_superseded: bool

    @property
    def id(self) -> UUID:
        """Return the run's id."""
        return self.run.id


@bp.route("", methods=["GET", "POST"])
@requires(MonthEndMay.VIEW)
def index() -> Response:
    """List runs, and say what month is done and closed."""
    session = db.session()
    busy = queries.find_busy_run(session)
    know_people([busy.requested_by] if busy else ())
    plan = lists.new_beside("Plan a month-end", "month_end.create", MonthEndMay.RUN)
    return lists.show(
        _RUNS if busy else replace(_RUNS, buttons=(*_RUNS.buttons, plan)),
        "month_end/index.html",
        busy=busy,
        busy_by=person(busy.requested_by) if busy else "",
        done=queries.find_last_completed(session),
        closed=closed_through(session),
    )


def _read(session: Session, wanted: Wanted) -> Page[_Row]:
    found = queries.list_runs(session, limit=wanted.limit, after=wanted.after())
    superseded = queries.find_superseding(session, found.items)
    return Page([_Row(run, run.id in superseded) for run in found.items], found.next_cursor)


def _day(row: _Row) -> lists.Cell:
    return lists.Cell(row.run.process_date, note="follow-up" if row.run.follows_id else "")


def _policies(row: _Row) -> lists.Cell:
    run = row.run
    return lists.Cell(
        run.policies, note=f"of {number(run.book)}" if run.policies != run.book else ""
    )


_RUNS = lists.ListScreen(
    title="Month-end",
    read=_read,
    record=("month_end.show", "month_end_run_id"),
    columns=lists.columns(
        "process_date: Up to, day | status: Status, tag, key | policies: Policies, number",
        "run.requested_by: Asked for by, person | run.requested_at: Asked for, moment",
        "run.approved_by: Approved by, person | run.finished_at: Ended, moment",
        process_date=_day,
        status=lambda row: "superseded" if row.is_superseded else row.run.status,
        policies=_policies,
    ),
    buttons=(
        lists.Button("Escalation rates", "month_end.escalations", icon="chart-bar"),
        lists.Button("Index tables", "month_end.index_values", icon="table"),
        lists.Button("Settings", "month_end.settings", SettingsMay.EDIT, "settings"),
    ),
    empty=lists.Empty(
        "There has been no month-end yet",
        "A month-end is planned first. Nothing changes before a second person has approved the"
        " plan.",
        "Plan the first one",
    ),
)
