"""Preparing, releasing and cancelling runs, set-based over the whole book."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import Table, func, select, text
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.billing.rules import plain_reference
from insurance.core.bulk import write_rows
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.ids import new_id
from insurance.core.money import ZERO
from insurance.core.numbering import next_number
from insurance.core.tenancy import current_org
from insurance.debit_orders import queries
from insurance.debit_orders.calendar import business_holidays
from insurance.debit_orders.models import DebitOrderItem, DebitOrderRun, DebitRunStatus
from insurance.debit_orders.rules import (
    Candidate,
    Choice,
    Exclusion,
    ItemStatus,
    Window,
    choose,
    is_business_day,
    item_reference,
)
from insurance.debit_orders.services.files import (
    digest_of,
    exporter_named,
    refuse_illegible,
    render,
)
from insurance.organizations.queries import get_organization

AHEAD_DAYS = 31
BACK_DAYS = 92
_ITEMS: Table = DebitOrderItem.__table__  # type: ignore[assignment]

# A premium paid, lowered or out of force since the run was prepared is not debited.
_DROP_CHANGED = text(
    """
    UPDATE ins.debit_order_items i SET status = 'EXCLUDED', exclusion = 'CHANGED_SINCE'
    FROM ins.premium_lines l, ins.policies p, ins.debit_order_mandates m
    WHERE i.org_id = :org AND i.run_id = :run AND i.status = 'INCLUDED'
      AND l.org_id = i.org_id AND l.id = i.premium_line_id
      AND p.org_id = i.org_id AND p.id = i.policy_id
      AND m.org_id = i.org_id AND m.id = i.mandate_id
      AND (l.status NOT IN ('PENDING', 'OVERDUE') OR l.amount - l.paid_amount < i.amount
           OR m.customer_id <> coalesce(p.payer_id, p.customer_id)
           OR p.status <> 'active' OR m.status <> 'ACTIVE' OR m.max_amount < i.amount)
    """
)
_SUBMIT = text(
    "UPDATE ins.debit_order_items SET status = 'SUBMITTED'"
    " WHERE org_id = :org AND run_id = :run AND status = 'INCLUDED'"
)
_CALL_BACK = text(
    "UPDATE ins.debit_order_items SET status = 'EXCLUDED', exclusion = 'RUN_CANCELLED'"
    " WHERE org_id = :org AND run_id = :run AND status IN ('INCLUDED', 'SUBMITTED')"
)


@dataclass(frozen=True, slots=True)
class RunPreview:
    """What a run would hold: debits with their total, and what is left out by reason."""

    action_date: date
    window: Window
    item_count: int = 0
    total: Decimal = ZERO
    excluded: dict[Exclusion, tuple[int, Decimal]] = field(default_factory=dict)


def preview_run(
    session: Session, action_date: date, *, on: date, since: date | None = None
) -> RunPreview:
    """Count what a run on an action date would hold; nothing is kept."""
    window = _window(session, action_date, on, since)
    return _add_up(action_date, window, _decide(session, window))


def prepare_run(
    action_date: date, *, on: date, now: datetime, since: date | None = None
) -> DebitOrderRun:
    """Take every premium to be debited on an action date into a draft run.

    `since` also takes what was to be collected from that day on and was not. Two people preparing
    at once wait for each other; the second finds what the first left.
    """
    try:
        with transaction() as session:
            window = _window(session, action_date, on, since)
            # The row of the number series is held until the commit: one preparation at a time.
            number = next_number(session, "DR", on)
            decided = list(_decide(session, window))
            preview = _add_up(action_date, window, decided)
            if not preview.item_count:
                raise DomainError(_nothing(preview), field="action_date")
            run = DebitOrderRun(
                id=new_id(),
                number=number,
                action_date=action_date,
                window_from=window.first,
                window_to=window.last,
                status=DebitRunStatus.DRAFT,
                item_count=preview.item_count,
                total=preview.total,
                created_by=current_actor().user_id,
                created_at=now,
            )
            session.add(run)
            session.flush()
            write_rows(session, _ITEMS, _item_rows(session, run, decided))
            _record(session, "prepare_run", run)
            return run
    except UniqueViolation as error:
        raise ConflictError("Somebody else prepared these premiums just now.") from error


def release_run(run_id: UUID, *, on: date, now: datetime, format: str = "BUREAU") -> DebitOrderRun:
    """Freeze a run for the bank, by somebody other than who prepared it.

    What was paid or changed since is left out. The file's hash is kept, the file is not.
    """
    with transaction() as session:
        run = queries.get_run(session, run_id, lock=True)
        exporter = exporter_named(format)
        _check_release(run, on)
        which = {"org": current_org(), "run": run_id}
        before = {"item_count": run.item_count, "total": run.total}
        session.execute(_DROP_CHANGED, which)
        session.execute(_SUBMIT, which)
        run.item_count, run.total = _submitted(session, run_id)
        if not run.item_count:
            raise ConflictError("Nothing in this run is to be debited any more. Cancel it.")
        refuse_illegible(session, run_id)
        run.released_by, run.released_at = current_actor().user_id, now
        digest = digest_of(render(session, run, exporter))
        run.status, run.exporter, run.file_hash = DebitRunStatus.RELEASED, exporter.name, digest
        _record(session, "release_run", run, before=before)
        return run


def cancel_run(run_id: UUID, *, reason: str, on: date) -> DebitOrderRun:
    """Give a run's premiums free again: a draft, or a released one before its action date."""
    if not reason.strip():
        raise DomainError("Say why.", field="reason")
    with transaction() as session:
        run = queries.get_run(session, run_id, lock=True)
        is_called_back = run.status is DebitRunStatus.RELEASED and on < run.action_date
        if run.status is not DebitRunStatus.DRAFT and not is_called_back:
            raise ConflictError(
                "Only a draft, or a released run before its action date, can be cancelled.",
                detail={"current_status": run.status.value},
            )
        before = {"status": run.status, "item_count": run.item_count, "total": run.total}
        session.execute(_CALL_BACK, {"org": current_org(), "run": run_id})
        run.status, run.item_count, run.total = DebitRunStatus.CANCELLED, 0, ZERO
        _record(session, "cancel_run", run, before=before, reason=reason)
        return run


