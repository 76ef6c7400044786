"""The approval of a plan, by as many people as the organization's rules of approvals ask for."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest, ApprovalStatus
from insurance.approvals.queries import list_waiting
from insurance.approvals.services import approve_request, close, request_approval
from insurance.approvals.subjects import Record, Subject, register
from insurance.core.context import Actor, current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, ForbiddenError
from insurance.identity.queries import name_people
from insurance.month_end import queries
from insurance.month_end.models import MonthEndRun, RunStatus, StepCode
from insurance.month_end.permissions import MonthEndMay
from insurance.month_end.services.auditing import audit_run
from insurance.month_end.services.counts import amount_of, effects_of
from insurance.organizations.queries import local_day

_UNCHANGING = 1
"""The version of every run: what a plan lists is never changed."""


def approve_run(run_id: UUID, *, comment: str | None, now: datetime) -> MonthEndRun:
    """Agree to a plan; the last agreement that it needs makes it approved.

    Raises ConflictError where there is no plan or a newer one counts, or for who agreed already;
    ForbiddenError for who asked for it or may not approve it.
    """
    with transaction() as session:
        run = _hold_plan(session, run_id)
        request = find_request(session, run_id, now) or ask_to_approve(session, run, now)
        request_id, on = request.id, local_day(session, now)
    approve_request(request_id, on=on, now=now, note=comment)
    with transaction() as session:
        return queries.get_run(session, run_id)


def find_request(session: Session, run_id: UUID, now: datetime) -> ApprovalRequest | None:
    """Return the request by which a plan waits for approval, unless it has expired."""
    waiting = list_waiting(session, RUN.resource, run_id)
    return next((request for request in waiting if request.expires_at > now), None)


def ask_to_approve(session: Session, run: MonthEndRun, now: datetime) -> ApprovalRequest:
    """Ask, for who asked for the run, that others approve its plan. The caller holds the run.

    The amount is what the plan charges to customers: the other steps move no money by themselves.
    """
    return request_approval(
        session,
        APPLY,
        run.id,
        record_version=_UNCHANGING,
        title=f"Plan of the month-end of {run.process_date:%Y/%m/%d}",
        amount=amount_of(run, StepCode.POST_PREMIUMS),
        payload={
            "hash": run.hash,
            "process_date": run.process_date,
            "policies": run.policies,
            "book": run.book,
            "close_month": run.close_month,
            "steps": [
                {
                    "step": step,
                    "effects": effects_of(run, StepCode(step)),
                    "amount": amount_of(run, StepCode(step)),
                }
                for step in run.totals
            ],
        },
        reason="The plan is ready.",
        now=now,
        asker=_asker(session, run),
    )


def _asker(session: Session, run: MonthEndRun) -> Actor:
    """Return who asked for the run, by name where that is known here."""
    named = name_people(session, [run.requested_by])
    name = named[0].name if named else run.requested_by
    return Actor(user_id=run.requested_by_id, email=run.requested_by, name=name)


def end_request(
    session: Session, run: MonthEndRun, status: ApprovalStatus, why: str, now: datetime
) -> None:
    """End what asks for the approval of a plan that is not to be approved any more."""
    for request in list_waiting(session, RUN.resource, run.id):
        close(session, request, status, why, now)


def refuse_superseded(session: Session, run: MonthEndRun) -> None:
    """Refuse a plan in whose place a newer month-end counts. Raises ConflictError."""
    newer = queries.find_superseding(session, [run]).get(run.id)
    if newer is not None:
        raise ConflictError(
            f"{newer.requested_by} asked for a newer month-end of this month on"
            f" {newer.requested_at:%Y/%m/%d %H:%M} UTC, which counts in place of this plan."
            " Cancel this one.",
            detail={"superseded_by": str(newer.id)},
        )


def state_of(run: MonthEndRun) -> str:
    """Return how far a run is, as a refusal begins."""
    return f"This run is {run.status.value.replace('_', ' ').lower()}"


def _hold_plan(session: Session, run_id: UUID) -> MonthEndRun:
    run = queries.get_run(session, run_id, lock=True)
    if run.status is not RunStatus.PLANNED:
        raise ConflictError(f"{state_of(run)}; only a plan that is ready can be approved.")
    return run


def _execute(session: Session, request: ApprovalRequest, *, on: date, now: datetime) -> None:
    """Freeze the plan that was agreed to."""
    run = _hold_plan(session, request.resource_id)
    if run.hash != request.payload["hash"]:
        raise ConflictError("The plan is not the one that was asked for.")
    run.status, run.approved_at = RunStatus.APPROVED, now
    run.approved_by, run.comment = request.decided_by_email, request.decision_note
    audit_run(session, run, "month_end.approve", reason=run.comment)


def _check_checker(session: Session, request: ApprovalRequest) -> None:
    """Refuse who may not approve month-ends, and everybody while a newer one counts."""
    if not current_actor().may(MonthEndMay.APPROVE):
        raise ForbiddenError("It waits for somebody who may approve month-ends.")
    refuse_superseded(session, queries.get_run(session, request.resource_id))


def _cancel_declined(session: Session, request: ApprovalRequest, now: datetime) -> None:
    """Cancel a plan that was rejected or withdrawn: the same one again would be decided again."""
    run = _hold_plan(session, request.resource_id)
    if request.status is ApprovalStatus.REJECTED:
        said = f"{request.decided_by_email} rejected this plan"
    else:
        said = f"{request.requested_by_email} withdrew this plan"
    why = f": “{request.decision_note}”." if request.decision_note else "."
    run.status, run.finished_at, run.error = RunStatus.CANCELLED, now, said + why
    audit_run(session, run, "month_end.cancel", reason=run.error)


def _lock(session: Session, run_id: UUID) -> int:
    queries.get_run(session, run_id, lock=True)
    return _UNCHANGING


RUN = Record(
    resource="month_end_runs",
    name="month-end run",
    lock=_lock,
    endpoint="month_end.show",
    may_view=MonthEndMay.VIEW,
)
APPLY = register(
    Subject(
        action="month_end.apply",
        record=RUN,
        execute=_execute,
        check_checker=_check_checker,
        when_declined=_cancel_declined,
        declined_means="the plan is cancelled, and the month-end has to be planned anew",
    )
)
