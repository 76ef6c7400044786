"""Doing a run, chunk by chunk, each one transaction.

A chunk is claimed by locking its own row, so that any number of workers share a run, and one that
dies gives its chunk back with the transaction. What is done is what the rows say.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Table, func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.bulk import write_rows
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.ids import new_id
from insurance.core.period import add_years
from insurance.core.tenancy import current_org
from insurance.debit_orders.queries import collection_in_flight
from insurance.lapses.queries import ArrearsLine, LapseState, list_lapse_candidates
from insurance.ledger.periods import close_books
from insurance.month_end import queries
from insurance.month_end.models import (
    ChunkKind,
    ExceptionKind,
    MonthEndChunk,
    MonthEndEffect,
    MonthEndException,
    MonthEndRun,
    RunStatus,
    StepCode,
)
from insurance.month_end.rules import last_month_end
from insurance.month_end.services import chunks
from insurance.month_end.services.chunks import Effect, Work, hash_of, in_order, totals_of
from insurance.month_end.services.escalations import load_escalations
from insurance.policies.services.lifecycle import expire, lapse
from insurance.policies.services.payments import lock_policies

LIST_CHUNK = 200
_EFFECTS: Table = MonthEndEffect.__table__  # type: ignore[assignment]
_ENDING = (StepCode.EXPIRIES, StepCode.LAPSE_CANDIDATES, StepCode.LAPSES)
_MONTHLY = frozenset(
    {
        StepCode.ANNIVERSARIES,
        StepCode.EXTEND_SCHEDULES,
        StepCode.POST_PREMIUMS,
        StepCode.MARK_OVERDUE,
    }
)
_OF_A_POLICY = (
    DomainError,
    DBAPIError,
    psycopg.DatabaseError,
    ArithmeticError,
    LookupError,
    ValueError,
    TypeError,
    AssertionError,
)
_IDS = text(
    """
    SELECT p.id FROM ins.policies p
    WHERE p.org_id = :org AND p.id BETWEEN :first AND :last
      AND p.status IN ('active', 'suspended')
    ORDER BY p.id
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
_CLOSE_MONTH = text(
    """
    INSERT INTO ins.month_end_watermarks (org_id, policy_id, closed_through)
    SELECT p.org_id, p.id, CAST(:through AS date) FROM ins.policies p
    WHERE p.org_id = :org AND p.id = ANY(CAST(:ids AS uuid[]))
    ON CONFLICT (org_id, policy_id) DO UPDATE SET closed_through = excluded.closed_through
    WHERE month_end_watermarks.closed_through < excluded.closed_through
    """
)
_EXPIRING = text(
    """
    SELECT p.id, p.expiry_date, p.premium FROM ins.policies p
    WHERE p.org_id = :org AND p.status = 'active' AND p.expiry_date <= :on AND p.id > :after
    ORDER BY p.id LIMIT :limit
    """
)


def work_on(run_id: UUID, *, now: Callable[[], datetime], seconds: float | None = None) -> bool:
    """Do chunks of a run until none is left; return False where time ran out before."""
    until = None if seconds is None else time.monotonic() + seconds
    while until is None or time.monotonic() < until:
        with transaction() as session:
            status = queries.get_run(session, run_id).status
        if status is RunStatus.PLANNING:
            is_more = _plan_next(run_id, now())
        elif status is RunStatus.APPLYING:
            is_more = _apply_next(run_id, now())
        else:
            return True
        if not is_more:
            return True
    return False


