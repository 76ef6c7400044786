"""The days on which nothing is debited: the official ones, and the tenant's own."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from wtforms import BooleanField

from insurance.blueprints.debit_orders import bp
from insurance.core.db import db
from insurance.debit_orders import queries, services
from insurance.debit_orders.calendar import official_holidays
from insurance.debit_orders.permissions import DebitOrdersMay
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.filters import day
from insurance.web.forms import DayField, Form, Required, SureForm, TextField
from insurance.web.html import next_url, page

ROWS = 50


class HolidayForm(Form):
    """A day that differs from the official list."""

    day = DayField("Day", [Required()])
    name = TextField("Name", [Required()], description="Such as a day the bank announced.")
    is_working = BooleanField(
        "Banks work on this official holiday",
        description="Otherwise nothing is debited on the day.",
    )


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
        official={on: name for on, name in official.items() if on >= today},
        next=next_url(found),
        first=url_for(".holidays"),
    )


@bp.route("/holidays/new", methods=["GET", "POST"])
@requires(DebitOrdersMay.EDIT)
def add_holiday() -> Response:
    """Add a day to the tenant's list."""
    form = HolidayForm()

    def add() -> None:
        assert form.day.data is not None
        services.add_holiday(
            form.day.data, name=form.name.data or "", is_working=bool(form.is_working.data)
        )

    return act_screen(_on_holidays("New day", "Add day"), form, add, "The day was added.")


@bp.route("/holidays/<uuid:holiday_id>/remove", methods=["GET", "POST"])
@requires(DebitOrdersMay.EDIT)
def remove_holiday(holiday_id: UUID) -> Response:
    """Ask, then take a day off the tenant's list."""
    holiday = queries.get_holiday(db.session(), holiday_id)
    act = _on_holidays(
        f"Remove {holiday.name}",
        "Remove day",
        says=f"{day(holiday.day)} follows the official holidays again. Runs already prepared do not"
        " move.",
        is_danger=True,
    )
    return act_screen(
        act,
        SureForm(),
        lambda: services.remove_holiday(holiday_id),
        f"{holiday.name} was removed.",
    )


def _on_holidays(title: str, verb: str, **more: Any) -> Act:
    back = url_for(".holidays")
    return Act(title, verb, back, [("Debit orders", url_for(".index")), ("Holidays", back)], **more)
