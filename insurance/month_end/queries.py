"""Reading runs, their effects and exceptions, index tables and escalation rules."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, tuple_
from sqlalchemy.orm import Session

from insurance.core.errors import NotFoundError
from insurance.core.paging import Page, page_of
from insurance.core.tenancy import current_org
from insurance.month_end.models import (
    EscalationRule,
    ExceptionKind,
    IndexValue,
    MonthEndException,
    MonthEndRun,
    MonthEndSetting,
    RunStatus,
    StepCode,
)

BUSY = (RunStatus.PLANNING, RunStatus.APPLYING)
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


@dataclass(frozen=True, slots=True)
class EffectLine:
    """An effect of a run as a list shows it."""

    id: UUID
    policy_id: UUID
    policy_number: str
    product_id: UUID
    product_name: str
    step: StepCode
    period: date
    status: str
    before: dict[str, Any]
    after: dict[str, Any]
    amount: Decimal


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


def find_last_completed(session: Session, *, before: UUID | None = None) -> MonthEndRun | None:
    """Return the completed run with the newest date; `before` looks only at older runs."""
    wanted = select(MonthEndRun).where(
        MonthEndRun.org_id == current_org(), MonthEndRun.status.in_(ENDED)
    )
    if before is not None:
        wanted = wanted.where(MonthEndRun.id < before, MonthEndRun.follows_id.is_(None))
    return session.scalars(
        wanted.order_by(MonthEndRun.process_date.desc(), MonthEndRun.id.desc()).limit(1)
    ).one_or_none()


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


def get_setting(session: Session) -> MonthEndSetting:
    """Return what the organization allows; the cautious defaults where it chose nothing."""
    found = session.get(MonthEndSetting, current_org())
    return found or MonthEndSetting(may_apply_unapproved=False, days_ahead=31)


_PROGRESS = text(
    """
    SELECT coalesce(sum(policies) FILTER (WHERE planned_at IS NOT NULL), 0) AS planned,
           coalesce(sum(policies) FILTER (WHERE applied_at IS NOT NULL), 0) AS applied,
           coalesce(sum(policies), 0) AS policies
    FROM ins.month_end_chunks WHERE org_id = :org AND run_id = :run
    """
)


def get_progress(session: Session, run: MonthEndRun, *, now: datetime) -> Progress:
    """Return how far a run is: in planning until it is planned, then in applying."""
    row = session.execute(_PROGRESS, {"org": current_org(), "run": run.id}).one()
    is_planning = run.status is RunStatus.PLANNING
    done = int(row.planned if is_planning else row.applied)
    since = run.requested_at if is_planning else run.started_at
    seconds = ((run.finished_at or now) - since).total_seconds() if since else 0
    rate = int(done / seconds) if seconds > 0 else 0
    of = int(row.policies)
    return Progress(done, of, rate, (of - done) // rate if rate and done < of else None)


_EFFECTS = """
    SELECT e.id, e.policy_id, e.policy_number, e.product_id, pr.name, e.step, e.period,
           CASE WHEN e.after ? 'blocked_by' THEN 'BLOCKED'
                WHEN x.kind = 'FAILED' THEN 'QUARANTINED'
                WHEN x.kind = 'CHANGED' THEN 'LEFT_OUT'
                WHEN e.after ? 'listed' THEN 'LISTED'
                WHEN c.applied_at IS NOT NULL THEN 'APPLIED' ELSE 'PLANNED' END AS status,
           e.before, e.after, e.amount
    FROM ins.month_end_effects e
    JOIN ins.month_end_chunks c ON c.org_id = e.org_id AND c.run_id = e.run_id
     AND c.number = e.chunk
    JOIN ins.products pr ON pr.org_id = e.org_id AND pr.id = e.product_id
    LEFT JOIN ins.month_end_exceptions x ON x.org_id = e.org_id AND x.run_id = e.run_id
     AND x.policy_id = e.policy_id
    WHERE e.org_id = :org AND e.run_id = :run
