"""Asking for a month-end, applying its plan, cancelling it, following it up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalStatus
from insurance.audit_logs.services import record
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, StaleError
from insurance.core.first_rows import hold_row
from insurance.core.ids import new_id
from insurance.core.jobs import enqueue
from insurance.core.tenancy import current_org
from insurance.ledger.periods import in_words
from insurance.ledger.queries import closed_through
from insurance.month_end import queries
from insurance.month_end.models import (
    ChunkKind,
    MonthEndChunk,
    MonthEndException,
    MonthEndRun,
    MonthEndSetting,
    RunStatus,
    StepCode,
)
from insurance.month_end.rules import EVERY_RUN, last_month_end, read_addresses
from insurance.month_end.services.approving import end_request, refuse_superseded, state_of
from insurance.month_end.services.auditing import audit_run
from insurance.month_end.services.escalations import load_escalations
from insurance.month_end.services.telling import tell_failed
from insurance.month_end.services.work import work_on

CHUNK = 5_000
AT_ONCE = 2_000
"""A run over no more policies may be finished while the caller waits."""
JOBS = 2
_STALLED = timedelta(seconds=60)
ALWAYS = frozenset(StepCode(code) for code in EVERY_RUN)
OPEN = (RunStatus.PLANNING, RunStatus.PLANNED, RunStatus.APPROVED, RunStatus.APPLYING)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRun:
    """What somebody asks of month-end."""

    process_date: date
    steps: frozenset[StepCode]
    dry_run: bool = True
    limit_policies: int | None = None
    close_month: bool = False
    chunk: int = CHUNK


_BOUNDS = text(
    """
    WITH book AS (
        SELECT p.id, row_number() OVER (ORDER BY p.id) AS place
        FROM ins.policies p
        WHERE p.org_id = :org AND p.status IN ('active', 'suspended')
    ), chosen AS (
        SELECT id, place FROM book WHERE CAST(:most AS bigint) IS NULL OR place <= :most
    )
    SELECT id, place FROM chosen
    WHERE place % :chunk IN (0, 1) OR place = (SELECT max(place) FROM chosen) OR :chunk = 1
    ORDER BY place
    """
)
_FOLLOWED = text(
    """
    SELECT x.policy_id AS id, row_number() OVER (ORDER BY x.policy_id) AS place
    FROM ins.month_end_exceptions x
    JOIN ins.policies p ON p.org_id = x.org_id AND p.id = x.policy_id
     AND p.status IN ('active', 'suspended')
    WHERE x.org_id = :org AND x.run_id = :run AND x.followed_by_id IS NULL
    ORDER BY x.policy_id
    """
)
_COUNT = text(
    """
    SELECT count(*) FROM ins.policies
    WHERE org_id = :org AND status IN ('active', 'suspended')
    """
)


def request_run(wanted: WantedRun, *, on: date, now: datetime) -> MonthEndRun:
    """Begin to plan a month-end, in jobs.

    Raises DomainError for a date that is closed, out of order or too far ahead, a limit of 0, no
    step, or an index without the month; ConflictError while another run is busy.
    """
    try:
        with transaction() as session:
            _check(session, wanted, on)
            run = _new_run(wanted, now)
            run.book = session.scalar(_COUNT, {"org": current_org()}) or 0
            session.add(run)
            session.flush()
            values = {"org": current_org(), "most": wanted.limit_policies, "chunk": wanted.chunk}
            bounds = session.execute(_BOUNDS, values).all()
            run.policies = bounds[-1].place if bounds else 0
            _add_chunks(session, run, bounds, wanted.chunk)
            _ask(session, run)
            audit_run(session, run, "month_end.plan")
            return run
    except IntegrityError as error:
        raise _busy() from error


def _busy() -> ConflictError:
    with transaction() as session:
        busy = queries.find_busy_run(session)
        if busy is None:
            return ConflictError("Another month-end has just begun. Look again.")
        return ConflictError(
            f"{busy.requested_by} has had a month-end for {in_words(busy.process_date)} under way"
            f" since {busy.requested_at:%Y/%m/%d %H:%M} UTC. Wait for it, or cancel it.",
            detail={
                "run_id": str(busy.id),
                "requested_by": busy.requested_by,
                "since": busy.requested_at.isoformat(),
            },
        )


def _check(session: Session, wanted: WantedRun, on: date) -> None:
    day = wanted.process_date
    if wanted.limit_policies is not None and wanted.limit_policies < 1:
        raise DomainError(
            "Process at least one policy, or leave the limit out.", field="limit_policies"
        )
    if not wanted.steps - ALWAYS:
        raise DomainError("Switch at least one step on.", field="steps")
    setting = queries.get_setting(session)
    last = on + timedelta(days=setting.days_ahead)
    if day > last:
        raise DomainError(
            f"A plan reaches at most {setting.days_ahead} days ahead, to {in_words(last)}.",
            field="process_date",
        )
    if not wanted.dry_run and not setting.may_apply_unapproved:
        raise ConflictError(
            "A second person approves a month-end here. Plan it with dry_run true, have it"
            " approved, then apply it.",
            field="dry_run",
        )
    if not wanted.dry_run and day > on:
        raise DomainError(
            f"Only a day that has come can be applied; today is {on:%Y/%m/%d}.",
            field="process_date",
        )
    closed = closed_through(session)
    if closed is not None and day <= closed:
        raise DomainError(
            f"The books are closed to {in_words(closed)}; use a later date.", field="process_date"
        )
    done = queries.find_last_completed(session)
    if done is not None and day < done.process_date:
        raise DomainError(
            f"Month-end was done for {in_words(done.process_date)}; go on from there.",
            field="process_date",
        )
    if StepCode.ANNIVERSARIES in wanted.steps:
        _check_index(session, day)


_INDEXED = text(
    """
    SELECT p.product_version_id, p.product_id, min(p.effective_date) AS oldest
    FROM ins.policies p
    WHERE p.org_id = :org AND p.status IN ('active', 'suspended')
      AND extract(month FROM p.effective_date) = extract(month FROM CAST(:on AS date))
      AND p.effective_date < CAST(:on AS date) - 360
    GROUP BY p.product_version_id, p.product_id
    """
)


def _check_index(session: Session, day: date) -> None:
    """Refuse a plan whose anniversaries of this month lack their index."""
    found = None
    for row in session.execute(_INDEXED, {"org": current_org(), "on": day}).all():
        found = found or load_escalations(session, day)
        escalation = found.of(None, row.product_version_id, row.product_id, day)
        found.rise(escalation, row.oldest, day.replace(day=1))


def _new_run(wanted: WantedRun, now: datetime) -> MonthEndRun:
    actor = current_actor()
    return MonthEndRun(
        id=new_id(),
        process_date=wanted.process_date,
        status=RunStatus.PLANNING,
        dry_run=wanted.dry_run,
        steps=[step.value for step in StepCode if step in wanted.steps],
        limit_policies=wanted.limit_policies,
        close_month=wanted.close_month,
        policies=0,
        book=0,
        totals={},
        requested_at=now,
        requested_by=actor.email,
        requested_by_id=actor.user_id,
    )


def _add_chunks(session: Session, run: MonthEndRun, bounds: Sequence[Any], size: int) -> None:
    """Divide the chosen policies into stretches of the book; a stretch is known by its ends."""
    number, first = 0, None
    for bound in bounds:
        if first is None:
            first = bound
        if bound.place % size == 0 or bound is bounds[-1]:
            number += 1
            session.add(
                MonthEndChunk(
                    id=new_id(),
                    run_id=run.id,
                    number=number,
                    kind=ChunkKind.BOOK,
                    first_policy=first.id,
                    last_policy=bound.id,
                    policies=bound.place - first.place + 1,
                    totals={},
                    done={},
                )
            )
            first = None
    session.flush()


def _ask(session: Session, run: MonthEndRun) -> None:
    for _worker in range(JOBS):
        enqueue(session, "month_end.work", run_id=run.id)


def apply_run(run_id: UUID, *, on: date, now: datetime) -> MonthEndRun:
    """Begin to apply an approved plan, in jobs.

    Raises ConflictError for one that is not approved or was applied, DomainError where its month
    has been closed or its day has not come.
    """
    try:
        with transaction() as session:
            run = queries.get_run(session, run_id, lock=True)
            if not _may_apply(run, queries.get_setting(session)):
                raise ConflictError(f"{state_of(run)}; only an approved plan can be applied.")
            refuse_superseded(session, run)
            end_request(session, run, ApprovalStatus.VOID, "The plan was applied without it.", now)
            begin_applying(session, run, on=on, now=now)
            _ask(session, run)
            audit_run(session, run, "month_end.apply")
            return run
    except IntegrityError as error:
        raise _busy() from error


def _may_apply(run: MonthEndRun, setting: MonthEndSetting) -> bool:
    """Tell whether a plan is approved, need not be, or failed in the middle and may go on."""
    if run.status is RunStatus.PLANNED:
        return setting.may_apply_unapproved
    return run.status is RunStatus.APPROVED or (
        run.status is RunStatus.FAILED and run.started_at is not None
    )


def begin_applying(session: Session, run: MonthEndRun, *, on: date, now: datetime) -> None:
    """Turn a plan into work, as a step of the caller's transaction."""
    if run.process_date > on:
        raise DomainError(
            f"This plan is for {in_words(run.process_date)}, which has not come.",
            field="process_date",
        )
    closed = closed_through(session)
    if closed is not None and run.process_date <= closed:
        raise DomainError(
            f"The books are closed to {in_words(closed)}. Plan again for a later date.",
            field="process_date",
        )
    run.status, run.error, run.finished_at = RunStatus.APPLYING, None, None
    run.started_at = run.started_at or now
    session.flush()


