"""The steps of month-end over some thousands of policies: planned, or done, from one decision."""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.core.money import ZERO, total
from insurance.core.month_ends import MonthOfPolicies, list_of
from insurance.month_end.models import StepCode
from insurance.month_end.rules import last_month_end
from insurance.month_end.services.anniversaries import write_anniversaries
from insurance.month_end.services.anniversary_basis import Blocked, Decided, stage_on
from insurance.month_end.services.anniversary_rows import add_rises
from insurance.month_end.services.effects import (
    Effect,
    Facts,
    Work,
    effect_of,
    in_order,
    load_facts,
)
from insurance.month_end.services.month import Month, decide_month
from insurance.month_end.services.rows import PlannedRows
from insurance.policies.services import schedule_steps as schedule


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """What the steps come to for some policies, and the rows of those whose rows can be listed."""

    effects: list[Effect]
    rows: PlannedRows


def plan_steps(session: Session, policy_ids: Sequence[UUID], work: Work) -> ChunkPlan:
    """Return what the steps do to policies; nothing is written.

    Where a rise meets other changes or gives money back, its rows are not listed: they are worked
    out again when the plan is applied.
    """
    facts = load_facts(session, policy_ids)
    month = decide_month(session, facts, work)
    listed = facts.keys() - (month.rises.policy_ids - month.rises.plain)
    rows = PlannedRows()
    rows.add_policies({policy_id: facts[policy_id] for policy_id in listed})
    add_rises(session, rows, [one for one in month.rises.raised if one.policy.id in listed], work)
    rows.add_due(
        [line for line in month.lines if line.policy_id in listed],
        [charge for charge in month.charges if charge.policy_id in listed],
        [late for late in month.late if late.policy_id in listed],
    )
    rows.add_credited({one: facts[one].number for one in month.credited if one in listed})
    return ChunkPlan(_effects_of(session, facts, month, work, listed), rows)


def apply_steps(session: Session, policy_ids: Sequence[UUID], work: Work) -> list[Effect]:
    """Do the steps and return their effects. The caller holds the policies."""
    facts = load_facts(session, policy_ids)
    month = decide_month(session, facts, work)
    write_anniversaries(session, month.rises.raised, on=work.on, now=work.now)
    schedule.write_lines(session, month.lines)
    schedule.write_charges(session, month.charges, on=work.on, now=work.now)
    schedule.write_late(session, month.late, on=work.on, now=work.now)
    return in_order(_effects_of(session, facts, month, work, frozenset()))


def _effects_of(
    session: Session,
    facts: Mapping[UUID, Facts],
    month: Month,
    work: Work,
    listed: Container[UUID],
) -> list[Effect]:
    effects = _Effects(session, facts, work, listed)
    effects.note_rises(month.rises)
    effects.note_due(month)
    effects.list_events(month.rises)
    return effects.found


@dataclass(slots=True)
class _Effects:
    """The effects of a month, named step by step. `listed` are those whose rows a plan lists."""

    session: Session
    facts: Mapping[UUID, Facts]
    work: Work
    listed: Container[UUID]
    found: list[Effect] = field(default_factory=list)

    def _note(
        self,
        policy_id: UUID,
        step: StepCode,
        before: dict[str, Any],
        after: dict[str, Any],
        amount: Decimal,
        *,
        period: date | None = None,
    ) -> None:
        facts, has_rows = self.facts[policy_id], policy_id in self.listed
        day = period or self.work.on
        self.found.append(effect_of(facts, policy_id, step, day, before, after, amount, has_rows))

    def note_rises(self, decided: Decided) -> None:
        """Name the anniversaries that raise, and those that may not."""
        for one in decided.raised:
            old, new, rise = one.old, one.new, one.rise
            before = {"premium": old.premium, "cover": old.coverage_amount}
            after = {
                "premium": new.premium,
                "cover": new.coverage_amount,
                "rate": rise.premium_rate,
                "adjustment": one.adjustment,
                "source": one.escalation.source,
                "type": one.escalation.type,
            }
            if one.capped:
                after["benefits_held_to_cap"] = one.capped
            if rise.index is not None:
                after |= {"index": rise.index, "index_month": rise.index_month}
            step, amount = StepCode.ANNIVERSARIES, new.premium - old.premium
            self._note(one.policy.id, step, before, after, amount, period=one.change.on)
        self._note_blocked(decided.blocked)

    def _note_blocked(self, found: Sequence[Blocked]) -> None:
        for one in found:
            after = {"blocked_by": [one.reason]}
            step, day = StepCode.ANNIVERSARIES, one.anniversary
            self._note(one.policy_id, step, {}, after, ZERO, period=day)

    def note_due(self, month: Month) -> None:
        """Name what the monthly steps do."""
        for policy_id, lines in _by_policy(month.lines).items():
            before = {"schedule_until": lines[0].due_date.isoformat()}
            after = {"schedule_until": lines[-1].period_end.isoformat(), "lines": len(lines)}
            amount = total(line.amount for line in lines)
            self._note(policy_id, StepCode.EXTEND_SCHEDULES, before, after, amount)
        for policy_id, charges in _by_policy(month.charges).items():
            days = sorted([charge.due_date.isoformat() for charge in charges])
            amount = total(charge.amount for charge in charges)
            charged = {"charged": False, "due": days}
            self._note(policy_id, StepCode.POST_PREMIUMS, charged, {"charged": True}, amount)
        for policy_id, late in _by_policy(month.late).items():
            days = sorted([one.due_date.isoformat() for one in late])
            amount = total(one.outstanding for one in late)
            pending = {"status": "PENDING", "due": days}
            self._note(policy_id, StepCode.MARK_OVERDUE, pending, {"status": "OVERDUE"}, amount)

    def list_events(self, rises: Decided) -> None:
        """Name what ends or begins in the month, for people to act on."""
        on = self.work.on
        month = MonthOfPolicies(
            list(self.facts),
            last_month_end(on.replace(day=1) - timedelta(days=1)),
            on,
            {one: stage_on(raised.after, on).premium for one, raised in rises.newest.items()},
        )
        for step in StepCode:
            find = list_of(step) if step in self.work.steps else None
            for policy_id, seen, to_do, amount in find(self.session, month) if find else ():
                self._note(policy_id, step, seen, {"listed": to_do}, amount)


def _by_policy(found: Sequence[Any]) -> Mapping[UUID, list[Any]]:
    by_policy: dict[UUID, list[Any]] = defaultdict(list)
    for one in found:
        by_policy[one.policy_id].append(one)
    return by_policy
