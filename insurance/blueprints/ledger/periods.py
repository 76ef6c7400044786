"""Which months are closed; closing and reopening them."""

from datetime import date, timedelta
from typing import Any

from flask import Response, url_for

from insurance.blueprints.ledger import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.ledger import queries
from insurance.ledger.periods import LONGEST_REASON, close_books, in_words, reopen_books
from insurance.ledger.permissions import LedgerMay
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.filters import day
from insurance.web.forms import ChoiceField, Form, Required, reason_field

_MONTHS_OFFERED = 24
_NOTHING = "nothing"


class PeriodForm(Form):
    """A month's last day, and why."""

    through = ChoiceField("Closed up to and including", [Required("Choose a day.")])
    reason = reason_field("Kept with the close and in the audit log.", longest=LONGEST_REASON)


@bp.route("/periods", methods=["GET", "POST"])
@requires(LedgerMay.VIEW)
def periods() -> Response:
    """Show what is closed and who closed and reopened it."""
    closed = queries.closed_through(db.session())
    return lists.show(_CLOSES, "ledger/periods.html", closed=closed)


@bp.route("/periods/close", methods=["GET", "POST"])
@requires(LedgerMay.CLOSE)
def close() -> Response:
    """Say what will happen, and close."""
    on, closed, form = business_day(), queries.closed_through(db.session()), PeriodForm()
    ends = [end for end in _month_ends(on) if closed is None or end > closed]
    form.through.choices = [(end.isoformat(), in_words(end)) for end in ends]

    def do() -> str:
        through = date.fromisoformat(form.through.data)
        close_books(through, reason=form.reason.data or "", on=on, now=clock.now())
        return f"The books are closed to {in_words(through)}."

    act = _on_months(
        closed,
        "Close months",
        "Close the books",
        "After closing, no payment, premium or correction is posted on or before the chosen day.",
    )
    return act_screen(act, form, do, str)


@bp.route("/periods/reopen", methods=["GET", "POST"])
@requires(LedgerMay.CLOSE)
def reopen() -> Response:
    """Say what will happen, and reopen."""
    closed, form = queries.closed_through(db.session()), PeriodForm()
    form.through.choices = [
        *((end.isoformat(), in_words(end)) for end in (_month_ends(closed) if closed else ())),
        (_NOTHING, "Nothing stays closed"),
    ]

    def do() -> str:
        kept = form.through.data
        through = None if kept == _NOTHING else date.fromisoformat(kept)
        reopen_books(through, reason=form.reason.data or "", now=clock.now())
        return f"The books are {f'closed to {in_words(through)}' if through else 'open'}."

    act = _on_months(
        closed,
        "Reopen months",
        "Reopen the books",
        "After reopening, postings after the chosen day are possible again and figures that were"
        " reported may change.",
        is_danger=True,
    )
    return act_screen(act, form, do, str)


def _on_months(closed: date | None, title: str, verb: str, effect: str, **more: Any) -> Act:
    back = url_for(".periods")
    crumbs = [("Trial balance", url_for(".trial_balance")), ("Closed months", back)]
    stands = f"The books are closed to {day(closed)}." if closed else "No month is closed."
    return Act(title, verb, back, crumbs, says=f"{stands} {effect}", leave="Cancel", **more)


def _month_ends(before: date) -> list[date]:
    """Return the last days of the months before a day's own, newest first."""
    ends: list[date] = []
    while len(ends) < _MONTHS_OFFERED:
        before = before.replace(day=1) - timedelta(days=1)
        ends.append(before)
    return ends


_CLOSES = lists.ListScreen(
    title="Closed months",
    crumbs=[("Trial balance", "ledger.trial_balance")],
    read=lambda session, wanted: queries.list_closes(
        session, limit=wanted.limit, cursor=wanted.cursor
    ),
    columns=lists.columns(
        "closed_at: When, moment | what: What | closed_through: Closed to, day, key",
        "closed_by: Who, person | reason: Reason, wrapped",
        what=lambda row: "Reopened" if row.reopens else "Closed",
        closed_through=lambda row: row.closed_through or lists.Cell(note="nothing"),
    ),
    empty=lists.Empty(
        "No month was closed yet",
        "Close a month once everything that belongs into it is posted.",
    ),
)
