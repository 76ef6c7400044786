"""What the audit log says of a run."""

from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.month_end.models import MonthEndRun


def audit_run(session: Session, run: MonthEndRun, action: str, reason: str | None = None) -> None:
    """Write that something was done with a run, and how it stands after that."""
    record(
        session,
        action=action,
        resource="month_end_runs",
        resource_id=run.id,
        after={
            "process_date": run.process_date,
            "status": run.status,
            "steps": run.steps,
            "policies": run.policies,
            "hash": run.hash,
        },
        reason=reason,
    )