def _claim(
    session: Session, run_id: UUID, kind: ChunkKind, is_planning: bool
) -> MonthEndChunk | None:
    column = MonthEndChunk.planned_at if is_planning else MonthEndChunk.applied_at
    return session.scalars(
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


def _left(session: Session, run_id: UUID, is_planning: bool, kind: ChunkKind | None = None) -> int:
    column = MonthEndChunk.planned_at if is_planning else MonthEndChunk.applied_at
    wanted = select(func.count()).where(
        MonthEndChunk.org_id == current_org(), MonthEndChunk.run_id == run_id, column.is_(None)
    )
    if kind is not None:
        wanted = wanted.where(MonthEndChunk.kind == kind)
    return session.scalar(wanted) or 0


def _work(session: Session, run: MonthEndRun, ids: Sequence[UUID], now: datetime) -> Work:
    return Work(
        steps=frozenset(map(StepCode, run.steps)),
        on=run.process_date,
        now=now,
        since=add_years(run.process_date, -1),
        escalations=load_escalations(session, run.process_date, ids),
    )


def _ids_of(session: Session, run: MonthEndRun, chunk: MonthEndChunk) -> list[UUID]:
    values = {"org": current_org(), "first": chunk.first_policy, "last": chunk.last_policy}
    if run.follows_id is not None:
        return list(session.scalars(_FOLLOWED_IDS, values | {"run": run.id}))
    return list(session.scalars(_IDS, values))


def _plan_next(run_id: UUID, now: datetime) -> bool:
    with transaction() as session:
        chunk = _claim(session, run_id, ChunkKind.BOOK, is_planning=True)
        if chunk is None:
            if _left(session, run_id, is_planning=True):
                return False
            return _finish_planning(session, run_id, now)
        run = queries.get_run(session, run_id)
        if run.status is not RunStatus.PLANNING:
            return False
        ids = _ids_of(session, run, chunk)
        work = _work(session, run, ids, now)
        effects = _guarded(session, run, ids, lambda some: chunks.plan(session, some, work), now)
        _keep_plan(session, run, chunk, in_order(effects), now)
        return True


def _keep_plan(
    session: Session,
    run: MonthEndRun,
    chunk: MonthEndChunk,
    effects: Sequence[Effect],
    now: datetime,
) -> None:
    session.flush()
    write_rows(session, _EFFECTS, [one.row(run.id, chunk.number) for one in effects])
    chunk.hash, chunk.totals, chunk.planned_at = hash_of(effects), totals_of(effects), now


def _guarded(
    session: Session,
    run: MonthEndRun,
    ids: Sequence[UUID],
    do: Callable[[Sequence[UUID]], list[Effect]],
    now: datetime,
) -> list[Effect]:
    """Do something for policies; those that fail are quarantined, found by halving."""
    if not ids:
        return []
    try:
        with session.begin_nested():
            return do(ids)
    except (OperationalError, psycopg.OperationalError):
        raise
    except _OF_A_POLICY as error:
        session.expire_all()
        if len(ids) == 1:
            changed = isinstance(error, _ChangedError)
            kind = ExceptionKind.CHANGED if changed else ExceptionKind.FAILED
            _leave_out(session, run, ids[0], kind, _in_words(error), now)
            return []
    middle = len(ids) // 2
    found = _guarded(session, run, ids[:middle], do, now)
    return found + _guarded(session, run, ids[middle:], do, now)


def _in_words(error: Exception) -> str:
    if isinstance(error, DomainError):
        return error.message
    return f"{type(error).__name__}: {error}".split("\n")[0][:500]


def _leave_out(
    session: Session,
    run: MonthEndRun,
    policy_id: UUID,
    kind: ExceptionKind,
    words: str,
    now: datetime,
) -> None:
    known = select(MonthEndException.id).where(
        MonthEndException.org_id == current_org(),
        MonthEndException.run_id == run.id,
        MonthEndException.policy_id == policy_id,
    )
    if session.scalar(known) is not None:
        return
    number = session.execute(
        text("SELECT policy_number FROM ins.policies WHERE org_id = :org AND id = :id"),
        {"org": current_org(), "id": policy_id},
    ).scalar_one()
    session.add(
        MonthEndException(
            id=new_id(),
            run_id=run.id,
            policy_id=policy_id,
            policy_number=number,
            kind=kind,
            error=words,
            noted_at=now,
        )
    )
    session.flush()


def _finish_planning(session: Session, run_id: UUID, now: datetime) -> bool:
    run = queries.get_run(session, run_id, lock=True)
    if run.status is not RunStatus.PLANNING:
        return False
    _plan_lists(session, run, now)
    run.totals, run.hash = _sum_up(session, run.id)
    run.planned_at = now
    run.status = RunStatus.PLANNED
    if not run.dry_run:
        run.status, run.started_at = RunStatus.APPLYING, now
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
    return ordered, chunks.hash_of_texts([chunk.hash or "" for chunk in rows])


def _plan_lists(session: Session, run: MonthEndRun, now: datetime) -> None:
    """List what ends: terms that are over, and premiums whose grace has run out."""
    steps = set(map(StepCode, run.steps))
    if not steps & set(_ENDING):
        return
    inside = _scope(session, run)
    found: list[tuple[UUID, StepCode, dict[str, Any], dict[str, Any], Decimal]] = []
    if StepCode.EXPIRIES in steps:
        found += [one for one in _expiries(session, run) if inside(one[0])]
    if steps & {StepCode.LAPSE_CANDIDATES, StepCode.LAPSES}:
        ending = {one[0] for one in found}
        found += [
            one
            for one in _candidates(session, run, steps)
            if inside(one[0]) and one[0] not in ending
        ]
    ids = sorted({one[0] for one in found})
    number = session.scalar(
        select(func.coalesce(func.max(MonthEndChunk.number), 0)).where(
            MonthEndChunk.org_id == current_org(), MonthEndChunk.run_id == run.id
        )
    )
    for at in range(0, len(ids), LIST_CHUNK):
        some = ids[at : at + LIST_CHUNK]
        facts = chunks.load_facts(session, some)
        effects = in_order(
            [
                chunks.effect_of(
                    facts[policy_id], policy_id, step, run.process_date, before, after, amount
                )
                for policy_id, step, before, after, amount in found
                if policy_id in facts and some[0] <= policy_id <= some[-1]
            ]
        )
        number = (number or 0) + 1
        chunk = MonthEndChunk(
            id=new_id(),
            run_id=run.id,
            number=number,
            kind=ChunkKind.LIST,
            first_policy=some[0],
            last_policy=some[-1],
            policies=len(some),
            totals={},
            done={},
        )
        session.add(chunk)
        _keep_plan(session, run, chunk, effects, now)
    session.flush()


def _scope(session: Session, run: MonthEndRun) -> Callable[[UUID], bool]:
    """Return what tells whether a policy belongs to the run."""
    if run.follows_id is not None:
        ids = set(
            session.scalars(
                select(MonthEndException.policy_id).where(
                    MonthEndException.org_id == current_org(),
                    MonthEndException.followed_by_id == run.id,
                )
            )
        )
        return lambda policy_id: policy_id in ids
    if run.limit_policies is None:
        return lambda _policy_id: True
    last = session.scalar(
        select(MonthEndChunk.last_policy)
        .where(MonthEndChunk.org_id == current_org(), MonthEndChunk.run_id == run.id)
        .order_by(MonthEndChunk.number.desc())
        .limit(1)
    )
    return lambda policy_id: last is not None and policy_id <= last


def _expiries(
    session: Session, run: MonthEndRun
) -> list[tuple[UUID, StepCode, dict[str, Any], dict[str, Any], Decimal]]:
    found, after = [], UUID(int=0)
    while True:
        values = {"org": current_org(), "on": run.process_date, "after": after, "limit": 5_000}
        rows = session.execute(_EXPIRING, values).all()
        found += [
            (
                row.id,
                StepCode.EXPIRIES,
                {"status": "active", "expiry_date": row.expiry_date},
                {"status": "expired", "ended_on": row.expiry_date},
                row.premium,
            )
            for row in rows
        ]
        if len(rows) < 5_000:
            return found
        after = rows[-1].id


def _candidates(
    session: Session, run: MonthEndRun, steps: set[StepCode]
) -> list[tuple[UUID, StepCode, dict[str, Any], dict[str, Any], Decimal]]:
    found = []
    for state in (LapseState.DUE, LapseState.BLOCKED):
        lines = _arrears(session, run.process_date, state)
        collecting = collection_in_flight(
            session, [line.policy_id for line in lines], on=run.process_date
        )
        for line in lines:
            stops = [block.value for block in line.blocked_by]
            if line.policy_id in collecting:
                stops.append("COLLECTION_IN_FLIGHT")
            before = {"status": line.status, "oldest_unpaid": line.oldest_unpaid}
            after: dict[str, Any] = {"listed": ["Lapse"], "lapse_date": line.lapse_date}
            if stops:
                after = {"blocked_by": sorted(set(stops)), "lapse_date": line.lapse_date}
            if StepCode.LAPSE_CANDIDATES in steps:
                step = StepCode.LAPSE_CANDIDATES
                found.append((line.policy_id, step, before, after, line.arrears))
            if StepCode.LAPSES in steps and not stops:
                ended = {"status": "lapsed", "ended_on": line.lapse_date}
                found.append((line.policy_id, StepCode.LAPSES, before, ended, line.arrears))
    return found


def _arrears(session: Session, on: date, state: LapseState) -> list[ArrearsLine]:
    found: list[ArrearsLine] = []
    after = None
    while True:
        page = list_lapse_candidates(session, on, 5_000, after, state=state)
        found += page.items
        if page.next_cursor is None:
            return found
        after = (found[-1].lapse_date, found[-1].policy_id)


def _apply_next(run_id: UUID, now: datetime) -> bool:
    with transaction() as session:
        run = queries.get_run(session, run_id)
        if run.status is not RunStatus.APPLYING:
            return False
        chunk = _claim(session, run_id, ChunkKind.BOOK, is_planning=False)
        if chunk is None:
            if _left(session, run_id, is_planning=False, kind=ChunkKind.BOOK):
                return False
            chunk = _claim(session, run_id, ChunkKind.LIST, is_planning=False)
        if chunk is not None:
            if chunk.kind is ChunkKind.BOOK:
                _apply_book(session, run, chunk, now)
            else:
                _apply_list(session, run, chunk, now)
            return True
        if _left(session, run_id, is_planning=False):
            return False
        is_to_close = _finish(session, run_id, now)
    if is_to_close:
        _close_books(run_id, now)
    return False


def _apply_book(session: Session, run: MonthEndRun, chunk: MonthEndChunk, now: datetime) -> None:
    """Write what the plan says of a stretch of the book, leaving out what has changed since."""
    ids = _ids_of(session, run, chunk)
    lock_policies(session, ids)
    out = _left_out(session, run.id, chunk)
    ids = [one for one in ids if one not in out]
    work = _work(session, run, ids, now)

    def do(some: Sequence[UUID]) -> list[Effect]:
        effects = chunks.apply(session, some, work)
        if len(some) < len(ids) or out or hash_of(effects) != chunk.hash:
            planned = _planned(session, run.id, chunk)
            gone = planned.keys() - set(ids) - out if len(some) == len(ids) else set()
            _compare(effects, planned, [*some, *gone])
        return effects

    try:
        with session.begin_nested():
            effects = do(ids)
    except _ChangedError as changed:
        session.expire_all()
        for policy_id in changed.policy_ids:
            words = "Changed since the plan"
            _leave_out(session, run, policy_id, ExceptionKind.CHANGED, words, now)
        ids = [one for one in ids if one not in changed.policy_ids]
        out |= changed.policy_ids
        effects = _guarded(session, run, ids, do, now)
    except (OperationalError, psycopg.OperationalError):
        raise
    except _OF_A_POLICY:
        session.expire_all()
        effects = _guarded(session, run, ids, do, now)
    out = _left_out(session, run.id, chunk)
    _done(session, run, chunk, [one for one in ids if one not in out], effects, now)


class _ChangedError(DomainError):
    """Policies of a plan have changed since."""

    def __init__(self, policy_ids: set[UUID]) -> None:
        super().__init__("Changed since the plan")
        self.policy_ids = policy_ids


def _compare(
    effects: Sequence[Effect], planned: Mapping[UUID, str], policy_ids: Sequence[UUID]
) -> None:
    """Refuse effects that are not those of the plan. Raises _ChangedError with the policies."""
    done = _texts(effects)
    differing = {one for one in policy_ids if planned.get(one) != done.get(one)}
    if differing:
        raise _ChangedError(differing)


def _done(
    session: Session,
    run: MonthEndRun,
    chunk: MonthEndChunk,
    ids: Sequence[UUID],
    effects: Sequence[Effect],
    now: datetime,
) -> None:
    if set(map(StepCode, run.steps)) >= _MONTHLY:
        through = last_month_end(run.process_date)
        values = {"org": current_org(), "ids": list(ids), "through": through}
        session.execute(_CLOSE_MONTH, values)
    chunk.done, chunk.applied_at = totals_of(effects), now
    record(
        session,
        action="month_end.apply_chunk",
        resource="month_end_runs",
        resource_id=run.id,
        after={"chunk": chunk.number, "policies": len(ids), "done": chunk.done},
    )


def _left_out(session: Session, run_id: UUID, chunk: MonthEndChunk) -> set[UUID]:
    return set(
        session.scalars(
            select(MonthEndException.policy_id).where(
                MonthEndException.org_id == current_org(),
                MonthEndException.run_id == run_id,
                MonthEndException.policy_id.between(chunk.first_policy, chunk.last_policy),
            )
        )
    )


def _planned(session: Session, run_id: UUID, chunk: MonthEndChunk) -> dict[UUID, str]:
    return _texts(_effects(session, run_id, chunk))


def _effects(session: Session, run_id: UUID, chunk: MonthEndChunk) -> list[Effect]:
    rows = session.execute(
        select(_EFFECTS)
        .where(
            _EFFECTS.c.org_id == current_org(),
            _EFFECTS.c.run_id == run_id,
            _EFFECTS.c.chunk == chunk.number,
        )
        .order_by(_EFFECTS.c.id)
    )
    return [
        Effect(
            row.policy_id,
            row.policy_number,
            row.product_id,
            StepCode(row.step),
            row.period,
            row.before,
            row.after,
            row.amount,
        )
        for row in rows
    ]


def _texts(effects: Sequence[Effect]) -> dict[UUID, str]:
    found: dict[UUID, str] = {}
    for one in in_order(effects):
        found[one.policy_id] = found.get(one.policy_id, "") + one.text
    return found


def _apply_list(session: Session, run: MonthEndRun, chunk: MonthEndChunk, now: datetime) -> None:
    """End policies one by one, each as on its own day."""
    out = _left_out(session, run.id, chunk)
    effects = [one for one in _effects(session, run.id, chunk) if one.policy_id not in out]
    lock_policies(session, {one.policy_id for one in effects})
    done = []
    for one in effects:
        if one.step is StepCode.LAPSE_CANDIDATES or _end(session, run, one, now):
            done.append(one)
    chunk.done, chunk.applied_at = totals_of(done), now
    session.flush()


def _end(session: Session, run: MonthEndRun, effect: Effect, now: datetime) -> bool:
    on = run.process_date
    try:
        with session.begin_nested():
            if effect.step is StepCode.EXPIRIES:
                outcome = expire(session, effect.policy_id, on=on, now=now)
            else:
                reason = f"Month-end {on:%Y/%m/%d}"
                outcome = lapse(session, effect.policy_id, reason=reason, on=on, now=now)
            if outcome.effective_date.isoformat() != effect.after["ended_on"]:
                raise ConflictError("It would end on another day than planned.")
    except (OperationalError, psycopg.OperationalError):
        raise
    except _OF_A_POLICY as error:
        session.expire_all()
        changed = isinstance(error, ConflictError)
        kind = ExceptionKind.CHANGED if changed else ExceptionKind.FAILED
        _leave_out(session, run, effect.policy_id, kind, _in_words(error), now)
        return False
    return True


def _finish(session: Session, run_id: UUID, now: datetime) -> bool:
    run = queries.get_run(session, run_id, lock=True)
    if run.status is not RunStatus.APPLYING:
        return False
    left_out = queries.count_exceptions(session, run_id)
    run.status = RunStatus.COMPLETED_WITH_EXCEPTIONS if left_out else RunStatus.COMPLETED
    run.finished_at = now
    record(
        session,
        action="month_end.complete",
        resource="month_end_runs",
        resource_id=run.id,
        after={
            "status": run.status,
            "policies": run.policies,
            "book": run.book,
            "left_out": sum(left_out.values()),
        },
    )
    return run.close_month and not left_out and run.policies == run.book


def _close_books(run_id: UUID, now: datetime) -> None:
    """Close the month of a run that left nobody out, if it is over."""
    with transaction() as session:
        run = queries.get_run(session, run_id)
    through = last_month_end(run.process_date)
    try:
        reason = f"Month-end {run.process_date:%Y/%m/%d}"
        close_books(through, reason=reason, on=through + timedelta(days=1), now=now)
    except DomainError as error:
        with transaction() as session:
            queries.get_run(session, run_id, lock=True).error = error.message
