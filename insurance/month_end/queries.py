"""Reading runs, their effects and exceptions, index tables and escalation rules."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, String, Uuid, any_, cast, func, literal, select, text, tuple_
from sqlalchemy.orm import Session

from insurance.core.bulk import id_array
from insurance.core.errors import DomainError, NotFoundError
from insurance.core.paging import Page, decode_cursor, page_of
from insurance.core.tenancy import current_org
from insurance.month_end import rules
from insurance.month_end.models import (
    EscalationNotice,
    EscalationRefusal,
    EscalationRule,
    ExceptionKind,
    IndexValue,
    MonthEndException,
    MonthEndPack,
    MonthEndRun,
    MonthEndSetting,
    PackKind,
    RunStatus,
    StepCode,
)

EffectKey = tuple[str, UUID, date]
"""Step, policy and period: what an effect is known by in a run."""
BUSY = (RunStatus.PLANNING, RunStatus.APPLYING)
PLANS = (RunStatus.PLANNED, RunStatus.APPROVED)
ENDED = (RunStatus.COMPLETED, RunStatus.COMPLETED_WITH_EXCEPTIONS)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the present stage of a run is, in policies and in chunks."""

    done: int
    of: int
    per_second: int
    seconds_left: int | None

    @property
    def per_cent(self) -> int:
        """Return how much is done, in per cent."""
        return 100 * self.done // self.of if self.of else 100


@dataclass(frozen=True, slots=True)
class EffectLine:
    """An effect of a run as a list shows it."""

    policy_id: UUID
    policy_number: str
    product_id: UUID
    product_name: str
    step: StepCode
    period: date
    status: str
    before: dict[str, Any]
    after: dict[str, Any]
    amount: Decimal

    @property
    def key(self) -> EffectKey:
        """Return its place in the list."""
        return self.step.value, self.policy_id, self.period


def get_run(session: Session, run_id: UUID, *, lock: bool = False) -> MonthEndRun:
    """Return a run of the organization in scope. Raises NotFoundError."""
    wanted = select(MonthEndRun).where(
        MonthEndRun.org_id == current_org(), MonthEndRun.id == run_id
    )
    wanted = wanted.execution_options(populate_existing=True)
    found = session.scalars(wanted.with_for_update() if lock else wanted).one_or_none()
    if found is None:
        raise NotFoundError("There is no such month-end run.")
    return found


def find_busy_run(session: Session) -> MonthEndRun | None:
    """Return the run that is being planned or applied."""
    return session.scalars(
        select(MonthEndRun).where(MonthEndRun.org_id == current_org(), MonthEndRun.status.in_(BUSY))
    ).one_or_none()


def find_last_completed(session: Session) -> MonthEndRun | None:
    """Return the completed run with the newest date."""
    wanted = select(MonthEndRun).where(
        MonthEndRun.org_id == current_org(), MonthEndRun.status.in_(ENDED)
    )
    return session.scalars(
        wanted.order_by(MonthEndRun.process_date.desc(), MonthEndRun.id.desc()).limit(1)
    ).one_or_none()


def find_superseding(session: Session, runs: Sequence[MonthEndRun]) -> dict[UUID, MonthEndRun]:
    """Return, for each plan that does not count any more, the newer run of its month that does.

    Of two plans for a month that do the same steps, the newest counts. One that was cancelled or
    failed counts for nothing, and a follow-up is beside the run that it follows.
    """
    plans = [run for run in runs if run.status in PLANS]
    if not plans:
        return {}
    newer = session.scalars(
        select(MonthEndRun)
        .where(
            MonthEndRun.org_id == current_org(),
            MonthEndRun.id > min(plan.id for plan in plans),
            MonthEndRun.status.not_in([RunStatus.CANCELLED, RunStatus.FAILED]),
        )
        .order_by(MonthEndRun.id)
    ).all()
    return {
        plan.id: run for plan in plans for run in newer if rules.supersedes(run, plan)
    }  # the newest comes last and stays


def find_run_to_compare(session: Session, run: MonthEndRun) -> MonthEndRun | None:
    """Return the completed run of the month before a run's: of a day the widest, then the first.

    A repetition finds next to nothing to do, and a follow-up is of a few policies.
    """
    wanted = select(MonthEndRun).where(
        MonthEndRun.org_id == current_org(),
        MonthEndRun.status.in_(ENDED),
        MonthEndRun.follows_id.is_(None),
        MonthEndRun.process_date < run.process_date.replace(day=1),
    )
    order = (MonthEndRun.process_date.desc(), MonthEndRun.policies.desc(), MonthEndRun.id)
    return session.scalars(wanted.order_by(*order).limit(1)).one_or_none()


