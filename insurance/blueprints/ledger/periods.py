"""Which months are closed; closing and reopening them."""

from datetime import date, timedelta

from flask import Response, url_for
from wtforms import TextAreaField

from insurance.blueprints.ledger import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.ledger import queries
from insurance.ledger.periods import LONGEST_REASON, close_books, in_words, reopen_books
from insurance.ledger.permissions import LedgerMay
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import ChoiceField, Form, Required, TextField
from insurance.web.html import go, page, refuse

_MONTHS_OFFERED = 24
_NOTHING = "nothing"


class PeriodForm(Form):
    """A month's last day, and why."""

    through = ChoiceField("Closed up to and including", [Required("Choose a day.")])
    reason = TextField("Reason", [Required()], longest=LONGEST_REASON, widget=TextAreaField.widget)


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
    on, closed = business_day(), queries.closed_through(db.session())
    form = PeriodForm()
    ends = [end for end in _month_ends(on) if closed is None or end > closed]
    form.through.choices = [(end.isoformat(), in_words(end)) for end in ends]
    if form.validate_on_submit():
        through = date.fromisoformat(form.through.data)
        try:
            close_books(through, reason=form.reason.data or "", on=on, now=clock.now())
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for(".periods"), f"The books are closed to {in_words(through)}.")
    return _form_page("close", form, closed)


@bp.route("/periods/reopen", methods=["GET", "POST"])
@requires(LedgerMay.CLOSE)
def reopen() -> Response:
    """Say what will happen, and reopen."""
    closed = queries.closed_through(db.session())
    form = PeriodForm()
    form.through.choices = [
        *((end.isoformat(), in_words(end)) for end in (_month_ends(closed) if closed else ())),
        (_NOTHING, "Nothing stays closed"),
    ]
    if form.validate_on_submit():
        kept = form.through.data
        through = None if kept == _NOTHING else date.fromisoformat(kept)
        try:
            reopen_books(through, reason=form.reason.data or "", now=clock.now())
        except DomainError as error:
            refuse(form, error)
        else:
            left = f"closed to {in_words(through)}" if through else "open"
            return go(url_for(".periods"), f"The books are {left}.")
    return _form_page("reopen", form, closed)


def _form_page(action: str, form: PeriodForm, closed: date | None) -> Response:
    return page(
        "ledger/period.html",
        part="period_form",
        status=form.status,
        form=form,
        action=action,
        closed=closed,
    )


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
