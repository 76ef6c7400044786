"""Asking for a month-end: the day, the steps, how many policies."""

from datetime import date, timedelta
from typing import Any

from flask import Response, url_for
from wtforms import BooleanField, SelectMultipleField

from insurance.blueprints.month_end import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.month_end import queries, services
from insurance.month_end.exports import step_in_words
from insurance.month_end.models import StepCode
from insurance.month_end.permissions import MonthEndMay
from insurance.month_end.rules import last_month_end
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.filters import day
from insurance.web.forms import DayField, Form, Required, WholeField

_STEPS = [(step.value, step_in_words(step)) for step in StepCode]
_USUAL = [step.value for step in StepCode if step is not StepCode.LAPSES]


class RunForm(Form):
    """What the run is to do."""

    process_date = DayField("Up to and with", [Required()])
    steps = SelectMultipleField(
        "Steps",
        choices=_STEPS,
        description="In this order. “Lapsed” ends policies whose grace has run out; without it they"
        " are only named.",
    )
    limit_policies = WholeField(
        "At most so many policies",
        description="Leave it out for the whole book. With a limit the month is not closed.",
    )
    close_month = BooleanField("Close the books of the month when no policy was left out")
    at_once = BooleanField("Apply the plan at once, without a second person")


@bp.route("/new", methods=["GET", "POST"])
@requires(MonthEndMay.RUN)
def create() -> Response:
    """Ask for a plan; nothing is changed by it."""
    on, setting = business_day(), queries.get_setting(db.session())
    form = RunForm(data={"process_date": _first_day(on), "steps": _USUAL})
    last = on + timedelta(days=setting.days_ahead)
    form.process_date.description = f"At the latest {day(last)}."
    back = url_for(".index")
    act = Act(
        "Plan a month-end",
        "Make the plan",
        back,
        [("Month-end", back)],
        says="A plan lists what would happen to every policy, before and after. Nothing is changed"
        " by it.",
        later=frozenset() if setting.may_apply_unapproved else frozenset({"at_once"}),
        leave="Cancel",
    )
    return act_screen(
        act,
        form,
        lambda: services.request_run(_wanted(form), on=on, now=clock.now()),
        "",
        then=lambda run: url_for(".show", month_end_run_id=run.id),
    )


def _first_day(on: date) -> date:
    """Return the month end that is meant: the coming one, or the last where it is still near."""
    last = last_month_end(on)
    if (on - last).days <= 10:
        return last
    first_of_next = (on.replace(day=1) + timedelta(days=32)).replace(day=1)
    return first_of_next - timedelta(days=1)


def _wanted(form: Any) -> services.WantedRun:
    return services.WantedRun(
        process_date=form.process_date.data,
        steps=frozenset(map(StepCode, form.steps.data or [])),
        dry_run=not form.at_once.data,
        limit_policies=form.limit_policies.data,
        close_month=bool(form.close_month.data),
    )
