"""Taking in what banks answer: items and mandates change here, money is posted by the caller."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.alerts.services import notify
from insurance.audit_logs.services import record
from insurance.core.tenancy import current_org
from insurance.debit_orders.alert_kinds import CLOSED
from insurance.debit_orders.models import DebitRunStatus
from insurance.debit_orders.rules import (
    DebitVerdict,
    ItemStatus,
    MandateStatus,
    Post,
    Result,
    Treatment,
    judge,
    mandate_after,
    plain_code,
    treatment,
)

# Locked in the order of their ids, so that two files with the same debits wait and never deadlock.
_ITEMS = text(
    """
    SELECT id, run_id, policy_id, premium_line_id, mandate_id, amount, reference, action_date,
           status, reason_code
    FROM ins.debit_order_items
    WHERE org_id = :org AND reference = ANY(:references)
    ORDER BY id FOR UPDATE
    """
)
_PREVIOUS = text(
    """
    SELECT DISTINCT ON (i.id) i.id, b.reason_code
    FROM ins.debit_order_items i
    JOIN ins.debit_order_items b ON b.org_id = i.org_id AND b.policy_id = i.policy_id
     AND b.mandate_id = i.mandate_id AND b.status IN ('PAID', 'UNPAID')
     AND (b.action_date, b.id) < (i.action_date, i.id)
    WHERE i.org_id = :org AND i.id = ANY(:items)
    ORDER BY i.id, b.action_date DESC, b.id DESC
    """
)
_SET_ITEMS = text(
    """
    UPDATE ins.debit_order_items i SET status = n.status, reason_code = n.reason_code
    FROM unnest(CAST(:ids AS uuid[]), CAST(:statuses AS text[]), CAST(:codes AS text[]))
      AS n(id, status, reason_code)
    WHERE i.org_id = :org AND i.id = n.id
    """
)
_SET_MANDATES = text(
    """
    UPDATE ins.debit_order_mandates m SET status = n.status,
       cancelled_at = CASE WHEN n.status = 'CANCELLED' THEN CAST(:now AS timestamptz)
                      ELSE m.cancelled_at END,
       cancel_reason = CASE WHEN n.status = 'CANCELLED' THEN n.reason ELSE m.cancel_reason END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:statuses AS text[]), CAST(:reasons AS text[]))
      AS n(id, status, reason)
    WHERE m.org_id = :org AND m.id = n.id AND m.status <> 'CANCELLED'
    """
)
_SET_RUNS = text(
    """
    UPDATE ins.debit_order_runs r
    SET status = CASE WHEN n.waiting > 0 THEN 'RESULTS_IN' ELSE 'CLOSED' END
    FROM (
        SELECT x.id, count(i.id) AS waiting FROM ins.debit_order_runs x
        LEFT JOIN ins.debit_order_items i
          ON i.org_id = x.org_id AND i.run_id = x.id AND i.status = 'SUBMITTED'
        WHERE x.org_id = :org AND x.id = ANY(:runs) GROUP BY x.org_id, x.id
    ) n
    WHERE r.org_id = :org AND r.id = n.id AND r.status IN ('RELEASED', 'RESULTS_IN')
    RETURNING r.id, r.number, r.status, r.created_by, r.released_by
    """
)


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One line of a bank's answer."""

    reference: str
    result: Result
    reason_code: str | None = None


@dataclass(frozen=True, slots=True)
class DebitOutcome:
    """What became of a row, in the order of the rows, and what the caller must post for it.

    RECEIPT: book the amount on the premium line. REVERSAL: take the receipt back, with the reason
    code. SUSPENSE: money that belongs to no debit that waits for it. Where `treatment` is
    POSSIBLE_CLAIM somebody must be told.
    """

    reference: str
    verdict: DebitVerdict
    post: Post
    item_id: UUID | None = None
    policy_id: UUID | None = None
    premium_line_id: UUID | None = None
    amount: Decimal | None = None
    reason_code: str | None = None
    treatment: Treatment | None = None
    mandate_status: MandateStatus | None = None


def mark_results(
    session: Session, results: Sequence[ResultRow], *, now: datetime
) -> list[DebitOutcome]:
    """Update items, mandates and runs by what a bank answered: a step of the caller's command.

    The same answer again is a duplicate and changes nothing.
    """
    found = session.execute(
        _ITEMS, {"org": current_org(), "references": list({row.reference for row in results})}
    )
    items = {row.reference: row for row in found}
    previous = _previous_codes(session, items.values())
    standing = {
        reference: (ItemStatus(row.status), row.reason_code) for reference, row in items.items()
    }
    outcomes = []
    for row in results:
        item = items.get(row.reference)
        outcome = _outcome(row, item, standing, previous)
        outcomes.append(outcome)
    _write(session, items, standing, outcomes, now)
    return outcomes