def _window(session: Session, action_date: date, on: date, since: date | None) -> Window:
    if not on <= action_date <= on + timedelta(days=AHEAD_DAYS):
        raise DomainError(
            f"Choose a day from today to {AHEAD_DAYS} days ahead.", field="action_date"
        )
    if since is not None and not action_date - timedelta(days=BACK_DAYS) <= since <= action_date:
        raise DomainError(
            f"Choose a day at most {BACK_DAYS} days before the action date.", field="since"
        )
    holidays = business_holidays(session, action_date.year - 1, action_date.year + 1)
    if not is_business_day(action_date, holidays):
        raise DomainError("Banks process nothing on this day.", field="action_date")
    return Window.of(action_date, holidays, since)


def _decide(session: Session, window: Window) -> Iterator[tuple[Candidate, Choice | Exclusion]]:
    for candidate in queries.read_candidates(session, window):
        choice = choose(candidate, window)
        if choice is not Choice.NOT_NOW:
            yield candidate, choice


def _add_up(action_date: date, window: Window, decided: Any) -> RunPreview:
    count, amount = 0, ZERO
    left_out: dict[Exclusion, tuple[int, Decimal]] = {}
    for candidate, choice in decided:
        if isinstance(choice, Exclusion):
            items, so_far = left_out.get(choice, (0, ZERO))
            left_out[choice] = (items + 1, so_far + candidate.amount)
        else:
            count, amount = count + 1, amount + candidate.amount
    return RunPreview(action_date, window, count, amount, left_out)


def _nothing(preview: RunPreview) -> str:
    left_out = sum(items for items, _amount in preview.excluded.values())
    if not left_out:
        return "No premium is to be collected on this day, or a run holds them already."
    return f"No premium can be debited on this day; {left_out} would be left out."


def _item_rows(
    session: Session, run: DebitOrderRun, decided: list[tuple[Candidate, Choice | Exclusion]]
) -> Iterator[dict[str, Any]]:
    short_name = get_organization(session).name
    taken: Counter[UUID] = Counter()
    for candidate, choice in decided:
        left_out = choice if isinstance(choice, Exclusion) else None
        reference = None
        if left_out is None:
            taken[candidate.policy_id] += 1
            reference = item_reference(
                short_name, candidate.policy_number, candidate.debits + taken[candidate.policy_id]
            )
        yield {
            "id": new_id(),
            "run_id": run.id,
            "policy_id": candidate.policy_id,
            "premium_line_id": candidate.line_id,
            "mandate_id": candidate.mandate_id,
            "amount": candidate.amount,
            "reference": reference,
            "reference_key": plain_reference(reference) if reference else None,
            "action_date": run.action_date,
            "status": ItemStatus.EXCLUDED if left_out else ItemStatus.INCLUDED,
            "exclusion": left_out,
        }


def _check_release(run: DebitOrderRun, on: date) -> None:
    if run.status is not DebitRunStatus.DRAFT:
        raise ConflictError(
            "Only a draft can be released.", detail={"current_status": run.status.value}
        )
    releaser = current_actor().user_id
    if releaser is None or releaser == run.created_by:
        raise ForbiddenError("Somebody other than who prepared this run must release it.")
    if run.action_date < on:
        raise ConflictError("The action date has passed. Cancel this run and prepare another.")


def _submitted(session: Session, run_id: UUID) -> tuple[int, Decimal]:
    count, amount = session.execute(
        select(func.count(), func.coalesce(func.sum(DebitOrderItem.amount), ZERO)).where(
            DebitOrderItem.org_id == current_org(),
            DebitOrderItem.run_id == run_id,
            DebitOrderItem.status == ItemStatus.SUBMITTED,
        )
    ).one()
    return count, amount


def _record(
    session: Session,
    action: str,
    run: DebitOrderRun,
    *,
    before: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    names = ("number", "action_date", "status", "item_count", "total", "exporter", "file_hash")
    record(
        session,
        action=f"debit_orders.{action}",
        resource="debit_order_runs",
        resource_id=run.id,
        before=before,
        after={name: getattr(run, name) for name in names},
        reason=reason,
    )
