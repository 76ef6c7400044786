"""The steps of month-end over some thousands of policies: decided alone, or decided and written.

What a plan decides without writing must come out the same when it is written. Where one step leans
on what another writes (a credit that is used, a rise that meets other changes), the plan writes,
looks, and takes back, and applying does the same steps again.
"""

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

from insurance.billing.queries import list_credits
from insurance.core.bulk import id_array
from insurance.core.db import trial
from insurance.core.money import ZERO, total
from insurance.core.tenancy import current_org
from insurance.ledger.queries import closed_through
from insurance.month_end.models import StepCode
from insurance.month_end.rules import last_month_end
from insurance.month_end.services.anniversaries import (
    decide_anniversaries,
    write_anniversaries,
)
from insurance.month_end.services.anniversary_basis import Blocked, Decided, Raised
from insurance.month_end.services.anniversary_rows import add_rises
from insurance.month_end.services.effects import (
    Effect,
    Facts,
    Work,
    effect_of,
    in_order,
    load_facts,
)
from insurance.month_end.services.rows import PlannedRows
from insurance.organizations.queries import find_parameter, get_organization
from insurance.policies.services import schedule_steps as schedule
from insurance.policies.services.schedules import vat_rate_on

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
    """What the steps come to for some policies, and the rows of those that were not tried."""

    effects: list[Effect]
    rows: PlannedRows


@dataclass(frozen=True, slots=True)
class _Due:
    """What the monthly steps found for policies."""

    lines: list[schedule.NewLine]
    charges: list[schedule.Charge]
    late: list[schedule.Late]

    def of(self, wanted: Container[UUID]) -> "_Due":
        """Return what was found for some of the policies."""
        return _Due(
            [one for one in self.lines if one.policy_id in wanted],
            [one for one in self.charges if one.policy_id in wanted],
            [one for one in self.late if one.policy_id in wanted],
        )


def plan_steps(session: Session, policy_ids: Sequence[UUID], work: Work) -> ChunkPlan:
    """Return what the steps do to policies; nothing stays written.

    Most of it is decided from what stands. Where a credit may pay what falls due, or a rise meets
    other changes, one step leans on what another writes: those policies are tried.
    """
    facts = load_facts(session, policy_ids)
    decided = _rises(session, list(facts), work)
    plain = decided.plain
    tried = decided.policy_ids - plain.keys()
    steps = _Steps(session, facts, work)
    due = steps.find_due([one for one in facts if one not in tried], plain)
    crediting = decided.credited | _with_credit(
        session, decided.policy_ids | {one.policy_id for one in due.charges}
    )
    tried |= crediting
    sure = {one: known for one, known in facts.items() if one not in tried}
    settled, due = decided.of(sure), due.of(sure)
    steps.with_rows = sure
    steps.note_rises(settled)
    steps.note_due(due)
    steps.list_events(list(sure), plain)
    effects = steps.effects
    for some, is_simple in _kinds(decided, tried):
        effects += _look_ahead(session, facts, some, work, decided, crediting, is_simple)
    rows = PlannedRows()
    rows.add_policies(sure)
    add_rises(session, rows, settled.raised, work)
    rows.add_due(due.lines, due.charges, due.late)
    return ChunkPlan(effects, rows)


def _with_credit(session: Session, policy_ids: set[UUID]) -> set[UUID]:
    if not policy_ids:
        return set()
    return {one.policy_id for one in list_credits(session, policy_ids)}


def _kinds(decided: Decided, policy_ids: set[UUID]) -> list[tuple[set[UUID], bool]]:
    """Divide policies into those whose only changes are rises, and the rest."""
    others = {one.policy.id for one in decided.raised if not one.is_alone}
    found = [(policy_ids - others, True), (policy_ids & others, False)]
    return [(some, is_simple) for some, is_simple in found if some]


def apply_steps(session: Session, policy_ids: Sequence[UUID], work: Work) -> list[Effect]:
    """Do the steps and return their effects. The caller holds the policies."""
    facts = load_facts(session, policy_ids)
    steps = _Steps(session, facts, work)
    steps.do(list(facts))
    return in_order(steps.effects)


def _rises(session: Session, policy_ids: Sequence[UUID], work: Work) -> Decided:
    if StepCode.ANNIVERSARIES not in work.steps:
        return Decided()
    return decide_anniversaries(session, policy_ids, work.escalations, on=work.on, since=work.since)


def _look_ahead(
    session: Session,
    facts: Mapping[UUID, Facts],
    policy_ids: set[UUID],
    work: Work,
    decided: Decided,
    crediting: set[UUID],
    is_simple: bool,
) -> list[Effect]:
    """Do the steps for policies, keep their effects, and take everything back.

    What no later step reads is not written: history, and charges that no credit pays.
    """
    steps = _Steps(session, facts, work, only=crediting if is_simple else None)
    with trial(session):
        steps.do(sorted(policy_ids), decided.of(policy_ids))
    session.expire_all()
    return steps.effects


