"""Policies that end, and the end of the run itself."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import psycopg
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.jobs import enqueue
from insurance.ledger.periods import close_books
from insurance.month_end import queries
from insurance.month_end.models import (
    ExceptionKind,
    MonthEndChunk,
    MonthEndRun,
    RunStatus,
    StepCode,
)
from insurance.month_end.rules import last_month_end
from insurance.month_end.services.chunks import effects_of_chunk
from insurance.month_end.services.effects import Effect, totals_of
from insurance.month_end.services.quarantine import OF_A_POLICY, in_words, leave_out, left_out
from insurance.month_end.services.telling import tell_ended
from insurance.policies.services.lifecycle import expire, lapse
from insurance.policies.services.lifecycle_endings import end_policies
from insurance.policies.services.payments import lock_policies


def apply_list(session: Session, run: MonthEndRun, chunk: MonthEndChunk, now: datetime) -> None:
    """End policies, each as on its own day."""
    out = left_out(session, run.id, chunk)
    effects = [effect for effect in effects_of_chunk(session, chunk) if effect.policy_id not in out]
    lock_policies(session, {effect.policy_id for effect in effects})
    ending = [effect for effect in effects if effect.step is not StepCode.LAPSE_CANDIDATES]
    ended = _end_many(session, run, ending, now)
    done = [effect for effect in effects if effect.step is StepCode.LAPSE_CANDIDATES] + ended
    chunk.done, chunk.applied_at = totals_of(done), now
    session.flush()


def _end_many(
    session: Session, run: MonthEndRun, effects: Sequence[Effect], now: datetime
) -> list[Effect]:
    """End policies together; those that do not fit alone, found by halving where writing fails."""
    if len(effects) <= 1:
        return [effect for effect in effects if _end(session, run, effect, now)]
    try:
        with session.begin_nested():
            ended = _end_together(session, run, effects, now)
    except (OperationalError, psycopg.OperationalError):
        raise
    except OF_A_POLICY:
        session.expire_all()
        middle = len(effects) // 2
        first = _end_many(session, run, effects[:middle], now)
        return first + _end_many(session, run, effects[middle:], now)
    alone = [effect for effect in effects if effect.policy_id not in ended]
    return [effect for effect in effects if effect.policy_id in ended] + [
        one for one in alone if _end(session, run, one, now)
    ]


def _end_together(
    session: Session, run: MonthEndRun, effects: Sequence[Effect], now: datetime
) -> set[UUID]:
    days: dict[bool, dict[UUID, date]] = {True: {}, False: {}}
    for effect in effects:
        day = date.fromisoformat(effect.after["ended_on"])
        days[effect.step is StepCode.LAPSES][effect.policy_id] = day
    reason = _reason(run)
    return end_policies(
        session, days[True], days[False], reason=reason, on=run.process_date, now=now
    )


def _reason(run: MonthEndRun) -> str:
    return f"Month-end {run.process_date:%Y/%m/%d}"


def _end(session: Session, run: MonthEndRun, effect: Effect, now: datetime) -> bool:
    on = run.process_date
    try:
        with session.begin_nested():
            if effect.step is StepCode.EXPIRIES:
                outcome = expire(session, effect.policy_id, on=on, now=now)
            else:
                outcome = lapse(session, effect.policy_id, reason=_reason(run), on=on, now=now)
            if outcome.effective_date.isoformat() != effect.after["ended_on"]:
                raise ConflictError("It would end on another day than planned.")
    except (OperationalError, psycopg.OperationalError):
        raise
    except OF_A_POLICY as error:
        session.expire_all()
        changed = isinstance(error, ConflictError)
        kind = ExceptionKind.CHANGED if changed else ExceptionKind.FAILED
        leave_out(session, run, effect.policy_id, kind, in_words(error), now)
        return False
    return True


def finish(session: Session, run_id: UUID, now: datetime) -> bool:
    """End the run once every chunk is applied; return whether its month is to be closed."""
    run = queries.get_run(session, run_id, lock=True)
    if run.status is not RunStatus.APPLYING:
        return False
    left_out = queries.count_exceptions(session, run_id)
    run.status = RunStatus.COMPLETED_WITH_EXCEPTIONS if left_out else RunStatus.COMPLETED
    run.finished_at = now
    enqueue(session, "month_end.report", run_id=run.id)
    tell_ended(session, run, left_out=sum(left_out.values()))
    if StepCode.CLAIMS_CLOCKS in run.steps:
        # What the plan lists is for people; the clocks themselves are the claims' own work.
        enqueue(session, "claims.watch_deadlines")
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


def close_month(run_id: UUID, now: datetime) -> None:
    """Close the month of a run that left nobody out, if it is over."""
    with transaction() as session:
        run = queries.get_run(session, run_id)
    through = last_month_end(run.process_date)
    try:
        close_books(through, reason=_reason(run), on=through + timedelta(days=1), now=now)
    except DomainError as error:
        with transaction() as session:
            queries.get_run(session, run_id, lock=True).error = error.message
