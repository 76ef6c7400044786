"""The days on which nothing is debited: the official ones, and the tenant's own."""

from uuid import UUID

from flask import Response, request, url_for
from wtforms import BooleanField

from insurance.blueprints.debit_orders import bp
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.debit_orders import queries, services
from insurance.debit_orders.calendar import official_holidays
from insurance.debit_orders.permissions import DebitOrdersMay
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import DayField, Form, Required, TextField
from insurance.web.html import go, next_url, page, refuse

ROWS = 50


class HolidayForm(Form):
    """A day that differs from the official list."""

    day = DayField("Day", [Required()])
    name = TextField("Name", [Required()])
    is_working = BooleanField("Banks work on this official holiday")


class RemoveForm(Form):
    """The consent to take a day off the list."""


@bp.get("/holidays")
@requires(DebitOrdersMay.VIEW)
def holidays() -> Response:
    """List the tenant's own days and the official ones to the end of next year."""
    cursor = request.args.get("cursor")
    today = business_day()
    official = official_holidays(today.year, today.year + 1)
    found = queries.list_holidays(
        db.session(), limit=ROWS, after=queries.holiday_position(cursor) if cursor else None
    )
    return page(
        "debit_orders/holidays.html",
        own=found.items,
        official={day: name for day, name in official.items() if day >= today},
        next=next_url(found),
        first=url_for(".holidays"),
    )


@bp.route("/holidays/new", methods=["GET", "POST"])
@requires(DebitOrdersMay.EDIT)
def add_holiday() -> Response:
    """Add a day to the tenant's list."""
    form = HolidayForm()
    if form.validate_on_submit():
        assert form.day.data is not None
        try:
            services.add_holiday(
                form.day.data, name=form.name.data or "", is_working=bool(form.is_working.data)
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for(".holidays"), "The day was added.")
    return page("debit_orders/holiday.html", part="holiday_form", status=form.status, form=form)


@bp.route("/holidays/<uuid:holiday_id>/remove", methods=["GET", "POST"])
@requires(DebitOrdersMay.EDIT)
def remove_holiday(holiday_id: UUID) -> Response:
    """Ask, then take a day off the tenant's list."""
    holiday = queries.get_holiday(db.session(), holiday_id)
    form = RemoveForm()
    if form.validate_on_submit():
        services.remove_holiday(holiday_id)
        return go(url_for(".holidays"), f"{holiday.name} was removed.")
    return page(
        "debit_orders/remove_holiday.html",
        part="remove_form",
        status=form.status,
        form=form,
        holiday=holiday,
    )
