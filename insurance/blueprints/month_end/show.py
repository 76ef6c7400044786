"""A run: its plan by step and product, how far it is, what it left out, what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, request, url_for

from insurance.approvals.permissions import ApprovalsMay
from insurance.approvals.queries import agreements_of
from insurance.approvals.services import standing_to_agree
from insurance.blueprints.month_end import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import ConflictError, ForbiddenError, NotFoundError
from insurance.core.money import total
from insurance.month_end import queries, services
from insurance.month_end.exports import step_in_words
from insurance.month_end.models import MonthEndRun, PackKind, RunStatus, StepCode
from insurance.month_end.permissions import MonthEndMay
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.exports import EXCEL
from insurance.web.filters import roles_in_words
from insurance.web.forms import Form, SureForm, TextField
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
    RunStatus.FAILED: 4,
}


class ApproveForm(Form):
    """What the second person has to say."""

    comment = TextField("Comment", longest=500)


@bp.get("/<uuid:month_end_run_id>")
@requires(MonthEndMay.VIEW)
def show(month_end_run_id: UUID) -> Response:
    """Show a run; htmx asks for its progress until it is done."""
    run = queries.get_run(db.session(), month_end_run_id)
    if wants_part() and run.status not in queries.BUSY:
        return go(url_for(".show", month_end_run_id=run.id))
    return page("month_end/show.html", part="progress", **view_of(run))


def view_of(run: MonthEndRun) -> dict[str, Any]:
    """Return everything the page shows of a run."""
    session = db.session()
    is_busy = run.status in queries.BUSY
    before = None if is_busy else queries.find_run_to_compare(session, run)
    steps = _by_step(
        run,
        queries.list_totals(session, run),
        queries.list_totals(session, before) if before else [],
    )
    return {
        "run": run,
        "progress": queries.get_progress(session, run, now=clock.now()),
        "is_busy": is_busy,
        "stages": _STAGES,
        "stage": _stage_of(run),
        "steps": steps,
        "previous": before,
        "most": max((max(step.planned, step.was) for step in steps), default=0),
        **({} if is_busy else _found(run)),
        "approve_form": ApproveForm(),
        "act_form": SureForm(),
    }


def _stage_of(run: MonthEndRun) -> int:
    """Return the place of a run's stage; a plan that was cancelled stays where it stopped."""
    if run.status is not RunStatus.CANCELLED:
        return _STAGE[run.status]
    if run.started_at:
        return 4
    return 3 if run.approved_at else 2 if run.planned_at else 1


def _found(run: MonthEndRun) -> dict[str, Any]:
    """Return what a plan or a result asks people to look at."""
    session = db.session()
    return {
        "left_out": queries.list_exceptions(session, run.id, limit=SHOWN),
        "left_out_counts": queries.count_exceptions(session, run.id),
        "blocked": queries.list_effects(session, run.id, limit=SHOWN, blocked=True),
        **_approval_of(run),
        "superseded_by": queries.find_superseding(session, [run]).get(run.id),
        "has_come": run.process_date <= business_day(),
        "may_apply_unapproved": queries.get_setting(session).may_apply_unapproved,
        "pack": queries.find_pack(session, run.id, PackKind.PDF),
        "follow_up": queries.find_follow_up(session, run.id),
    }


def _approval_of(run: MonthEndRun) -> dict[str, Any]:
    """Return what waits for approval of a plan, who agreed and may, and why the reader may not."""
    session, now = db.session(), clock.now()
    asked = services.find_request(session, run.id, now)
    refusal = ""
    if asked is not None:
        try:
            standing_to_agree(session, asked, now=now)
        except (ForbiddenError, ConflictError) as error:
            refusal = error.message
    return {
        "asked": asked,
        "agreed": agreements_of(session, [asked])[asked.id] if asked else [],
        "refusal": refusal,
        "approvers": roles_in_words(ApprovalsMay.DECIDE, MonthEndMay.APPROVE),
    }


@dataclass(frozen=True, slots=True)
class Compared:
    """What a step or a product of it comes to, beside the month before."""

    name: str
    step: StepCode
    product_id: UUID | None
    planned: int
    amount: Decimal
    done: int
    was: int
    was_amount: Decimal
    products: Sequence["Compared"] = ()

    @property
    def most(self) -> Decimal:
        """Return the larger of the two amounts, for bars beside each other."""
        return max(abs(self.amount), abs(self.was_amount))

    @property
    def most_policies(self) -> int:
        """Return the most policies of a product in either month."""
        return max((max(product.planned, product.was) for product in self.products), default=0)

    @property
    def is_of_book(self) -> bool:
        """Tell whether it is found policy by policy, and not by a list at the end of planning."""
        return self.step not in (StepCode.EXPIRIES, StepCode.LAPSE_CANDIDATES, StepCode.LAPSES)


def _by_step(
    run: MonthEndRun,
    lines: Sequence[queries.TotalLine],
    previous: Sequence[queries.TotalLine],
) -> list[Compared]:
    found = []
    for step in (step for step in StepCode if step.value in run.steps):
        now = [line for line in lines if line.step is step]
        then = [one for one in previous if one.step is step]
        products = {one.product_id: one.product_name for one in [*now, *then]}
        compared = [
            _compared(name, step, product_id, now, then)
            for product_id, name in sorted(products.items(), key=lambda one: one[1])
        ]
        found.append(_compared(step_in_words(step), step, None, now, then, compared))
    return found


def _compared(
    name: str,
    step: StepCode,
    product_id: UUID | None,
    now: Sequence[queries.TotalLine],
    then: Sequence[queries.TotalLine],
    products: Sequence[Compared] = (),
) -> Compared:
    now = [one for one in now if product_id in (None, one.product_id)]
    then = [one for one in then if product_id in (None, one.product_id)]
    return Compared(
        name,
        step,
        product_id,
        sum(one.planned for one in now),
        total(one.amount for one in now),
        sum(one.done for one in now),
        sum(one.planned for one in then),
        total(one.amount for one in then),
        products,
    )


@bp.get("/<uuid:month_end_run_id>/pack/<kind>")
@requires(MonthEndMay.VIEW)
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
