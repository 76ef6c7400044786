"""Deciding on a run: approve, apply, cancel, follow up."""

from collections.abc import Callable
from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.month_end import bp
from insurance.blueprints.month_end.show import ApproveForm, view_of
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.month_end import queries, services
from insurance.month_end.models import MonthEndRun, RunStatus
from insurance.month_end.permissions import MonthEndMay
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.filters import day, number
from insurance.web.forms import Form, SureForm
from insurance.web.html import go, page, refuse

Done = tuple[MonthEndRun, str | None]
"""The run to show after something was done, and what to say of it."""


@bp.post("/<uuid:month_end_run_id>/approve")
@requires(MonthEndMay.APPROVE)
def approve(month_end_run_id: UUID) -> Response:
    """Agree to a plan; who may run it can apply it in the same breath, once enough agreed."""
    queries.get_run(db.session(), month_end_run_id)
    form = ApproveForm()
    is_to_run = bool(request.form.get("apply")) and current_actor().may(MonthEndMay.RUN)

    def act() -> Done:
        run = services.approve_run(month_end_run_id, comment=form.comment.data, now=clock.now())
        if run.status is RunStatus.PLANNED:
            return run, "You agreed; the plan waits for somebody else to agree, too."
        return _apply(run.id) if is_to_run else run, "The plan was approved."

    return _act(month_end_run_id, form, act, "approve_form")


@bp.post("/<uuid:month_end_run_id>/apply")
@requires(MonthEndMay.RUN)
def apply(month_end_run_id: UUID) -> Response:
    """Apply exactly what the plan lists."""
    queries.get_run(db.session(), month_end_run_id)
    return _act(month_end_run_id, SureForm(), lambda: (_apply(month_end_run_id), None), "act_form")


@bp.route("/<uuid:month_end_run_id>/cancel", methods=["GET", "POST"])
@requires(MonthEndMay.RUN)
def cancel(month_end_run_id: UUID) -> Response:
    """Say what is done already, then stop after the chunks under way."""
    run, now = queries.get_run(db.session(), month_end_run_id), clock.now()
    says = "Nothing has been applied. The plan can be read but no more approved or applied."
    if run.started_at:
        progress = queries.get_progress(db.session(), run, now=now)
        says = (
            f"{number(progress.done)} of {number(progress.of)} policies are done. They stay done,"
            " and so does what is under way now. The others are left as they are; a new plan takes"
            " them up."
        )
    back, of_day = url_for(".show", month_end_run_id=run.id), day(run.process_date)
    act = Act(
        f"Cancel month-end {of_day}",
        "Cancel run",
        back,
        [("Month-end", url_for(".index")), (of_day, back)],
        says=says,
        leave="Keep it",
        is_danger=True,
    )
    return act_screen(
        act,
        SureForm(),
        lambda: services.cancel_run(month_end_run_id, now=now),
        "The run was cancelled.",
    )


@bp.post("/<uuid:month_end_run_id>/retry")
@requires(MonthEndMay.RUN)
def retry(month_end_run_id: UUID) -> Response:
    """Plan again what the run left out."""
    queries.get_run(db.session(), month_end_run_id)

    def act() -> Done:
        run = services.retry_run(month_end_run_id, on=business_day(), now=clock.now())
        return run, "What was left out is being planned again."

    return _act(month_end_run_id, SureForm(), act, "act_form")


def _apply(run_id: UUID) -> MonthEndRun:
    return services.apply_run(run_id, on=business_day(), now=clock.now())


def _act(run_id: UUID, form: Form, act: Callable[[], Done], name: str) -> Response:
    if form.validate_on_submit():
        try:
            run, message = act()
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for(".show", month_end_run_id=run.id), message)
    run = queries.get_run(db.session(), run_id)
    return page("month_end/show.html", status=form.status, form=form, **view_of(run) | {name: form})