def cancel_run(run_id: UUID, *, now: datetime) -> MonthEndRun:
    """Stop a run: a plan at once, one that is applied after the chunks under way."""
    with transaction() as session:
        run = queries.get_run(session, run_id, lock=True)
        if run.status not in OPEN:
            raise ConflictError(f"{state_of(run)}; there is nothing to cancel.")
        end_request(session, run, ApprovalStatus.WITHDRAWN, "The plan was cancelled.", now)
        run.status, run.finished_at = RunStatus.CANCELLED, now
        audit_run(session, run, "month_end.cancel")
        return run


def retry_run(run_id: UUID, *, on: date, now: datetime, chunk: int = CHUNK) -> MonthEndRun:
    """Plan again what a run left out: the quarantined and the changed, as a run of its own."""
    try:
        with transaction() as session:
            before = queries.get_run(session, run_id, lock=True)
            if before.status not in queries.ENDED:
                raise ConflictError(f"{state_of(before)}; only one that ended is followed up.")
            values = {"org": current_org(), "run": run_id}
            rows = session.execute(_FOLLOWED, values).all()
            if not rows:
                raise ConflictError("Nothing was left out that is not followed up already.")
            wanted = WantedRun(
                process_date=before.process_date, steps=frozenset(map(StepCode, before.steps))
            )
            run = _new_run(wanted, now)
            run.follows_id, run.policies, run.book = before.id, len(rows), len(rows)
            session.add(run)
            session.flush()
            _add_chunks(session, run, _ends(rows, chunk), chunk)
            session.execute(
                update(MonthEndException)
                .where(
                    MonthEndException.org_id == current_org(),
                    MonthEndException.run_id == run_id,
                    MonthEndException.policy_id.in_([row.id for row in rows]),
                )
                .values(followed_by_id=run.id)
            )
            _ask(session, run)
            audit_run(session, run, "month_end.retry")
            return run
    except IntegrityError as error:
        raise _busy() from error