def find_run_for(session: Session, day: date) -> MonthEndRun | None:
    """Return the newest run for a day or a later one, cancelled ones included."""
    return session.scalars(
        select(MonthEndRun)
        .where(MonthEndRun.org_id == current_org(), MonthEndRun.process_date >= day)
        .order_by(MonthEndRun.id.desc())
        .limit(1)
    ).one_or_none()


def has_waiting_work(session: Session, run_id: UUID, now: datetime, since: datetime) -> bool:
    """Tell whether a run has work that waits to be taken, or was asked for or done since."""
    values = {"org": current_org(), "run": run_id, "text": str(run_id), "now": now, "since": since}
    return bool(session.scalar(_IS_ALIVE, values))


def list_runs(session: Session, *, limit: int, after: UUID | None = None) -> Page[MonthEndRun]:
    """Return runs, the newest first."""
    wanted = (
        select(MonthEndRun)
        .where(MonthEndRun.org_id == current_org())
        .order_by(MonthEndRun.id.desc())
        .limit(limit + 1)
    )
    if after is not None:
        wanted = wanted.where(MonthEndRun.id < after)
    return page_of(session.scalars(wanted).all(), limit, lambda run: (run.id,))


def get_setting(session: Session) -> MonthEndSetting:
    """Return what the organization allows; the cautious defaults where it chose nothing."""
    found = session.get(MonthEndSetting, current_org())
    return found or MonthEndSetting(may_apply_unapproved=False, days_ahead=31)


_IS_ALIVE = text(
    """
    SELECT EXISTS (
        SELECT FROM ins.jobs_outbox j
        WHERE j.org_id = :org AND j.done_at IS NULL AND j.name = 'month_end.work'
          AND j.arguments ->> 'run_id' = :text AND (j.run_after <= :now OR j.created_at > :since)
    ) OR EXISTS (
        SELECT FROM ins.month_end_chunks c
        WHERE c.org_id = :org AND c.run_id = :run
          AND greatest(c.planned_at, c.applied_at) > :since
    )
    """
)
_PROGRESS = text(
    """
    SELECT coalesce(sum(policies) FILTER (WHERE planned_at IS NOT NULL), 0) AS planned,
           coalesce(sum(policies) FILTER (WHERE applied_at IS NOT NULL), 0) AS applied,
           coalesce(sum(policies), 0) AS policies
    FROM ins.month_end_chunks WHERE org_id = :org AND run_id = :run AND kind = 'BOOK'
    """
)


