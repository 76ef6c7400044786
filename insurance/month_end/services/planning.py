"""Planning a run: its chunks one by one, then what ends, then its totals and hash."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.db import transaction
from insurance.core.tenancy import current_org
from insurance.month_end import queries
from insurance.month_end.models import (
    ChunkKind,
    MonthEndChunk,
    RunStatus,
    StepCode,
)
from insurance.month_end.services.approving import ask_to_approve
from insurance.month_end.services.chunks import claim, ids_of, keep_plan, left, work_of
from insurance.month_end.services.effects import (
    hash_of_texts,
    in_order,
)
from insurance.month_end.services.lists import plan_lists
from insurance.month_end.services.quarantine import guarded
from insurance.month_end.services.rows import PlannedRows
from insurance.month_end.services.steps import plan_steps
from insurance.month_end.services.telling import tell_planned


def plan_next(run_id: UUID, now: datetime) -> bool:
    """Plan a chunk, or sum up; return whether there is more to do."""
    with transaction() as session:
        chunk = claim(session, run_id, ChunkKind.BOOK, is_planning=True)
        if chunk is None:
            if left(session, run_id, is_planning=True):
                return False
            return _finish_planning(session, run_id, now)
        run = queries.get_run(session, run_id)
        if run.status is not RunStatus.PLANNING:
            return False
        ids = ids_of(session, run, chunk)
        work = work_of(session, run, ids, now)
        parts = guarded(session, run, ids, lambda some: [plan_steps(session, some, work)], now)
        keep_plan(
            session,
            run,
            chunk,
            in_order([effect for part in parts for effect in part.effects]),
            now,
        )
        rows = PlannedRows()
        for part in parts:
            rows.take(part.rows)
        rows.keep(session, run.id, chunk.number)
        return True


def _finish_planning(session: Session, run_id: UUID, now: datetime) -> bool:
    run = queries.get_run(session, run_id, lock=True)
    if run.status is not RunStatus.PLANNING:
        return False
    plan_lists(session, run, now)
    run.totals, run.hash = _sum_up(session, run.id)
    run.planned_at = now
    run.status = RunStatus.PLANNED
    if not run.dry_run:
        run.status, run.started_at = RunStatus.APPLYING, now
    else:
        needs_approval = not queries.get_setting(session).may_apply_unapproved
        if needs_approval:
            ask_to_approve(session, run, now)
        tell_planned(session, run, needs_approval=needs_approval)
    record(
        session,
        action="month_end.planned",
        resource="month_end_runs",
        resource_id=run.id,
        after={"status": run.status, "hash": run.hash, "policies": run.policies, "book": run.book},
    )
    return not run.dry_run


def _sum_up(session: Session, run_id: UUID) -> tuple[dict[str, Any], str]:
    rows = session.scalars(
        select(MonthEndChunk)
        .where(MonthEndChunk.org_id == current_org(), MonthEndChunk.run_id == run_id)
        .order_by(MonthEndChunk.number)
    ).all()
    totals: dict[str, dict[str, list[Any]]] = {}
    for chunk in rows:
        for step, products in chunk.totals.items():
            for product, (count, amount) in products.items():
                at = totals.setdefault(step, {}).setdefault(product, [0, "0.00"])
                at[0] += count
                at[1] = str(Decimal(at[1]) + Decimal(amount))
    ordered: dict[str, Any] = {
        str(step.value): totals[step.value] for step in StepCode if step.value in totals
    }
    return ordered, hash_of_texts([chunk.hash or "" for chunk in rows])