def _ends(rows: Sequence[Any], chunk: int) -> list[Any]:
    last = len(rows)
    return [row for row in rows if row.place % chunk in (0, 1) or row.place == last or chunk == 1]


def finish_now(run_id: UUID, *, now: datetime) -> MonthEndRun:
    """Do the work of a short run while the caller waits; a long one is left to its jobs."""
    with transaction() as session:
        run = queries.get_run(session, run_id)
        is_short = run.policies <= AT_ONCE
    if is_short:
        work_on(run_id, now=lambda: now)
    with transaction() as session:
        return queries.get_run(session, run_id)


def plan_last_month(*, on: date, now: datetime) -> MonthEndRun | None:
    """Plan the month that ended last, once, where plans are made unasked; lapses are only named."""
    day = last_month_end(on - timedelta(days=1))
    with transaction() as session:
        if not queries.get_setting(session).plans_itself:
            return None
        if queries.find_run_for(session, day) is not None or queries.find_busy_run(session):
            return None
    wanted = WantedRun(process_date=day, steps=frozenset(StepCode) - {StepCode.LAPSES})
    try:
        return request_run(wanted, on=on, now=now)
    except DomainError:
        # Such as an index without the month: a person sees why when planning by hand.
        return None


def wake_stalled_run(*, now: datetime) -> bool:
    """Ask for work where a run is busy and nothing happened for a while; tell whether it was."""
    with transaction() as session:
        run = queries.find_busy_run(session)
        if run is None or queries.has_waiting_work(session, run.id, now, now - _STALLED):
            return False
        _ask(session, run)
        return True


def fail_run(run_id: UUID, error: str, *, now: datetime) -> None:
    """End a run that cannot go on. What it applied stays; applying again goes on from there."""
    with transaction() as session:
        run = queries.get_run(session, run_id, lock=True)
        if run.status in queries.BUSY:
            run.status, run.error, run.finished_at = RunStatus.FAILED, error[:500], now
            enqueue(session, "month_end.report", run_id=run.id)
            audit_run(session, run, "month_end.fail", reason=run.error)
            tell_failed(session, run)


def set_month_end(
    *,
    may_apply_unapproved: bool,
    days_ahead: int,
    mail_to: str | None = None,
    plans_itself: bool = False,
    version: int | None = None,
) -> MonthEndSetting:
    """Say what the organization allows, who hears of runs, and whether plans are made unasked.

    Raises StaleError where somebody saved since `version`.
    """
    if not 0 <= days_ahead <= 366:
        raise DomainError("Between 0 and 366 days.", field="days_ahead")
    addresses = read_addresses(mail_to or "")
    with transaction() as session:
        row = hold_row(session, queries.get_setting(session))
        before = _setting_as_audited(row)
        if version is not None and version != row.version:
            raise StaleError("Somebody else saved first.", theirs=before, yours={})
        row.version += 1
        row.may_apply_unapproved, row.days_ahead = may_apply_unapproved, days_ahead
        row.mail_to, row.plans_itself = ", ".join(addresses) or None, plans_itself
        session.flush()
        record(
            session,
            action="month_end.set",
            resource="month_end",
            before=before,
            after=_setting_as_audited(row),
        )
        return row


def _setting_as_audited(row: MonthEndSetting) -> dict[str, Any]:
    names = ("may_apply_unapproved", "days_ahead", "mail_to", "plans_itself")
    return {name: getattr(row, name) for name in names}
