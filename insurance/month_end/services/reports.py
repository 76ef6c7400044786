"""When a run has ended: its pack is made and kept, and the operations list is told."""

import hashlib
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.db import transaction
from insurance.core.ids import new_id
from insurance.month_end import queries
from insurance.month_end.models import MonthEndPack, MonthEndRun, PackKind, RunStatus
from insurance.month_end.packs import make_pack
from insurance.month_end.rules import read_addresses
from insurance.notifications.services import Letter, send_all_later
from insurance.organizations.queries import get_organization


def report_run(run_id: UUID, *, now: datetime) -> None:
    """Make the pack of a run that ended and tell the operations list; a second time does nothing."""
    with transaction() as session:
        run = queries.get_run(session, run_id, lock=True)
        if run.status is RunStatus.FAILED:
            _tell(session, run, "month_end_failed")
        elif run.status in queries.ENDED and _keep_packs(session, run, now):
            _tell(session, run, "month_end_ended")


def _keep_packs(session: Session, run: MonthEndRun, now: datetime) -> bool:
    if queries.find_pack(session, run.id, PackKind.PDF) is not None:
        return False
    for kind in PackKind:
        content = make_pack(session, run, kind)
        digest = hashlib.sha256(content).hexdigest()
        session.add(
            MonthEndPack(
                id=new_id(), run_id=run.id, kind=kind, content=content, sha256=digest, made_at=now
            )
        )
        record(
            session,
            action="month_end.pack",
            resource="month_end_runs",
            resource_id=run.id,
            after={"kind": kind, "sha256": digest},
        )
    session.flush()
    return True


def _tell(session: Session, run: MonthEndRun, kind: str) -> None:
    to = read_addresses(queries.get_setting(session).mail_to or "")
    if not to and "@" in run.requested_by:
        to = (run.requested_by,)
    left_out = sum(queries.count_exceptions(session, run.id).values())
    values = {
        "organization": get_organization(session).name,
        "day": f"{run.process_date:%Y/%m/%d}",
        "status": run.status.value.replace("_", " ").lower(),
        "policies": str(run.policies),
        "book": str(run.book),
        "left_out": str(left_out),
        "error": run.error or "",
    }
    send_all_later(session, [Letter(kind, one, values) for one in to])
