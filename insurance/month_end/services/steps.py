"""The steps of month-end over some thousands of policies: planned, or done, from one decision."""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.core.bulk import id_array
from insurance.core.money import ZERO, total
from insurance.core.tenancy import current_org
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
from insurance.organizations.queries import find_parameter, get_organization
from insurance.policies.services import schedule_steps as schedule

_WAITED = text(
    """
    SELECT b.policy_id, b.benefit_name, l.waiting_until, l.amount
    FROM ins.policy_benefits b
    JOIN ins.policy_benefit_layers l ON l.org_id = b.org_id AND l.policy_benefit_id = b.id
    WHERE b.org_id = :org AND b.policy_id = ANY(CAST(:policies AS uuid[])) AND b.status = 'ACTIVE'
      AND l.waiting_days > 0 AND l.waiting_until > :since AND l.waiting_until <= :on
    ORDER BY b.policy_id, l.waiting_until, b.display_order, l.number
    """
)
_RENEWED = text(
    """
    SELECT p.id, p.expiry_date, p.premium FROM ins.policies p
    JOIN ins.products pr ON pr.org_id = p.org_id AND pr.id = p.product_id
    JOIN ins.product_classes k ON k.code = pr.class_code AND k.category = 'NON_LIFE'
    WHERE p.org_id = :org AND p.id = ANY(CAST(:policies AS uuid[])) AND p.status = 'active'
      AND p.expiry_date BETWEEN :on AND :until
    """
)
_CLAIMS_DUE = text(
    """
    SELECT c.policy_id, c.claim_number, c.due_at FROM ins.claims c
    WHERE c.org_id = :org AND c.policy_id = ANY(CAST(:policies AS uuid[]))
      AND c.status IN ('SUBMITTED', 'PENDING_DOCUMENTS', 'UNDER_ASSESSMENT') AND c.due_at < :day_after
    ORDER BY c.policy_id, c.due_at, c.id
    """
)


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
            amount = total(one.amount for one in lines)
            self._note(policy_id, StepCode.EXTEND_SCHEDULES, before, after, amount)
        for policy_id, charges in _by_policy(month.charges).items():
            days = sorted([one.due_date.isoformat() for one in charges])
            amount = total(one.amount for one in charges)
            charged = {"charged": False, "due": days}
            self._note(policy_id, StepCode.POST_PREMIUMS, charged, {"charged": True}, amount)
        for policy_id, late in _by_policy(month.late).items():
            days = sorted([one.due_date.isoformat() for one in late])
            amount = total(one.outstanding for one in late)
            pending = {"status": "PENDING", "due": days}
            self._note(policy_id, StepCode.MARK_OVERDUE, pending, {"status": "OVERDUE"}, amount)

    def list_events(self, rises: Decided) -> None:
        """Name what ends or begins in the month, for people to act on."""
        session, work = self.session, self.work
        values: dict[str, Any] = {
            "org": current_org(),
            "policies": id_array(self.facts),
            "on": work.on,
        }
        if StepCode.WAITING_ENDED in work.steps:
            since = last_month_end(work.on.replace(day=1) - timedelta(days=1))
            waited = defaultdict(list)
            for row in session.execute(_WAITED, values | {"since": since}):
                waited[row.policy_id].append(row)
            for policy_id, rows in waited.items():
                names = sorted({row.benefit_name for row in rows})
                before = {"waiting_until": max(row.waiting_until for row in rows)}
                after = {"listed": names}
                amount = total(row.amount for row in rows)
                self._note(policy_id, StepCode.WAITING_ENDED, before, after, amount)
        if StepCode.RENEWALS_DUE in work.steps:
            lead = int(find_parameter(session, "renewal_lead_days", work.on))
            until, raised = work.on + timedelta(days=lead), rises.newest
            for row in session.execute(_RENEWED, values | {"until": until}):
                before, after = {"expiry_date": row.expiry_date}, {"listed": ["Renewal"]}
                premium = row.premium
                if row.id in raised:
                    premium = stage_on(raised[row.id].after, work.on).premium
                self._note(row.id, StepCode.RENEWALS_DUE, before, after, premium)
        if StepCode.CLAIMS_CLOCKS in work.steps:
            midnight = datetime.combine(work.on + timedelta(days=1), time(), self._zone())
            due = defaultdict(list)
            for row in session.execute(_CLAIMS_DUE, values | {"day_after": midnight}):
                due[row.policy_id].append(row)
            for policy_id, rows in due.items():
                before = {"decide_by": rows[0].due_at.astimezone(midnight.tzinfo).date()}
                after = {"listed": [row.claim_number for row in rows]}
                self._note(policy_id, StepCode.CLAIMS_CLOCKS, before, after, ZERO)

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(get_organization(self.session).timezone)


def _by_policy(found: Sequence[Any]) -> Mapping[UUID, list[Any]]:
    by_policy: dict[UUID, list[Any]] = defaultdict(list)
    for one in found:
        by_policy[one.policy_id].append(one)
    return by_policy
