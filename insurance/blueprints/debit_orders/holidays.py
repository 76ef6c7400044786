"""The days on which nothing is debited: the official ones, and the tenant's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from flask import Response, url_for
from sqlalchemy.orm import Session
from wtforms import BooleanField

from insurance.blueprints.debit_orders import bp
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.debit_orders import queries, services
from insurance.debit_orders.calendar import official_holidays
from insurance.debit_orders.permissions import DebitOrdersMay
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.filters import day
from insurance.web.forms import DayField, Form, Required, SureForm, TextField


class HolidayForm(Form):
    """A day that differs from the official list."""

    day = DayField("Day", [Required()])
    name = TextField("Name", [Required()], description="Such as a day the bank announced.")
    is_working = BooleanField(
        "Banks work on this official holiday",
        description="Otherwise nothing is debited on the day.",
    )


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day that is on a list: the official one, or the tenant's own, which goes before it."""

    day: date
    name: str
    is_working: bool = False
    id: UUID | None = None


@bp.route("/holidays", methods=["GET", "POST"])
@requires(DebitOrdersMay.VIEW)
def holidays() -> Response:
    """List the tenant's own days and the official ones to the end of next year."""
    return lists.show(_HOLIDAYS)


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


def _rows(session: Session, narrowed: Mapping[str, Any]) -> list[Holiday]:
    """Return the days by date; of an official one that the tenant made its own, the tenant's."""
    today, whose = business_day(), narrowed.get("whose")
    own = lists.whole(queries.list_holidays)(session, {})
    days = {
        on: Holiday(on, name)
        for on, name in official_holidays(today.year, today.year + 1).items()
        if on >= today and whose != OWN
    }
    if whose != OFFICIAL:
        days |= {one.day: Holiday(one.day, one.name, one.is_working, one.id) for one in own}
    return [days[on] for on in sorted(days)]


def _acts(holiday: Holiday) -> list[lists.Cell]:
    if holiday.id is None or not current_actor().may(DebitOrdersMay.EDIT):
        return []
    url = url_for(".remove_holiday", holiday_id=holiday.id)
    says = f"Remove {holiday.name}"
    return [lists.Cell("Remove…", url, says=says, is_act=True, opens_beside=True)]


OWN, OFFICIAL = "own", "official"
_HOLIDAYS = lists.ListScreen(
    title="Holidays",
    caption="Days on which banks process nothing, by day",
    crumbs=[("Debit orders", "debit_orders.index")],
    rows_of=_rows,
    id_of=lambda holiday: holiday.day,
    tabs=lambda _: [
        lists.Tab("", "All"),
        lists.Tab(OWN, "Your own"),
        lists.Tab(OFFICIAL, "Official"),
    ],
    tab_name="whose",
    columns=lists.columns(
        "day: Day, day | weekday: Weekday | name: Name, wrapped, key | list: List, muted",
        "debits: Debits, key | acts: -",
        weekday=lambda holiday: f"{holiday.day:%A}",
        list=lambda holiday: "Your own" if holiday.id else "Official",
        debits=lambda holiday: "Processed" if holiday.is_working else "Not processed",
        acts=_acts,
    ),
    buttons=(lists.new_beside("New day", "debit_orders.add_holiday", DebitOrdersMay.EDIT),),
    empty=lists.Empty("There is no holiday", "Debits follow the official holidays."),
    none_in_tab="You have no days of your own",
    note="A holiday on a Sunday is observed on the Monday too.",
    rows=50,
)
