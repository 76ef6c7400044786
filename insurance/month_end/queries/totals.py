"""What a run comes to, by step, account and product."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from insurance.core.tenancy import current_org
from insurance.month_end.models import (
    MonthEndPack,
    MonthEndRun,
    PackKind,
    RunStatus,
    StepCode,
)


@dataclass(frozen=True, slots=True)
class TotalLine:
    """What a step comes to for a product: planned, and done so far."""

    step: StepCode
    product_id: UUID
    product_name: str
    planned: int
    amount: Decimal
    done: int
    done_amount: Decimal


@dataclass(frozen=True, slots=True)
class PostedLine:
    """Transfers of a run of one type between two accounts; `is_ending`: made where cover ended."""

    is_ending: bool
    type: str
    debit: str
    credit: str
    transfers: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Said:
    """What the plan, the receipts and the policies' histories say of a run's money, in rand."""

    charged: Decimal
    adjusted: Decimal
    given_back: Decimal
    settled: Decimal
    charged_at_end: Decimal
    taken_back: Decimal
    owed_at_end: Decimal


@dataclass(frozen=True, slots=True)
class RiseLine:
    """Anniversaries of a product at one rate, and where the rate came from."""

    product_name: str
    type: str
    source: str
    rate: Decimal
    policies: int
    before: Decimal
    after: Decimal


_DONE = text(
    """
    SELECT s.key AS step, p.key AS product_id, sum(CAST(p.value ->> 0 AS bigint)) AS effects,
           sum(CAST(p.value ->> 1 AS numeric)) AS amount
    FROM ins.month_end_chunks c
    CROSS JOIN LATERAL jsonb_each(c.done) s
    CROSS JOIN LATERAL jsonb_each(s.value) p
    WHERE c.org_id = :org AND c.run_id = :run AND c.applied_at IS NOT NULL
    GROUP BY s.key, p.key
    """
)
_SO_FAR = text(
    """
    SELECT s.key AS step, p.key AS product_id, sum(CAST(p.value ->> 0 AS bigint)) AS effects,
           sum(CAST(p.value ->> 1 AS numeric)) AS amount
    FROM ins.month_end_chunks c
    CROSS JOIN LATERAL jsonb_each(c.totals) s
    CROSS JOIN LATERAL jsonb_each(s.value) p
    WHERE c.org_id = :org AND c.run_id = :run AND c.planned_at IS NOT NULL
    GROUP BY s.key, p.key
    """
)
_POSTED = text(
    """
    WITH posted AS (
        SELECT t.type, t.debit_account, t.credit_account, t.amount, EXISTS (
                   SELECT FROM ins.month_end_chunks c
                   JOIN ins.month_end_effects e ON e.org_id = c.org_id AND e.run_id = c.run_id
                    AND e.step IN ('EXPIRIES', 'LAPSES') AND e.policy_id = t.policy_id
                    AND e.chunk = c.number
                   WHERE c.org_id = t.org_id AND c.run_id = :run AND c.kind = 'LIST'
                     AND c.applied_at = t.posted_at) AS is_ending
        FROM ins.ledger_transfers t
        WHERE t.org_id = :org AND t.id > :run AND EXISTS (
            SELECT FROM ins.month_end_chunks c
            WHERE c.org_id = t.org_id AND c.run_id = :run AND c.applied_at = t.posted_at
              AND t.policy_id BETWEEN c.first_policy AND c.last_policy)
    )
    SELECT p.is_ending, p.type, p.debit_account, p.credit_account, count(*), sum(p.amount)
    FROM posted p
    GROUP BY p.is_ending, p.type, p.debit_account, p.credit_account
    ORDER BY p.is_ending, p.type, p.debit_account, p.credit_account
    """
)
_DONE_EFFECT = """
    FROM ins.month_end_effects e
    JOIN ins.month_end_chunks c ON c.org_id = e.org_id AND c.run_id = e.run_id
     AND c.number = e.chunk AND c.applied_at IS NOT NULL
    LEFT JOIN ins.month_end_exceptions x ON x.org_id = e.org_id AND x.run_id = e.run_id
     AND x.policy_id = e.policy_id