def get_progress(session: Session, run: MonthEndRun, *, now: datetime) -> Progress:
    """Return how far a run is: in planning until it is planned, then in applying.

    Policies that end are in the book too, and are counted once.
    """
    row = session.execute(_PROGRESS, {"org": current_org(), "run": run.id}).one()
    is_planning = run.status is RunStatus.PLANNING
    done = int(row.planned if is_planning else row.applied)
    since = run.requested_at if is_planning else run.started_at
    seconds = ((run.finished_at or now) - since).total_seconds() if since else 0
    rate = int(done / seconds) if seconds > 0 else 0
    of = int(row.policies)
    return Progress(done, of, rate, (of - done) // rate if rate and done < of else None)


_EFFECTS = """
    SELECT e.policy_id, e.policy_number, e.product_id, pr.name, e.step, e.period,
           CASE WHEN e.after ? 'blocked_by' THEN 'BLOCKED'
                WHEN x.kind = 'FAILED' THEN 'QUARANTINED'
                WHEN x.kind = 'CHANGED' THEN 'LEFT_OUT'
                WHEN e.after ? 'listed' THEN 'LISTED'
                WHEN c.applied_at IS NOT NULL THEN 'APPLIED' ELSE 'PLANNED' END AS status,
           e.before, e.after, e.amount
    FROM ins.month_end_effects e
    JOIN ins.month_end_chunks c ON c.org_id = e.org_id AND c.run_id = e.run_id
     AND c.number = e.chunk
    JOIN ins.products pr ON pr.org_id = e.org_id AND pr.id = e.product_id
    LEFT JOIN ins.month_end_exceptions x ON x.org_id = e.org_id AND x.run_id = e.run_id
     AND x.policy_id = e.policy_id
    WHERE e.org_id = :org AND e.run_id = :run
"""
_NARROWER = {
    "step": " AND e.step = :step",
    # The key leads by step, then by policy.
    "policy_id": " AND e.policy_id = :policy_id AND e.step = ANY(:steps)",
    "policy_number": " AND e.policy_number = :policy_number",
    "product_id": " AND e.product_id = :product_id",
    "after": " AND (e.step, e.policy_id, e.period) > (:after_step, :after_policy, :after_period)",
    "blocked": " AND e.after ? 'blocked_by'",
}
_EFFECTS_ORDER = " ORDER BY e.step, e.policy_id, e.period LIMIT :limit"
_BATCH = 5_000


def list_effects(
    session: Session,
    run_id: UUID,
    *,
    limit: int,
    after: EffectKey | None = None,
    step: StepCode | None = None,
    policy_id: UUID | None = None,
    policy_number: str | None = None,
    product_id: UUID | None = None,
    blocked: bool = False,
) -> Page[EffectLine]:
    """Return effects of a run by step and policy."""
    chosen: dict[str, Any] = {
        "step": step.value if step else None,
        "policy_id": policy_id,
        "policy_number": policy_number,
        "product_id": product_id,
        "after": after,
        "blocked": blocked or None,
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    statement = "".join([_EFFECTS, *(_NARROWER[name] for name in given), _EFFECTS_ORDER])
    values = given | {"org": current_org(), "run": run_id, "limit": limit + 1}
    if after is not None:
        values |= dict(zip(("after_step", "after_policy", "after_period"), after, strict=True))
    if policy_id is not None:
        values["steps"] = [one.value for one in StepCode]
    for name in ("after", "blocked"):
        values.pop(name, None)
    rows = [_effect_line(row) for row in session.execute(text(statement), values)]
    return page_of(rows, limit, lambda line: line.key)


def effect_key(cursor: str) -> EffectKey:
    """Return where a page of effects starts. Raises DomainError for what is no cursor of theirs."""
    try:
        step, policy_id, period = decode_cursor(cursor, 3)
        return StepCode(step).value, UUID(policy_id), date.fromisoformat(period)
    except ValueError as error:
        raise DomainError("This page link is not valid.", field="cursor") from error


def _effect_line(row: Any) -> EffectLine:
    values = list(row)
    values[4] = StepCode(values[4])
    return EffectLine(*values)


def read_effects(session: Session, run_id: UUID, **chosen: Any) -> Iterator[EffectLine]:
    """Return all effects chosen, some thousands at a time."""
    after: EffectKey | None = None
    while True:
        found = list_effects(session, run_id, limit=_BATCH, after=after, **chosen)
        yield from found.items
        if found.next_cursor is None:
            return
        after = found.items[-1].key


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
    found = [one.done_amount for one in list_totals(session, run) if one.step is step]
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


def list_exceptions(
    session: Session, run_id: UUID, *, limit: int = 200
) -> Sequence[MonthEndException]:
    """Return the policies a run left out, those that failed first."""
    return session.scalars(
        select(MonthEndException)
        .where(MonthEndException.org_id == current_org(), MonthEndException.run_id == run_id)
        .order_by(MonthEndException.kind.desc(), MonthEndException.policy_number)
        .limit(limit)
    ).all()


def find_policy_id(session: Session, number: str) -> UUID | None:
    """Return the policy with a number."""
    wanted = text("SELECT id FROM ins.policies WHERE org_id = :org AND policy_number = :number")
    return session.scalar(wanted, {"org": current_org(), "number": number})


def find_exception(session: Session, run_id: UUID, policy_id: UUID) -> MonthEndException | None:
    """Return why a run left a policy out."""
    return session.scalars(
        select(MonthEndException).where(
            MonthEndException.org_id == current_org(),
            MonthEndException.run_id == run_id,
            MonthEndException.policy_id == policy_id,
        )
    ).one_or_none()


def find_follow_up(session: Session, run_id: UUID) -> MonthEndRun | None:
    """Return the newest run that took up what another left out."""
    return session.scalars(
        select(MonthEndRun)
        .where(MonthEndRun.org_id == current_org(), MonthEndRun.follows_id == run_id)
        .order_by(MonthEndRun.id.desc())
        .limit(1)
    ).one_or_none()


def count_exceptions(session: Session, run_id: UUID) -> dict[ExceptionKind, int]:
    """Return how many policies a run left out, by why."""
    rows = session.execute(
        select(MonthEndException.kind, func.count())
        .where(MonthEndException.org_id == current_org(), MonthEndException.run_id == run_id)
        .group_by(MonthEndException.kind)
    )
    return {row[0]: row[1] for row in rows}


def list_index_values(
    session: Session, *, limit: int, after: tuple[str, date] | None = None, code: str | None = None
) -> Page[IndexValue]:
    """Return index tables by code, the newest month first."""
    wanted = select(IndexValue).where(IndexValue.org_id == current_org())
    if code is not None:
        wanted = wanted.where(IndexValue.index_code == code)
    if after is not None:
        wanted = wanted.where(
            (IndexValue.index_code > after[0])
            | ((IndexValue.index_code == after[0]) & (IndexValue.month < after[1]))
        )
    wanted = wanted.order_by(IndexValue.index_code, IndexValue.month.desc()).limit(limit + 1)
    rows = session.scalars(wanted).all()
    return page_of(rows, limit, lambda row: (row.index_code, row.month))


def load_index(session: Session) -> dict[tuple[str, date], Decimal]:
    """Return every value of the tenant's index tables by code and month."""
    rows = session.execute(
        select(IndexValue.index_code, IndexValue.month, IndexValue.value).where(
            IndexValue.org_id == current_org()
        )
    )
    return {(code, month): value for code, month, value in rows}


def list_refusals(session: Session, policy_ids: Iterable[UUID]) -> Sequence[EscalationRefusal]:
    """Return the refusals of policies, also those that were withdrawn, newest first."""
    return session.scalars(
        select(EscalationRefusal)
        .where(
            EscalationRefusal.org_id == current_org(),
            EscalationRefusal.policy_id == _any_of(policy_ids),
        )
        .order_by(EscalationRefusal.refused_from.desc(), EscalationRefusal.id.desc())
    ).all()


def find_open_refusal(session: Session, policy_id: UUID) -> EscalationRefusal | None:
    """Return a policy's refusal that was not withdrawn, locked."""
    return session.scalars(
        select(EscalationRefusal)
        .where(
            EscalationRefusal.org_id == current_org(),
            EscalationRefusal.policy_id == policy_id,
            EscalationRefusal.withdrawn_from.is_(None),
        )
        .with_for_update()
    ).one_or_none()


def list_notices(session: Session, policy_id: UUID) -> Sequence[EscalationNotice]:
    """Return the proof that a policy's holder was told of rises, newest first."""
    return session.scalars(
        select(EscalationNotice)
        .where(EscalationNotice.org_id == current_org(), EscalationNotice.policy_id == policy_id)
        .order_by(EscalationNotice.anniversary.desc())
    ).all()


def find_notice(session: Session, policy_id: UUID, anniversary: date) -> EscalationNotice | None:
    """Return what a policy's holder was told of the rise of one anniversary, or None."""
    return session.scalars(
        select(EscalationNotice).where(
            EscalationNotice.org_id == current_org(),
            EscalationNotice.policy_id == policy_id,
            EscalationNotice.anniversary == anniversary,
        )
    ).one_or_none()


def _any_of(policy_ids: Iterable[UUID]) -> Any:
    # An array in one text, not a list of thousands of parameters.
    return any_(cast(literal(id_array(policy_ids), String), ARRAY(Uuid)))


def list_escalation_rules(
    session: Session, policy_ids: Iterable[UUID] | None = None
) -> Sequence[EscalationRule]:
    """Return rules of the tenant, products and versions; or those of policies."""
    wanted = select(EscalationRule).where(EscalationRule.org_id == current_org())
    if policy_ids is None:
        wanted = wanted.where(EscalationRule.policy_id.is_(None))
    else:
        wanted = wanted.where(EscalationRule.policy_id == _any_of(policy_ids))
    order = tuple_(EscalationRule.valid_from, EscalationRule.id)
    return session.scalars(wanted.order_by(order)).all()


_VERSIONS = text(
    """
    SELECT v.id, pr.name, v.number FROM ins.product_versions v
    JOIN ins.products pr ON pr.org_id = v.org_id AND pr.id = v.product_id
    WHERE v.org_id = :org AND v.status <> 'draft' ORDER BY pr.name, v.number DESC LIMIT 1000
    """
)


def list_sold_versions(session: Session) -> list[tuple[UUID, str, int]]:
    """Return the product versions that were launched: id, product and number."""
    return [(row[0], row[1], row[2]) for row in session.execute(_VERSIONS, {"org": current_org()})]
