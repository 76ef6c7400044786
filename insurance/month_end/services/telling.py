"""What people are told of a run of theirs: that it is planned, has ended, or has stopped."""

from sqlalchemy.orm import Session

from insurance.alerts.services import notify
from insurance.core.alert_kinds import AlertKind
from insurance.identity.queries import find_ids
from insurance.month_end.alert_kinds import ENDED, FAILED, PLANNED
from insurance.month_end.models import MonthEndRun


def tell_planned(session: Session, run: MonthEndRun, *, needs_approval: bool) -> None:
    """Tell who asked for a run that its plan is ready. Who is to approve it is asked to, besides."""
    step = "a second person approves it, then apply it" if needs_approval else "apply it"
    _tell(session, run, PLANNED, next=step)


def tell_ended(session: Session, run: MonthEndRun, *, left_out: int) -> None:
    """Tell who asked for a run, and who approved it, how it ended and what comes next."""
    step = f"look at the {left_out} left out" if left_out else "read its pack"
    status = run.status.value.replace("_", " ").lower()
    _tell(session, run, ENDED, status=status, policies=str(run.policies), next=step)


def tell_failed(session: Session, run: MonthEndRun) -> None:
    """Tell who asked for a run, and who approved it, that it has stopped."""
    _tell(session, run, FAILED)


def _tell(session: Session, run: MonthEndRun, kind: AlertKind, **values: str) -> None:
    people = {run.requested_by_id}
    if run.approved_by and kind is not PLANNED:
        people |= set(find_ids(session, [run.approved_by]))
    day = f"{run.process_date:%Y/%m/%d}"
    notify(session, kind, people, ("month_end_runs", run.id), day=day, **values)
