"""Chunks of a run: claimed by locking their own row, with their policies and effects."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Table, func, select, text
from sqlalchemy.orm import Session

from insurance.core.bulk import array_item, array_of, id_array
from insurance.core.period import add_years
from insurance.core.tenancy import current_org
from insurance.month_end.models import (
    ChunkKind,
    MonthEndChunk,
    MonthEndEffect,
    MonthEndRun,
    StepCode,
)
from insurance.month_end.services.effects import Effect, Work, as_json, in_order, text_of, totals_of
from insurance.month_end.services.escalations import load_escalations

_EFFECTS: Table = MonthEndEffect.__table__  # type: ignore[assignment]
_IDS = text(
    """
    SELECT p.id FROM ins.policies p
    WHERE p.org_id = :org AND p.id BETWEEN :first AND :last
      AND p.status IN ('active', 'suspended')
    ORDER BY p.id
    """
)
_KEEP = text(
    """
    INSERT INTO ins.month_end_effects (org_id, run_id, chunk, policy_id, policy_number, product_id,
        step, period, before, after, amount, has_rows)
    SELECT o.org_id, :run, :chunk, r.policy_id, r.policy_number, r.product_id, r.step, r.period,
           CAST(r.before AS jsonb), CAST(r.after AS jsonb), r.amount, r.has_rows
    FROM ins.organizations o CROSS JOIN
         unnest(CAST(:policies AS uuid[]), CAST(:numbers AS text[]), CAST(:products AS uuid[]),
                CAST(:steps AS text[]), CAST(:periods AS date[]), CAST(:befores AS text[]),
                CAST(:afters AS text[]), CAST(:amounts AS numeric[]), CAST(:listed AS boolean[]))
        AS r(policy_id, policy_number, product_id, step, period, before, after, amount, has_rows)
    WHERE o.org_id = :org
    """
)
_FOLLOWED_IDS = text(
    """
    SELECT x.policy_id FROM ins.month_end_exceptions x
    JOIN ins.policies p ON p.org_id = x.org_id AND p.id = x.policy_id
     AND p.status IN ('active', 'suspended')
    WHERE x.org_id = :org AND x.followed_by_id = :run
      AND x.policy_id BETWEEN :first AND :last
    ORDER BY x.policy_id
    """
)


_ONE_PROCESS = text("SET LOCAL max_parallel_workers_per_gather = 0")


def claim(
    session: Session, run_id: UUID, kind: ChunkKind, is_planning: bool
) -> MonthEndChunk | None:
    """Return the next chunk that nobody holds, locked until the transaction ends."""
    column = MonthEndChunk.planned_at if is_planning else MonthEndChunk.applied_at
    chunk = session.scalars(
        select(MonthEndChunk)
        .where(
            MonthEndChunk.org_id == current_org(),
            MonthEndChunk.run_id == run_id,
            MonthEndChunk.kind == kind,
            column.is_(None),
        )
        .order_by(MonthEndChunk.number)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if chunk is not None:
        # Workers share the machine already; to start more takes longer than a chunk's statements.
        session.execute(_ONE_PROCESS)
    return chunk


def left(session: Session, run_id: UUID, is_planning: bool, kind: ChunkKind | None = None) -> int:
    """Return how many chunks are still to be planned, or to be applied."""
    column = MonthEndChunk.planned_at if is_planning else MonthEndChunk.applied_at
    wanted = select(func.count()).where(
        MonthEndChunk.org_id == current_org(), MonthEndChunk.run_id == run_id, column.is_(None)
    )
    if kind is not None:
        wanted = wanted.where(MonthEndChunk.kind == kind)
    return session.scalar(wanted) or 0


def work_of(session: Session, run: MonthEndRun, ids: Sequence[UUID], now: datetime) -> Work:
    """Return what a run does, with everything that decides rises of these policies."""
    return Work(
        steps=frozenset(map(StepCode, run.steps)),
        on=run.process_date,
        now=now,
        since=add_years(run.process_date, -1),
        escalations=load_escalations(session, run.process_date, ids),
    )


def ids_of(session: Session, run: MonthEndRun, chunk: MonthEndChunk) -> Sequence[UUID]:
    """Return the policies of a chunk that are in force."""
    values = {"org": current_org(), "first": chunk.first_policy, "last": chunk.last_policy}
    if run.follows_id is not None:
        return session.scalars(_FOLLOWED_IDS, values | {"run": run.id}).all()
    return session.scalars(_IDS, values).all()


def effects_of_chunk(
    session: Session, chunk: MonthEndChunk, *, without_rows: bool = False
) -> list[Effect]:
    """Return the effects of a chunk as they were planned; or those that list no rows."""
    wanted = select(_EFFECTS).where(
        _EFFECTS.c.org_id == current_org(),
        _EFFECTS.c.run_id == chunk.run_id,
        # The key leads by step, then by policy.
        _EFFECTS.c.step.in_(list(StepCode)),
        _EFFECTS.c.policy_id.between(chunk.first_policy, chunk.last_policy),
        _EFFECTS.c.chunk == chunk.number,
    )
    if without_rows:
        wanted = wanted.where(_EFFECTS.c.has_rows.is_(False))
    return in_order(
        [
            Effect(
                row.policy_id,
                row.policy_number,
                row.product_id,
                StepCode(row.step),
                row.period,
                row.before,
                row.after,
                row.amount,
                row.has_rows,
            )
            for row in session.execute(wanted)
        ]
    )


def texts_of(effects: Sequence[Effect]) -> dict[UUID, str]:
    """Return what effects say of each policy, as text."""
    found: dict[UUID, str] = {}
    for one in in_order(effects):
        found[one.policy_id] = found.get(one.policy_id, "") + one.text
    return found


def keep_plan(
    session: Session,
    run: MonthEndRun,
    chunk: MonthEndChunk,
    effects: Sequence[Effect],
    now: datetime,
) -> None:
    """Keep what was planned for a chunk, in the order given."""
    session.flush()
    found = hashlib.sha256()
    befores, afters = [], []
    for one in effects:
        before, after = as_json(one.before), as_json(one.after)
        found.update(text_of(one, before, after).encode())
        befores.append(array_item(before))
        afters.append(array_item(after))
    # An array a column: thousands of parameters would cost more than the rows.
    values = {
        "policies": id_array([effect.policy_id for effect in effects]),
        "numbers": array_of([array_item(effect.policy_number) for effect in effects]),
        "products": id_array([effect.product_id for effect in effects]),
        "steps": array_of([effect.step for effect in effects]),
        "periods": array_of([effect.period.isoformat() for effect in effects]),
        "befores": array_of(befores),
        "afters": array_of(afters),
        "amounts": array_of([str(effect.amount) for effect in effects]),
        "listed": array_of(["true" if effect.has_rows else "false" for effect in effects]),
    }
    where = {"org": current_org(), "run": run.id, "chunk": chunk.number}
    session.execute(_KEEP, where | values)
    chunk.hash, chunk.totals, chunk.planned_at = found.hexdigest(), totals_of(effects), now