@dataclass(slots=True)
class _Steps:
    """The steps in their order, over policies whose facts are known.

    `only` are the policies whose charges are to be written in a trial; None writes everything.
    `with_rows` are those whose rows a plan lists.
    """

    session: Session
    facts: Mapping[UUID, Facts]
    work: Work
    effects: list[Effect] = field(default_factory=list)
    only: set[UUID] | None = None
    with_rows: Container[UUID] = frozenset()

    def do(self, policy_ids: Sequence[UUID], decided: Decided | None = None) -> None:
        """Decide and write, step by step: each sees what the one before wrote."""
        session, work = self.session, self.work
        decided = decided or _rises(session, policy_ids, work)
        is_trial = self.only is not None
        write_anniversaries(
            session, decided.raised, on=work.on, now=work.now, with_history=not is_trial
        )
        self.note_rises(decided)
        due = _Due([], [], [])
        if StepCode.EXTEND_SCHEDULES in work.steps:
            due.lines.extend(schedule.decide_lines(session, policy_ids, on=work.on))
            schedule.write_lines(session, due.lines)
        if StepCode.POST_PREMIUMS in work.steps:
            due.charges.extend(schedule.decide_charges(session, policy_ids, on=work.on))
            written = [
                one for one in due.charges if self.only is None or one.policy_id in self.only
            ]
            schedule.write_charges(session, written, on=work.on, now=work.now)
        if StepCode.MARK_OVERDUE in work.steps:
            due.late.extend(schedule.decide_late(session, policy_ids, on=work.on))
            if not is_trial:
                schedule.write_late(session, due.late, on=work.on, now=work.now)
        self.note_due(due)
        self.list_events(policy_ids, {})

    def find_due(self, policy_ids: Sequence[UUID], raised: Mapping[UUID, Raised]) -> _Due:
        """Decide the monthly steps without writing, with rises as they will be."""
        session, work = self.session, self.work
        relaid = {line: cost for one in raised.values() for line, cost in one.relaid.items()}
        due = _Due([], [], [])
        if StepCode.EXTEND_SCHEDULES in work.steps:
            pay = {policy_id: one.instalment for policy_id, one in raised.items()}
            due.lines.extend(
                schedule.decide_lines(session, policy_ids, on=work.on, instalments=pay)
            )
        if StepCode.POST_PREMIUMS in work.steps:
            found = schedule.decide_charges(session, policy_ids, on=work.on)
            due.charges.extend(
                one._replace(amount=relaid[one.line_id]) if one.line_id in relaid else one
                for one in found
            )
            due.charges.extend(self._charges_of(due.lines))
        if StepCode.MARK_OVERDUE in work.steps:
            marked = schedule.decide_late(session, policy_ids, on=work.on)
            due.late.extend(
                one._replace(outstanding=relaid[one.line_id]) if one.line_id in relaid else one
                for one in marked
            )
            due.late.extend(
                schedule.Late(one.id, one.policy_id, one.due_date, one.amount)
                for one in due.lines
                if one.due_date < work.on and one.amount > ZERO
            )
        return due

    def _charges_of(self, lines: Sequence[schedule.NewLine]) -> list[schedule.Charge]:
        due = [one for one in lines if one.due_date <= self.work.on and one.amount > ZERO]
        if not due:
            return []
        closed = closed_through(self.session)
        return [
            schedule.Charge(
                one.id,
                one.policy_id,
                self.facts[one.policy_id].number,
                one.due_date,
                one.amount,
                vat_rate_on(self.session, self.facts[one.policy_id].category, one.due_date),
                self.work.on if closed is not None and one.due_date <= closed else one.due_date,
            )
            for one in due
        ]

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
        facts, has_rows = self.facts[policy_id], policy_id in self.with_rows
        day = period or self.work.on
        self.effects.append(effect_of(facts, policy_id, step, day, before, after, amount, has_rows))

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

    def note_due(self, due: _Due) -> None:
        """Name what the monthly steps do."""
        for policy_id, lines in _by_policy(due.lines).items():
            before = {"schedule_until": lines[0].due_date.isoformat()}
            after = {"schedule_until": lines[-1].period_end.isoformat(), "lines": len(lines)}
            amount = total(one.amount for one in lines)
            self._note(policy_id, StepCode.EXTEND_SCHEDULES, before, after, amount)
        for policy_id, charges in _by_policy(due.charges).items():
            days = sorted([one.due_date.isoformat() for one in charges])
            amount = total(one.amount for one in charges)
            charged = {"charged": False, "due": days}
            self._note(policy_id, StepCode.POST_PREMIUMS, charged, {"charged": True}, amount)
        for policy_id, late in _by_policy(due.late).items():
            days = sorted([one.due_date.isoformat() for one in late])
            amount = total(one.outstanding for one in late)
            pending = {"status": "PENDING", "due": days}
            self._note(policy_id, StepCode.MARK_OVERDUE, pending, {"status": "OVERDUE"}, amount)

    def list_events(self, policy_ids: Sequence[UUID], raised: Mapping[UUID, Raised]) -> None:
        """Name what ends or begins in the month, for people to act on."""
        session, work = self.session, self.work
        values: dict[str, Any] = {
            "org": current_org(),
            "policies": id_array(policy_ids),
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
            until = work.on + timedelta(days=lead)
            for row in session.execute(_RENEWED, values | {"until": until}):
                before, after = {"expiry_date": row.expiry_date}, {"listed": ["Renewal"]}
                premium = raised[row.id].new.premium if row.id in raised else row.premium
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