def _previous_codes(session: Session, items: Iterable[Any]) -> dict[UUID, str | None]:
    found = session.execute(_PREVIOUS, {"org": current_org(), "items": [row.id for row in items]})
    return {row.id: row.reason_code for row in found}


def _outcome(
    row: ResultRow,
    item: Any,
    standing: dict[str, tuple[ItemStatus, str | None]],
    previous: dict[UUID, str | None],
) -> DebitOutcome:
    status = standing[row.reference][0] if item is not None else None
    judged = judge(status, row.result)
    if item is None or status in (ItemStatus.INCLUDED, ItemStatus.EXCLUDED):
        return DebitOutcome(row.reference, judged.verdict, judged.post, reason_code=row.reason_code)
    what = None
    if judged.status is not None:
        code = plain_code(row.reason_code) if judged.status is ItemStatus.UNPAID else None
        standing[row.reference] = (judged.status, code)
    if judged.status is ItemStatus.UNPAID:
        what = treatment(row.reason_code, previous=previous.get(item.id))
    return DebitOutcome(
        reference=row.reference,
        verdict=judged.verdict,
        post=judged.post,
        item_id=item.id,
        policy_id=item.policy_id,
        premium_line_id=item.premium_line_id,
        amount=item.amount,
        reason_code=plain_code(row.reason_code),
        treatment=what,
        mandate_status=mandate_after(what) if what else None,
    )


def _write(
    session: Session,
    items: dict[str, Any],
    standing: dict[str, tuple[ItemStatus, str | None]],
    outcomes: list[DebitOutcome],
    now: datetime,
) -> None:
    applied = [outcome for outcome in outcomes if outcome.verdict is DebitVerdict.APPLIED]
    if not applied:
        return
    touched = {one.reference: items[one.reference] for one in applied}
    _write_items(session, touched, standing)
    _write_mandates(session, touched, applied, now)
    runs = {item.run_id for item in touched.values()}
    for run in session.execute(_SET_RUNS, {"org": current_org(), "runs": list(runs)}):
        if run.status == DebitRunStatus.CLOSED:
            people, about = [run.created_by, run.released_by], ("debit_order_runs", run.id)
            notify(session, CLOSED, people, about, number=run.number)
    for run_id in runs:
        mine = [one for one in applied if items[one.reference].run_id == run_id]
        record(
            session,
            action="debit_orders.mark_results",
            resource="debit_order_runs",
            resource_id=run_id,
            after=_tally(mine),
        )


def _write_items(
    session: Session,
    touched: dict[str, Any],
    standing: dict[str, tuple[ItemStatus, str | None]],
) -> None:
    session.execute(
        _SET_ITEMS,
        {
            "org": current_org(),
            "ids": [item.id for item in touched.values()],
            "statuses": [standing[reference][0].value for reference in touched],
            "codes": [standing[reference][1] for reference in touched],
        },
    )


def _write_mandates(
    session: Session, touched: dict[str, Any], applied: list[DebitOutcome], now: datetime
) -> None:
    """Stop what must stop; of several reasons for one mandate, the one that cancels it wins."""
    stops: dict[UUID, tuple[MandateStatus, str]] = {}
    for one in applied:
        if one.mandate_status is None:
            continue
        mandate_id = touched[one.reference].mandate_id
        if stops.get(mandate_id, (None,))[0] is not MandateStatus.CANCELLED:
            stops[mandate_id] = (one.mandate_status, f"Unpaid with code {one.reason_code}")
    if stops:
        session.execute(
            _SET_MANDATES,
            {
                "org": current_org(),
                "now": now,
                "ids": list(stops),
                "statuses": [status.value for status, _reason in stops.values()],
                "reasons": [reason for _status, reason in stops.values()],
            },
        )


def _tally(outcomes: list[DebitOutcome]) -> dict[str, int]:
    return {
        "paid": sum(outcome.post is Post.RECEIPT for outcome in outcomes),
        "unpaid": sum(outcome.post is Post.NOTHING for outcome in outcomes),
        "reversed": sum(outcome.post is Post.REVERSAL for outcome in outcomes),
        "mandates_stopped": sum(outcome.mandate_status is not None for outcome in outcomes),
    }
