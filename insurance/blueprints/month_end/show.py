"""A run: its plan by step and product, how far it is, what it left out, what came of it."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.month_end import bp
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.core.money import total
from insurance.core.permissions import May
from insurance.month_end import queries
from insurance.month_end.exports import step_in_words
from insurance.month_end.models import MonthEndRun, PackKind, RunStatus, StepCode
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.exports import EXCEL
from insurance.web.forms import Form, TextField
from insurance.web.html import go, page, wants_part

SHOWN = 50
_STAGES = ("Choose", "Plan", "Approve", "Apply", "Result")
_STAGE = {
    RunStatus.PLANNING: 1,
    RunStatus.PLANNED: 2,
    RunStatus.APPROVED: 3,
    RunStatus.APPLYING: 3,
    RunStatus.COMPLETED: 4,
    RunStatus.COMPLETED_WITH_EXCEPTIONS: 4,
    RunStatus.CANCELLED: 4,
    RunStatus.FAILED: 4,
}


class ApproveForm(Form):
    """What the second person has to say."""

    comment = TextField("Comment", longest=500)


class ActForm(Form):
    """The consent to go on."""


@bp.get("/<uuid:month_end_run_id>")
@requires(May.MONTH_END_VIEW)
def show(month_end_run_id: UUID) -> Response:
    """Show a run; htmx asks for its progress until it is done."""
    run = queries.get_run(db.session(), month_end_run_id)
    if wants_part() and run.status not in queries.BUSY:
        return go(url_for(".show", month_end_run_id=run.id))
    return page("month_end/show.html", part="progress", **view_of(run))


def view_of(run: MonthEndRun) -> dict[str, Any]:
    """Return everything the page shows of a run."""
    session = db.session()
    progress = queries.get_progress(session, run, now=clock.now())
    lines = queries.list_totals(session, run)
    before = queries.find_last_completed(session, before=run.id)
    return {
        "run": run,
        "progress": progress,
        "is_busy": run.status in queries.BUSY,
        "stages": _STAGES,
        "stage": _STAGE[run.status],
        "steps": _by_step(lines, run, queries.list_totals(session, before) if before else []),
        "previous": before,
        "largest": max((one["planned"] for one in _by_step(lines, run, [])), default=1) or 1,
        "left_out": queries.list_exceptions(session, run.id, limit=SHOWN),
        "left_out_counts": queries.count_exceptions(session, run.id),
        "blocked": queries.list_effects(session, run.id, limit=SHOWN, blocked=True),
        "is_own": _is_own(run),
        "has_come": run.process_date <= business_day(),
        "may_apply_unapproved": queries.get_setting(session).may_apply_unapproved,
        "pack": queries.find_pack(session, run.id, PackKind.PDF),
        "follow_up": queries.find_follow_up(session, run.id),
        "approve_form": ApproveForm(),
        "act_form": ActForm(),
    }


def _by_step(
    lines: list[queries.TotalLine], run: MonthEndRun, previous: list[queries.TotalLine]
) -> list[dict[str, Any]]:
    found = []
    for step in (step for step in StepCode if step.value in run.steps):
        some = [one for one in lines if one.step is step]
        was = [one for one in previous if one.step is step]
        found.append(
            {
                "step": step,
                "name": step_in_words(step),
                "planned": sum(one.planned for one in some),
                "amount": total(one.amount for one in some),
                "done": sum(one.done for one in some),
                "products": some,
                "was": sum(one.planned for one in was),
                "was_amount": total(one.amount for one in was),
            }
        )
    return found


def _is_own(run: MonthEndRun) -> bool:
    actor = current_actor()
    return actor.email == run.requested_by or (
        actor.user_id is not None and actor.user_id == run.requested_by_id
    )


@bp.get("/<uuid:month_end_run_id>/pack/<kind>")
@requires(May.MONTH_END_VIEW)
def pack(month_end_run_id: UUID, kind: str) -> Response:
    """Send the pack of a run, as it was kept when the run ended."""
    session = db.session()
    run = queries.get_run(session, month_end_run_id)
    found = queries.find_pack(session, run.id, PackKind(kind)) if kind in set(PackKind) else None
    if found is None:
        raise NotFoundError("The pack is not there.")
    response = Response(
        found.content, mimetype="application/pdf" if found.kind is PackKind.PDF else EXCEL
    )
    name = f"month-end-{run.process_date}.{found.kind.value}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "no-store"
    return response


def step_asked() -> StepCode | None:
    """Return the step that the address names."""
    chosen = request.args.get("step", "")
    return StepCode(chosen) if chosen in set(StepCode) else None
