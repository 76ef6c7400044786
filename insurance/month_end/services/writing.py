"""Writing the rows that a plan lists, in a few statements a chunk."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from insurance.core.bulk import id_array
from insurance.core.context import current_actor
from insurance.core.errors import ConflictError
from insurance.core.tenancy import current_org
from insurance.ledger.services import post_selected
from insurance.month_end.models import MonthEndChunk
from insurance.month_end.services.rows import rows_of


def _statement(*parts: str) -> TextClause:
    return text("".join(parts))


_CHANGED = _statement(
    "WITH r AS (SELECT r.*",
    rows_of("policies"),
    """)
    SELECT r.policy_id FROM r
    LEFT JOIN ins.policies p ON p.org_id = :org AND p.id = r.policy_id
     AND p.status IN ('active', 'suspended')
    WHERE p.id IS NULL OR r.event <> (
        SELECT v.sequence FROM ins.policy_events v
        WHERE v.org_id = :org AND v.policy_id = r.policy_id ORDER BY v.sequence DESC LIMIT 1)
    """,
)
_EARLIEST = _statement("SELECT min(r.day)", rows_of("transfers", "day"))
_INSERT_LINES = _statement(
    """
    INSERT INTO ins.premium_lines (org_id, id, policy_id, kind, sequence, due_date, period_end,
        amount, paid_amount, status, whole_days)
    SELECT :org, r.id, r.policy_id, 'PREMIUM', r.sequence, r.due, r.until, r.amount, 0, 'PENDING',
           r.days
    """,
    rows_of("lines"),
)
# What is to be changed is an array: the planner knows nothing of how many rows there are, and
# would join them in ways that read the whole table.
_SET_POSTED = _statement(
    """
    UPDATE ins.premium_lines l SET posted_at = :now
    WHERE l.org_id = :org AND l.posted_at IS NULL AND l.id = ANY(ARRAY(SELECT r.line""",
    rows_of("charges"),
    "))",
)
_TRANSFERS = "".join(
    [
        """
    SELECT r.id, r.journal AS journal_id, r.day AS effective_date, r.type, r.words AS description,
           r.debit AS debit_account, r.credit AS credit_account, r.amount, r.policy_id,
           r.line AS premium_line_id
    """,
        rows_of("transfers"),
    ]
)
_SET_OVERDUE = _statement(
    """
    UPDATE ins.premium_lines l SET status = 'OVERDUE'
    WHERE l.org_id = :org AND l.status = 'PENDING' AND l.id = ANY(ARRAY(SELECT r.line""",
    rows_of("overdue"),
    "))",
)
_INSERT_EVENTS = _statement(
    """
    INSERT INTO ins.policy_events (org_id, id, policy_id, sequence, category, event_type,
        effective_date, recorded_at, description, payload, actor, request_id)
    SELECT :org, r.id, r.policy_id, r.sequence, r.category, r.event_type, r.effective_date, :now,
           r.description, r.payload, CAST(:actor AS text), CAST(:request AS text)
    """,
    rows_of("events"),
)
_INSERT_ADJUSTMENTS = _statement(
    """
    INSERT INTO ins.premium_lines (org_id, id, policy_id, kind, sequence, due_date, period_end,
        amount, paid_amount, status, posted_at)
    SELECT :org, r.id, r.policy_id, 'ADJUSTMENT', r.sequence, r.due_date, r.due_date, r.amount, 0,
           'PENDING', :now
    """,
    rows_of("adjustments"),
)
_RELAY = _statement(
    """
    UPDATE ins.premium_lines l
    SET amount = v.amount,
        status = CASE WHEN l.paid_amount > 0 AND l.paid_amount = v.amount THEN 'PAID'
                      WHEN l.status = 'PAID' THEN 'PENDING' ELSE l.status END
    FROM (SELECT r.*""",
    rows_of("relaid"),
    ") v WHERE l.org_id = :org AND l.id = v.line",
)
_INSERT_VERSIONS = _statement(
    """
    INSERT INTO ins.policy_versions (org_id, id, policy_id, version_number, event_id,
        effective_date, snapshot_date, change_reason, change_description, policy_snapshot)
    SELECT :org, r.id, r.policy_id, r.version_number, r.event_id, r.effective_date, :now,
           r.change_reason, r.change_description, r.policy_snapshot
    """,
    rows_of("versions"),
)
_INSERT_ENDORSEMENTS = _statement(
    """
    INSERT INTO ins.endorsements (org_id, id, policy_id, type, status, effective_date, change,
        reason, priced_on_version, priced, created_at, created_by, issued_at, applied_at, event_id,
        version_number)
    SELECT :org, r.id, r.policy_id, r.type, r.status, r.effective_date, r.change, r.reason,
           r.priced_on_version, r.priced, :now, CAST(:actor AS text), :now, :now, r.event_id,
           r.version_number
    """,
    rows_of("endorsements"),
)
_SET_CONTRACTS = _statement(
    """
    UPDATE ins.policies p
    SET premium = v.premium, coverage_amount = v.cover, current_version = v.version,
        instalment = v.instalment, updated_at = :now
    FROM (SELECT r.*""",
    rows_of("contracts"),
    ") v WHERE p.org_id = :org AND p.id = v.policy_id",
)
_SET_BENEFITS = _statement(
    "UPDATE ins.policy_benefits b SET premium = v.premium, sum_assured = v.cover FROM (SELECT r.*",
    rows_of("benefits"),
    ") v WHERE b.org_id = :org AND b.id = v.id",
)
_SET_OBJECTS = _statement(
    "UPDATE ins.policy_objects o SET value = v.value FROM (SELECT r.*",
    rows_of("objects"),
    ") v WHERE o.org_id = :org AND o.id = v.id",
)
_INSERT_LAYERS = _statement(
    """
    INSERT INTO ins.policy_benefit_layers (org_id, id, policy_benefit_id, number, amount, starts_on,
        waiting_days, waiting_until, reason)
    SELECT :org, r.id, r.policy_benefit_id, r.number, r.amount, r.starts_on, r.waiting_days,
           r.waiting_until, r.reason
    """,
    rows_of("layers"),
)
_COUNT = _statement(
    """
    INSERT INTO ins.portfolio_counts AS c
        (org_id, product_id, status, shard, policies, monthly_premium, cover)
    SELECT :org, r.product_id, r.status, r.shard, 0, sum(r.premium_more), sum(r.cover_more)
    """,
    rows_of("contracts"),
    """
    GROUP BY r.product_id, r.status, r.shard ORDER BY r.product_id, r.status, r.shard
    ON CONFLICT (org_id, product_id, status, shard) DO UPDATE
    SET monthly_premium = c.monthly_premium + excluded.monthly_premium,
        cover = c.cover + excluded.cover
    """,
)
_EXPECTED = _statement(
    "SELECT (SELECT count(*)",
    rows_of("charges", "line"),
    ") AS charges, (SELECT count(*)",
    rows_of("overdue", "line"),
    ") AS overdue, (SELECT count(*)",
    rows_of("contracts", "version"),
    ") AS contracts",
)


def find_changed(session: Session, chunk: MonthEndChunk, out: set[UUID]) -> set[UUID]:
    """Return the policies with planned rows to which anything happened since the plan."""
    return set(session.scalars(_CHANGED, _values(chunk, out)))


def write_planned(session: Session, chunk: MonthEndChunk, out: set[UUID], now: datetime) -> None:
    """Write the rows that a chunk's effects list, but for policies left out.

    Raises ConflictError, or what the database refuses, where they no longer fit.
    """
    actor = current_actor()
    values = _values(chunk, out)
    values |= {"now": now, "request": actor.request_id, "actor": actor.email}
    expected = session.execute(_EXPECTED, values).one()
    session.execute(_INSERT_LINES, values)
    session.execute(_INSERT_EVENTS, values)
    raised = _write_rises(session, values) if expected.contracts else 0
    posted: Any = session.execute(_SET_POSTED, values)
    earliest = session.scalar(_EARLIEST, values)
    if earliest is not None:
        post_selected(session, _TRANSFERS, values, earliest=earliest, now=now, field="process_date")
    overdue: Any = session.execute(_SET_OVERDUE, values)
    if (posted.rowcount, overdue.rowcount, raised) != tuple(expected):
        raise ConflictError("Policies are not as they were planned.")


def _write_rises(session: Session, values: dict[str, Any]) -> int:
    """Write what rises leave: adjustments, history, contracts; return how many policies rise."""
    for statement in (_INSERT_ADJUSTMENTS, _RELAY, _INSERT_VERSIONS, _INSERT_ENDORSEMENTS):
        session.execute(statement, values)
    raised: Any = session.execute(_SET_CONTRACTS, values)
    for statement in (_SET_BENEFITS, _SET_OBJECTS, _INSERT_LAYERS):
        session.execute(statement, values)
    return int(raised.rowcount)


def count_rises(session: Session, chunk: MonthEndChunk, out: set[UUID]) -> None:
    """Bring the portfolio's figures to the rises of a chunk.

    Every chunk touches these rows: the caller does it last, so that no other waits for long.
    """
    session.execute(_COUNT, _values(chunk, out))


def _values(chunk: MonthEndChunk, out: set[UUID]) -> dict[str, Any]:
    return {
        "org": current_org(),
        "run": chunk.run_id,
        "chunk": chunk.number,
        "out": id_array(sorted(out)),
    }
