"""What ends: terms that are over, and premiums whose grace has run out."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from insurance.core.ids import new_id
from insurance.core.tenancy import current_org
from insurance.debit_orders.queries import collection_in_flight
from insurance.lapses.queries import ArrearsLine, LapseState, list_lapse_candidates
from insurance.month_end.models import (
    ChunkKind,
    MonthEndChunk,
    MonthEndException,
    MonthEndRun,
    StepCode,
)
from insurance.month_end.services.chunks import keep_plan
from insurance.month_end.services.effects import (
    effect_of,
    in_order,
    load_facts,
)

LIST_CHUNK = 1_000
_PAGE = 50_000
"""Each page of candidates judges the whole book again."""
_ENDING = (StepCode.EXPIRIES, StepCode.LAPSE_CANDIDATES, StepCode.LAPSES)
_EXPIRING = text(
    """
    SELECT p.id, p.expiry_date, p.premium FROM ins.policies p
    WHERE p.org_id = :org AND p.status = 'active' AND p.expiry_date <= :on AND p.id > :after
    ORDER BY p.id LIMIT :limit
    """
)


def plan_lists(session: Session, run: MonthEndRun, now: datetime) -> None:
    """List what ends: terms that are over, and premiums whose grace has run out."""
    steps = set(map(StepCode, run.steps))
    if not steps & set(_ENDING):
        return
    inside = _scope(session, run)
    found: list[tuple[UUID, StepCode, dict[str, Any], dict[str, Any], Decimal]] = []
    if StepCode.EXPIRIES in steps:
        found += [expiry for expiry in _expiries(session, run) if inside(expiry[0])]
    if steps & {StepCode.LAPSE_CANDIDATES, StepCode.LAPSES}:
        ending = {one[0] for one in found}
        found += [
            candidate
            for candidate in _candidates(session, run, steps)
            if inside(candidate[0]) and candidate[0] not in ending
        ]
    by_policy = defaultdict(list)
    for one in found:
        by_policy[one[0]].append(one)
    ids = sorted(by_policy)
    number = session.scalar(
        select(func.coalesce(func.max(MonthEndChunk.number), 0)).where(
            MonthEndChunk.org_id == current_org(), MonthEndChunk.run_id == run.id
        )
    )
    for at in range(0, len(ids), LIST_CHUNK):
        some = ids[at : at + LIST_CHUNK]
        facts = load_facts(session, some)
        effects = in_order(
            [
                effect_of(
                    facts[policy_id], policy_id, step, run.process_date, before, after, amount
                )
                for one in some
                if one in facts
                for policy_id, step, before, after, amount in by_policy[one]
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
        keep_plan(session, run, chunk, effects, now)
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
        page = list_lapse_candidates(session, on, _PAGE, after, state=state)
        found += page.items
        if page.next_cursor is None:
            return found
        after = (found[-1].lapse_date, found[-1].policy_id)
