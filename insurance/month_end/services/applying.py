"""Applying a run: exactly what its plan says, chunk by chunk."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import event_row, record, record_many
from insurance.core.bulk import id_array
from insurance.core.db import transaction
from insurance.core.tenancy import current_org
from insurance.month_end import queries
from insurance.month_end.models import (
    ChunkKind,
    ExceptionKind,
    MonthEndChunk,
    MonthEndRun,
    RunStatus,
    StepCode,
)
from insurance.month_end.rules import last_month_end
from insurance.month_end.services.chunks import (
    claim,
    effects_of_chunk,
    ids_of,
    left,
    texts_of,
    work_of,
)
from insurance.month_end.services.effects import Effect, totals_of
from insurance.month_end.services.ending import apply_list, close_month, finish
from insurance.month_end.services.quarantine import (
    OF_A_POLICY,
    ChangedError,
    guarded,
    leave_out,
    left_out,
)
from insurance.month_end.services.steps import apply_steps
from insurance.month_end.services.writing import count_rises, find_changed, write_planned
from insurance.policies.services.payments import lock_policies

_MONTHLY = frozenset(
    {
        StepCode.ANNIVERSARIES,
        StepCode.EXTEND_SCHEDULES,
        StepCode.POST_PREMIUMS,
        StepCode.MARK_OVERDUE,
    }
)
_CLOSE_MONTH = text(
    """
    INSERT INTO ins.month_end_watermarks (org_id, policy_id, closed_through)
    SELECT p.org_id, p.id, CAST(:through AS date) FROM ins.policies p
    WHERE p.org_id = :org AND p.id = ANY(CAST(:ids AS uuid[]))
    ON CONFLICT (org_id, policy_id) DO UPDATE SET closed_through = excluded.closed_through
    WHERE month_end_watermarks.closed_through < excluded.closed_through
    """
)


_SAID = {"premium": "premium", "coverage_amount": "cover"}
_RISEN = text(
    """
    SELECT policy_id, period, before, after FROM ins.month_end_effects
    WHERE org_id = :org AND run_id = :run AND step = 'ANNIVERSARIES' AND chunk = :chunk
      AND policy_id BETWEEN :first AND :last AND policy_id <> ALL(CAST(:out AS uuid[]))
      AND has_rows AND after ? 'premium'
    ORDER BY policy_id, period
    """
)


def apply_next(run_id: UUID, now: datetime) -> bool:
    """Apply a chunk, or finish; return whether there is more to do."""
    with transaction() as session:
        run = queries.get_run(session, run_id)
        if run.status is not RunStatus.APPLYING:
            return False
        chunk = claim(session, run_id, ChunkKind.BOOK, is_planning=False)
        if chunk is None:
            if left(session, run_id, is_planning=False, kind=ChunkKind.BOOK):
                return False
            chunk = claim(session, run_id, ChunkKind.LIST, is_planning=False)
        if chunk is not None:
            if chunk.kind is ChunkKind.BOOK:
                _apply_book(session, run, chunk, now)
            else:
                apply_list(session, run, chunk, now)
            return True
        if left(session, run_id, is_planning=False):
            return False
        is_to_close = finish(session, run_id, now)
    if is_to_close:
        close_month(run_id, now)
    return False


def _apply_book(session: Session, run: MonthEndRun, chunk: MonthEndChunk, now: datetime) -> None:
    """Write what the plan says of a stretch of the book, leaving out what has changed since."""
    ids = ids_of(session, run, chunk)
    lock_policies(session, ids)
    out = left_out(session, run.id, chunk)
    changed = find_changed(session, chunk, out)
    _name_changed(session, run, changed, now)
    out |= changed
    is_written = False
    try:
        with session.begin_nested():
            write_planned(session, chunk, out, on=run.process_date, now=now)
            _audit_rises(session, chunk, out)
        is_written = True
        again = effects_of_chunk(session, chunk, without_rows=True)
    except (OperationalError, psycopg.OperationalError):
        raise
    except OF_A_POLICY:
        # Some policy does not fit any more: find it by doing them again in ever smaller parts.
        session.expire_all()
        again = effects_of_chunk(session, chunk)
    _apply_again(session, run, [one for one in again if one.policy_id not in out], ids, now)
    missed = left_out(session, run.id, chunk)
    _done(session, run, chunk, [one for one in ids if one not in missed], missed, now)
    if is_written:
        count_rises(session, chunk, out)


def _audit_rises(session: Session, chunk: MonthEndChunk, out: set[UUID]) -> None:
    """Record the rises whose rows were written, one by one."""
    rows = session.execute(_RISEN, _stretch(chunk) | {"out": id_array(out)}).all()
    if rows:
        record_many(
            session,
            [
                event_row(
                    action="policies.anniversary",
                    resource="policies",
                    resource_id=row.policy_id,
                    before={name: row.before[source] for name, source in _SAID.items()},
                    after={name: row.after[source] for name, source in _SAID.items()}
                    | {"anniversary": row.period, "adjustment": row.after["adjustment"]},
                )
                for row in rows
            ],
        )


def _stretch(chunk: MonthEndChunk) -> dict[str, Any]:
    return {
        "org": current_org(),
        "run": chunk.run_id,
        "chunk": chunk.number,
        "first": chunk.first_policy,
        "last": chunk.last_policy,
    }


def _apply_again(
    session: Session,
    run: MonthEndRun,
    planned: Sequence[Effect],
    in_force: Sequence[UUID],
    now: datetime,
) -> None:
    """Work effects out again, step upon step, and write them where they are those of the plan."""
    texts, known = texts_of(planned), set(in_force)
    _name_changed(session, run, texts.keys() - known, now)
    ids = sorted(texts.keys() & known)
    if not ids:
        return
    work = work_of(session, run, ids, now)

    def do(some: Sequence[UUID]) -> list[Effect]:
        effects = apply_steps(session, some, work)
        _compare(effects, texts, some)
        return effects

    try:
        with session.begin_nested():
            do(ids)
    except ChangedError as found:
        session.expire_all()
        _name_changed(session, run, found.policy_ids, now)
        guarded(session, run, [one for one in ids if one not in found.policy_ids], do, now)
    except (OperationalError, psycopg.OperationalError):
        raise
    except OF_A_POLICY:
        session.expire_all()
        guarded(session, run, ids, do, now)


def _name_changed(session: Session, run: MonthEndRun, found: set[UUID], now: datetime) -> None:
    for policy_id in sorted(found):
        words = "Changed since the plan"
        leave_out(session, run, policy_id, ExceptionKind.CHANGED, words, now)


def _compare(
    effects: Sequence[Effect], planned: Mapping[UUID, str], policy_ids: Sequence[UUID]
) -> None:
    """Refuse effects that are not those of the plan. Raises ChangedError with the policies."""
    done = texts_of(effects)
    differing = {one for one in policy_ids if planned.get(one) != done.get(one)}
    if differing:
        raise ChangedError(differing)


def _done(
    session: Session,
    run: MonthEndRun,
    chunk: MonthEndChunk,
    ids: Sequence[UUID],
    out: set[UUID],
    now: datetime,
) -> None:
    if set(map(StepCode, run.steps)) >= _MONTHLY:
        through = last_month_end(run.process_date)
        values = {"org": current_org(), "ids": id_array(ids), "through": through}
        session.execute(_CLOSE_MONTH, values)
    done = chunk.totals
    if out:
        found = effects_of_chunk(session, chunk)
        done = totals_of([one for one in found if one.policy_id not in out])
    chunk.done, chunk.applied_at = done, now
    record(
        session,
        action="month_end.apply_chunk",
        resource="month_end_runs",
        resource_id=run.id,
        after={
            "chunk": chunk.number,
            "policies": len(ids),
            "hash": chunk.hash,
            "left_out": out,
            "done": chunk.done,
        },
    )