"""
_ADJUSTED = text(
    "".join(
        [
            """
    SELECT coalesce(sum(a.amount) FILTER (WHERE a.amount > 0), 0) AS charged,
           coalesce(-sum(a.amount) FILTER (WHERE a.amount < 0), 0) AS given_back
    FROM (
        SELECT CAST(e.after ->> 'adjustment' AS numeric) AS amount """,
            _DONE_EFFECT,
            """
        WHERE e.org_id = :org AND e.run_id = :run AND e.step = 'ANNIVERSARIES'
          AND e.after ? 'adjustment' AND x.id IS NULL
    ) a
    """,
        ]
    )
)
_SETTLED = text(
    """
    SELECT coalesce(sum(a.amount), 0)
    FROM ins.allocations a
    JOIN ins.receipts r ON r.org_id = a.org_id AND r.id = a.receipt_id
    WHERE a.org_id = :org AND a.id > :run AND a.allocated_on = :on AND EXISTS (
        SELECT FROM ins.ledger_transfers t
        JOIN ins.month_end_chunks c ON c.org_id = t.org_id AND c.run_id = :run
         AND c.applied_at = t.posted_at AND t.policy_id BETWEEN c.first_policy AND c.last_policy
        WHERE t.org_id = a.org_id AND t.premium_line_id = a.premium_line_id AND t.id > :run
          AND t.receipt_id = a.receipt_id AND t.type = 'CREDIT_APPLIED')
    """
)
_ENDED_SAY = text(
    "".join(
        [
            """
    SELECT coalesce(sum(CAST(v.payload ->> 'charged' AS numeric)), 0) AS charged,
           coalesce(sum(CAST(v.payload ->> 'uncharged' AS numeric)), 0) AS uncharged,
           coalesce(sum(CAST(v.payload ->> 'arrears' AS numeric)), 0) AS arrears """,
            _DONE_EFFECT,
            """
    JOIN ins.policy_events v ON v.org_id = e.org_id AND v.policy_id = e.policy_id
     AND v.recorded_at = c.applied_at AND v.event_type IN ('POLICY_LAPSED', 'POLICY_EXPIRED')
    WHERE e.org_id = :org AND e.run_id = :run AND e.step IN ('EXPIRIES', 'LAPSES') AND x.id IS NULL
    """,
        ]
    )
)
_RISES = text(
    """
    SELECT pr.name, e.after ->> 'type', e.after ->> 'source', CAST(e.after ->> 'rate' AS numeric),
           count(*), sum(CAST(e.before ->> 'premium' AS numeric)),
           sum(CAST(e.after ->> 'premium' AS numeric))
    FROM ins.month_end_effects e
    JOIN ins.products pr ON pr.org_id = e.org_id AND pr.id = e.product_id
    WHERE e.org_id = :org AND e.run_id = :run AND e.step = 'ANNIVERSARIES' AND e.after ? 'premium'
    GROUP BY pr.name, e.after ->> 'type', e.after ->> 'source', e.after ->> 'rate'
    ORDER BY pr.name, 2, 3, 4
    """
)
_PRODUCTS = text("SELECT id, name FROM ins.products WHERE org_id = :org")


def list_totals(session: Session, run: MonthEndRun) -> list[TotalLine]:
    """Return what each step comes to by product, in the order of the steps; so far, in planning."""
    values = {"org": current_org(), "run": run.id}
    totals: dict[str, dict[str, Any]] = run.totals
    if run.status is RunStatus.PLANNING:
        totals = {}
        for step, product, *found in session.execute(_SO_FAR, values):
            totals.setdefault(step, {})[product] = found
    done = {(row.step, row.product_id): row for row in session.execute(_DONE, values)}
    names = {row.id: row.name for row in session.execute(_PRODUCTS, {"org": current_org()})}
    lines = []
    for step, products in totals.items():
        for product, (planned, amount) in products.items():
            row, product_id = done.get((step, product)), UUID(product)
            lines.append(
                TotalLine(
                    StepCode(step),
                    product_id,
                    names[product_id],
                    planned,
                    Decimal(amount),
                    int(row.effects) if row else 0,
                    row.amount if row else Decimal("0.00"),
                )
            )
    order = {step: place for place, step in enumerate(StepCode)}
    return sorted(lines, key=lambda one: (order[one.step], one.product_name, str(one.product_id)))


def done_amount(session: Session, run: MonthEndRun, step: StepCode) -> Decimal:
    """Return the amount of a step's effects that were applied."""
    found = [total.done_amount for total in list_totals(session, run) if total.step is step]
    return sum(found, Decimal("0.00"))


def list_posted(session: Session, run: MonthEndRun) -> list[PostedLine]:
    """Return what a run posted to the ledger, by type and accounts; where cover ended apart."""
    if run.started_at is None:
        return []
    values = {"org": current_org(), "run": run.id}
    return [PostedLine(*row) for row in session.execute(_POSTED, values)]


def get_said(session: Session, run: MonthEndRun) -> Said:
    """Return what is to tie to the ledger."""
    values = {"org": current_org(), "run": run.id}
    adjusted = session.execute(_ADJUSTED, values).one()
    settled = session.execute(_SETTLED, values | {"on": run.process_date}).scalar_one()
    ended = session.execute(_ENDED_SAY, values).one()
    charged = done_amount(session, run, StepCode.POST_PREMIUMS)
    return Said(charged, adjusted[0], adjusted[1], settled, *ended)


def list_rises(session: Session, run_id: UUID) -> list[RiseLine]:
    """Return the anniversaries of a run by product and rate."""
    values = {"org": current_org(), "run": run_id}
    return [RiseLine(*row) for row in session.execute(_RISES, values)]


def find_pack(session: Session, run_id: UUID, kind: PackKind) -> MonthEndPack | None:
    """Return the pack of a run in one form, once it was made."""
    return session.scalars(
        select(MonthEndPack).where(
            MonthEndPack.org_id == current_org(),
            MonthEndPack.run_id == run_id,
            MonthEndPack.kind == kind,
        )
    ).one_or_none()
