"""Preparing a run: a day, what it would hold and leave out, then the run."""

from datetime import date, timedelta

from flask import Response, request, url_for

from insurance.blueprints.debit_orders import bp
from insurance.core import clock
from insurance.core.business_days import is_business_day
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.debit_orders import services
from insurance.debit_orders.calendar import business_holidays
from insurance.debit_orders.permissions import DebitOrdersMay
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import DayField, Form, Required
from insurance.web.html import go, page, refuse


class RunForm(Form):
    """The day of the debits, and how far to look back."""

    action_date = DayField("Action date", [Required()])
    since = DayField("Also take premiums missed since")


class PrepareForm(RunForm):
    """The same, to make the run."""


@bp.get("/prepare")
@requires(DebitOrdersMay.EDIT)
def prepare() -> Response:
    """Show what a run on a day would hold and leave out."""
    on, preview = business_day(), None
    if not request.args.get("action_date"):
        first = {"action_date": _next_business_day(on)}
        return _page(RunForm(formdata=None, data=first, meta={"csrf": False}))
    form = RunForm(request.args, meta={"csrf": False})
    if form.validate():
        assert form.action_date.data is not None
        try:
            preview = services.preview_run(
                db.session(), form.action_date.data, on=on, since=form.since.data
            )
        except DomainError as error:
            refuse(form, error)
    return _page(form, preview)


@bp.post("/prepare")
@requires(DebitOrdersMay.EDIT)
def prepare_run() -> Response:
    """Make the run that was shown."""
    form = PrepareForm()
    if form.validate_on_submit():
        assert form.action_date.data is not None
        try:
            run = services.prepare_run(
                form.action_date.data,
                on=business_day(),
                now=clock.now(),
                since=form.since.data,
            )
        except DomainError as error:
            refuse(form, error)
        else:
            message = f"{run.number} was prepared. Somebody else must release it."
            return go(url_for(".show", run_id=run.id), message)
    return _page(form)


def _page(form: RunForm, preview: services.RunPreview | None = None) -> Response:
    return page(
        "debit_orders/prepare.html",
        status=form.status,
        form=form,
        preview=preview,
        consent=PrepareForm(formdata=None) if preview else None,
    )


def _next_business_day(on: date) -> date:
    holidays = business_holidays(db.session(), on.year, on.year + 1)
    day = on + timedelta(days=1)
    while not is_business_day(day, holidays):
        day += timedelta(days=1)
    return day
