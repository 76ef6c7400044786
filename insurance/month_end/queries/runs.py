"""Month-end runs, how far each is, and what may run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from insurance.core.errors import NotFoundError
from insurance.core.paging import Page, page_of
from insurance.core.reading import constant, read_rows
from insurance.core.tenancy import current_org
from insurance.month_end import rules
from insurance.month_end.models import (
    MonthEndRun,
    MonthEndSetting,
    RunStatus,
)

BUSY = (RunStatus.PLANNING, RunStatus.APPLYING)
PLANS = (RunStatus.PLANNED, RunStatus.APPROVED)
ENDED = (RunStatus.COMPLETED, RunStatus.COMPLETED_WITH_EXCEPTIONS)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the present stage of a run is, in policies and in chunks."""

    done: int
    of: int
    per_second: int
    seconds_left: int | None

    @property
    def per_cent(self) -> int:
        """Return how much is done, in per cent."""
        return 100 * self.done // self.of if self.of else 100


def get_run(session: Session, run_id: UUID, *, lock: bool = False) -> MonthEndRun:
    """Return a run of the organization in scope. Raises NotFoundError."""
    wanted = select(MonthEndRun).where(
        MonthEndRun.org_id == current_org(), MonthEndRun.id == run_id
    )
    wanted = wanted.execution_options(populate_existing=True)
    found = session.scalars(wanted.with_for_update() if lock else wanted).one_or_none()
    if found is None:
        raise NotFoundError("There is no such month-end run.")
    return found


def find_busy_run(session: Session) -> MonthEndRun | None:
    """Return the run that is being planned or applied."""
    return session.scalars(
        select(MonthEndRun).where(MonthEndRun.org_id == current_org(), MonthEndRun.status.in_(BUSY))
    ).one_or_none()


def find_last_completed(session: Session) -> MonthEndRun | None:
    """Return the completed run with the newest date."""
    wanted = select(MonthEndRun).where(
        MonthEndRun.org_id == current_org(), MonthEndRun.status.in_(ENDED)
    )
    return session.scalars(
        wanted.order_by(MonthEndRun.process_date.desc(), MonthEndRun.id.desc()).limit(1)
    ).one_or_none()


def find_superseding(session: Session, runs: Sequence[MonthEndRun]) -> dict[UUID, MonthEndRun]:
    """Return, for each plan that does not count any more, the newer run of its month that does.

    Of two plans for a month that do the same steps, the newest counts. One that was cancelled or
    failed counts for nothing, and a follow-up is beside the run that it follows.
    """
    plans = [run for run in runs if run.status in PLANS]
    if not plans:
        return {}
    newer = session.scalars(
        select(MonthEndRun)
        .where(
            MonthEndRun.org_id == current_org(),
            MonthEndRun.id > min(plan.id for plan in plans),
            MonthEndRun.status.not_in([RunStatus.CANCELLED, RunStatus.FAILED]),
        )
        .order_by(MonthEndRun.id)
    ).all()
    return {
        plan.id: run for plan in plans for run in newer if rules.supersedes(run, plan)
    }  # the newest comes last and stays


def find_run_to_compare(session: Session, run: MonthEndRun) -> MonthEndRun | None:
    """Return the completed run of the month before a run's: of a day the widest, then the first.

    A repetition finds next to nothing to do, and a follow-up is of a few policies.
    """
    wanted = select(MonthEndRun).where(
        MonthEndRun.org_id == current_org(),
        MonthEndRun.status.in_(ENDED),
        MonthEndRun.follows_id.is_(None),
        MonthEndRun.process_date < run.process_date.replace(day=1),
    )
    order = (MonthEndRun.process_date.desc(), MonthEndRun.policies.desc(), MonthEndRun.id)
    return session.scalars(wanted.order_by(*order).limit(1)).one_or_none()


def find_run_for(session: Session, day: date) -> MonthEndRun | None:
    """Return the newest run for a day or a later one, cancelled ones included."""
    return session.scalars(
        select(MonthEndRun)
        .where(MonthEndRun.org_id == current_org(), MonthEndRun.process_date >= day)
        .order_by(MonthEndRun.id.desc())
        .limit(1)
    ).one_or_none()


def has_waiting_work(session: Session, run_id: UUID, now: datetime, since: datetime) -> bool:
    """Tell whether a run has work that waits to be taken, or was asked for or done since."""
    values = {"org": current_org(), "run": run_id, "text": str(run_id), "now": now, "since": since}
    return bool(session.scalar(_IS_ALIVE, values))


def list_runs(session: Session, *, limit: int, after: UUID | None = None) -> Page[MonthEndRun]:
    """Return runs, the newest first."""
    wanted = (
        select(MonthEndRun)
        .where(MonthEndRun.org_id == current_org())
        .order_by(MonthEndRun.id.desc())
        .limit(limit + 1)
    )
    if after is not None:
        wanted = wanted.where(MonthEndRun.id < after)
    return page_of(session.scalars(wanted).all(), limit, lambda run: (run.id,))


class NewestRun(NamedTuple):
    """The run that was made last, as the start page names it."""

    id: UUID
    process_date: date
    status: RunStatus


_NEWEST = constant(
    """
    SELECT id, process_date, status FROM ins.month_end_runs WHERE org_id = :org
    ORDER BY id DESC LIMIT 1
    """
)


def find_newest_run(session: Session) -> NewestRun | None:
    """Return the run that was made last, or None before the first."""
    for run_id, process_date, status in read_rows(session, _NEWEST, {"org": current_org()}):
        return NewestRun(run_id, process_date, RunStatus(status))
    return None


def get_setting(session: Session) -> MonthEndSetting:
    """Return what the organization allows; the cautious defaults where it chose nothing."""
    found = session.get(MonthEndSetting, current_org())
    return found or MonthEndSetting(
        may_apply_unapproved=False, days_ahead=31, plans_itself=False, version=0
    )


_IS_ALIVE = text(
    """
    SELECT EXISTS (
        SELECT FROM ins.jobs_outbox j
        WHERE j.org_id = :org AND j.done_at IS NULL AND j.name = 'month_end.work'
          AND j.arguments ->> 'run_id' = :text AND (j.run_after <= :now OR j.created_at > :since)
    ) OR EXISTS (
        SELECT FROM ins.month_end_chunks c
        WHERE c.org_id = :org AND c.run_id = :run
          AND greatest(c.planned_at, c.applied_at) > :since
    )
    """
)
_PROGRESS = text(
    """
    SELECT coalesce(sum(policies) FILTER (WHERE planned_at IS NOT NULL), 0) AS planned,
           coalesce(sum(policies) FILTER (WHERE applied_at IS NOT NULL), 0) AS applied,
           coalesce(sum(policies), 0) AS policies
    FROM ins.month_end_chunks WHERE org_id = :org AND run_id = :run AND kind = 'BOOK'
    """
)


def get_progress(session: Session, run: MonthEndRun, *, now: datetime) -> Progress:
    """Return how far a run is: in planning until it is planned, then in applying.

    Policies that end are in the book too, and are counted once.
    """
    row = session.execute(_PROGRESS, {"org": current_org(), "run": run.id}).one()
    is_planning = run.status is RunStatus.PLANNING
    done = int(row.planned if is_planning else row.applied)
    since = run.requested_at if is_planning else run.started_at
    seconds = ((run.finished_at or now) - since).total_seconds() if since else 0
    rate = int(done / seconds) if seconds > 0 else 0
    of = int(row.policies)
    return Progress(done, of, rate, (of - done) // rate if rate and done < of else None)