"""
_NARROWER = {
    "step": " AND e.step = :step",
    "policy_id": " AND e.policy_id = :policy_id",
    "policy_number": " AND e.policy_number = :policy_number",
    "product_id": " AND e.product_id = :product_id",
    "after": " AND e.id > :after",
    "blocked": " AND e.after ? 'blocked_by'",
}
_EFFECTS_ORDER = " ORDER BY e.id LIMIT :limit"
_BATCH = 5_000


def list_effects(
    session: Session,
    run_id: UUID,
    *,
    limit: int,
    after: UUID | None = None,
    step: StepCode | None = None,
    policy_id: UUID | None = None,
    policy_number: str | None = None,
    product_id: UUID | None = None,
    blocked: bool = False,
) -> Page[EffectLine]:
    """Return effects of a run in the order they were planned."""
    chosen: dict[str, Any] = {
        "step": step.value if step else None,
        "policy_id": policy_id,
        "policy_number": policy_number,
        "product_id": product_id,
        "after": after,
        "blocked": blocked or None,
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    statement = "".join([_EFFECTS, *(_NARROWER[name] for name in given), _EFFECTS_ORDER])
    values = given | {"org": current_org(), "run": run_id, "limit": limit + 1}
    values.pop("blocked", None)
    rows = [_effect_line(row) for row in session.execute(text(statement), values)]
    return page_of(rows, limit, lambda line: (line.id,))


def _effect_line(row: Any) -> EffectLine:
    values = list(row)
    values[5] = StepCode(values[5])
    return EffectLine(*values)


def read_effects(session: Session, run_id: UUID, **chosen: Any) -> Iterator[EffectLine]:
    """Return all effects chosen, some thousands at a time."""
    after: UUID | None = None
    while True:
        found = list_effects(session, run_id, limit=_BATCH, after=after, **chosen)
        yield from found.items
        if found.next_cursor is None:
            return
        after = found.items[-1].id


def list_exceptions(
    session: Session, run_id: UUID, *, limit: int = 200
) -> Sequence[MonthEndException]:
    """Return the policies a run left out, those that failed first."""
    return session.scalars(
        select(MonthEndException)
        .where(MonthEndException.org_id == current_org(), MonthEndException.run_id == run_id)
        .order_by(MonthEndException.kind.desc(), MonthEndException.policy_number)
        .limit(limit)
    ).all()


def count_exceptions(session: Session, run_id: UUID) -> dict[ExceptionKind, int]:
    """Return how many policies a run left out, by why."""
    rows = session.execute(
        select(MonthEndException.kind, func.count())
        .where(MonthEndException.org_id == current_org(), MonthEndException.run_id == run_id)
        .group_by(MonthEndException.kind)
    )
    return {row[0]: row[1] for row in rows}


def list_index_values(
    session: Session, *, limit: int, after: tuple[str, date] | None = None, code: str | None = None
) -> Page[IndexValue]:
    """Return index tables by code, the newest month first."""
    wanted = select(IndexValue).where(IndexValue.org_id == current_org())
    if code is not None:
        wanted = wanted.where(IndexValue.index_code == code)
    if after is not None:
        wanted = wanted.where(
            (IndexValue.index_code > after[0])
            | ((IndexValue.index_code == after[0]) & (IndexValue.month < after[1]))
        )
    wanted = wanted.order_by(IndexValue.index_code, IndexValue.month.desc()).limit(limit + 1)
    rows = session.scalars(wanted).all()
    return page_of(rows, limit, lambda row: (row.index_code, row.month))


def load_index(session: Session) -> dict[tuple[str, date], Decimal]:
    """Return every value of the tenant's index tables by code and month."""
    rows = session.execute(
        select(IndexValue.index_code, IndexValue.month, IndexValue.value).where(
            IndexValue.org_id == current_org()
        )
    )
    return {(code, month): value for code, month, value in rows}


def list_escalation_rules(
    session: Session, policy_ids: Iterable[UUID] | None = None
) -> Sequence[EscalationRule]:
    """Return rules of the tenant, products and versions; or those of policies."""
    wanted = select(EscalationRule).where(EscalationRule.org_id == current_org())
    if policy_ids is None:
        wanted = wanted.where(EscalationRule.policy_id.is_(None))
    else:
        wanted = wanted.where(EscalationRule.policy_id.in_(list(policy_ids)))
    order = tuple_(EscalationRule.valid_from, EscalationRule.id)
    return session.scalars(wanted.order_by(order)).all()
