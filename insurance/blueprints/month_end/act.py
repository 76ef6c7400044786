"""Deciding on a run: approve, apply, cancel, follow up."""

from collections.abc import Callable
from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.month_end import bp
from insurance.blueprints.month_end.show import ActForm, ApproveForm, view_of
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.month_end import queries, services
from insurance.month_end.models import MonthEndRun, RunStatus
from insurance.month_end.permissions import MonthEndMay
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import Form
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
    return _act(month_end_run_id, ActForm(), lambda: (_apply(month_end_run_id), None), "act_form")


@bp.route("/<uuid:month_end_run_id>/cancel", methods=["GET", "POST"])
@requires(MonthEndMay.RUN)
def cancel(month_end_run_id: UUID) -> Response:
    """Say what is done already, then stop after the chunks under way."""
    run = queries.get_run(db.session(), month_end_run_id)
    form = ActForm()
    if form.validate_on_submit():
        try:
            services.cancel_run(month_end_run_id, now=clock.now())
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for(".show", month_end_run_id=run.id), "The run was cancelled.")
    return page(
        "month_end/cancel.html",
        part="cancel_form",
        status=form.status,
        form=form,
        run=run,
        progress=queries.get_progress(db.session(), run, now=clock.now()),
    )


@bp.post("/<uuid:month_end_run_id>/retry")
@requires(MonthEndMay.RUN)
def retry(month_end_run_id: UUID) -> Response:
    """Plan again what the run left out."""
    queries.get_run(db.session(), month_end_run_id)

    def act() -> Done:
        run = services.retry_run(month_end_run_id, on=business_day(), now=clock.now())
        return run, "What was left out is being planned again."

    return _act(month_end_run_id, ActForm(), act, "act_form")


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
