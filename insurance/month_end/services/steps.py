"""The steps of month-end over some thousands of policies: decided alone, or decided and written.

A plan and its application are the same code. What a plan decides without writing must come out the
same when it is written; where one step leans on what another writes (a rise, a credit that is used),
the plan writes, looks, and takes back.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
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
from insurance.core.money import ZERO, total
from insurance.core.tenancy import current_org
from insurance.ledger.queries import closed_through
from insurance.month_end.models import StepCode
from insurance.month_end.rules import last_month_end
from insurance.month_end.services.anniversaries import (
    decide_anniversaries,
    write_anniversaries,
)
from insurance.month_end.services.anniversary_basis import Blocked, Decided
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


def plan_steps(session: Session, policy_ids: Sequence[UUID], work: Work) -> list[Effect]:
    """Return the effects of the steps on policies; nothing stays written."""
    facts = load_facts(session, policy_ids)
    decided = _rises(session, list(facts), work)
    entangled = decided.policy_ids
    alone = _Steps(session, facts, work, planned=PlannedRows(facts))
    charged = alone.decide([one for one in facts if one not in entangled])
    crediting = _with_credit(session, charged | entangled) | decided.credited
    together = entangled | crediting
    alone.note_blocked(decided.blocked)
    effects = [one for one in alone.effects if one.policy_id not in together]
    for some, is_simple in _kinds(decided, together):
        effects += _look_ahead(session, facts, some, work, decided, crediting, is_simple)
    return in_order(effects)


def _with_credit(session: Session, policy_ids: set[UUID]) -> set[UUID]:
    if not policy_ids:
        return set()
    return {one.policy_id for one in list_credits(session, sorted(policy_ids))}


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
    savepoint = session.begin_nested()
    try:
        steps.do(sorted(policy_ids), decided.of(policy_ids))
    finally:
        savepoint.rollback()
        session.expire_all()
    return steps.effects


@dataclass(slots=True)
class _Steps:
    """The steps in their order, over policies whose facts are known.

    `only` are the policies whose charges are to be written in a trial; None writes everything.
    `planned` gathers the rows of what is decided alone.
    """

    session: Session
    facts: Mapping[UUID, Facts]
    work: Work
    effects: list[Effect] = field(default_factory=list)
    only: set[UUID] | None = None
    planned: PlannedRows | None = None

    def do(self, policy_ids: Sequence[UUID], decided: Decided | None = None) -> None:
        """Decide and write, step by step: each sees what the one before wrote."""
        session, work = self.session, self.work
        decided = decided or _rises(session, policy_ids, work)
        is_trial = self.only is not None
        write_anniversaries(
            session, decided.raised, on=work.on, now=work.now, with_history=not is_trial
        )
        self._note_rises(decided)
        if StepCode.EXTEND_SCHEDULES in work.steps:
            lines = schedule.decide_lines(session, policy_ids, on=work.on)
            schedule.write_lines(session, lines)
            self._note_lines(lines)
        if StepCode.POST_PREMIUMS in work.steps:
            charges = schedule.decide_charges(session, policy_ids, on=work.on)
            written = [one for one in charges if self.only is None or one.policy_id in self.only]
            schedule.write_charges(session, written, on=work.on, now=work.now)
            self._note_charges(charges)
        if StepCode.MARK_OVERDUE in work.steps:
            late = schedule.decide_late(session, policy_ids, on=work.on)
            if not is_trial:
                schedule.write_late(session, late, on=work.on, now=work.now)
            self._note_late(late)
        self._list(policy_ids)

    def decide(self, policy_ids: Sequence[UUID]) -> set[UUID]:
        """Decide without writing; return the policies that something is charged to."""
        session, work = self.session, self.work
        lines: list[schedule.NewLine] = []
        charges: list[schedule.Charge] = []
        if StepCode.EXTEND_SCHEDULES in work.steps:
            lines = schedule.decide_lines(session, policy_ids, on=work.on)
            self._note_lines(lines)
        if StepCode.POST_PREMIUMS in work.steps:
            charges = schedule.decide_charges(session, policy_ids, on=work.on)
            charges += self._charges_of(lines)
            self._note_charges(charges)
        if StepCode.MARK_OVERDUE in work.steps:
            late = schedule.decide_late(session, policy_ids, on=work.on)
            late += [
                schedule.Late(one.id, one.policy_id, one.due_date, one.amount)
                for one in lines
                if one.due_date < work.on and one.amount > ZERO
            ]
            self._note_late(late)
        self._list(policy_ids)
        return {one.policy_id for one in charges}

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
        period: date | None = None,
        rows: dict[str, Any] | None = None,
    ) -> None:
        facts = self.facts[policy_id]
        day = period or self.work.on
        written = rows or {} if self.planned is not None else None
        self.effects.append(effect_of(facts, policy_id, step, day, before, after, amount, written))

    def _note_rises(self, decided: Decided) -> None:
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
            if rise.index is not None:
                after |= {"index": rise.index, "index_month": rise.index_month}
            step, amount = StepCode.ANNIVERSARIES, new.premium - old.premium
            self._note(one.policy.id, step, before, after, amount, one.change.on)
        self.note_blocked(decided.blocked)

    def note_blocked(self, found: Sequence[Blocked]) -> None:
        """Name rises that may not be."""
        for one in found:
            after = {"blocked_by": [one.reason]}
            self._note(one.policy_id, StepCode.ANNIVERSARIES, {}, after, ZERO, one.anniversary)

    def _note_lines(self, lines: Sequence[schedule.NewLine]) -> None:
        for policy_id, found in _by_policy(lines).items():
            before = {"schedule_until": found[0].due_date.isoformat()}
            after = {"schedule_until": found[-1].period_end.isoformat(), "lines": len(found)}
            amount = total(one.amount for one in found)
            rows = self.planned.lines(found) if self.planned else None
            self._note(policy_id, StepCode.EXTEND_SCHEDULES, before, after, amount, rows=rows)

    def _note_charges(self, charges: Sequence[schedule.Charge]) -> None:
        for policy_id, found in _by_policy(charges).items():
            days = sorted(one.due_date.isoformat() for one in found)
            amount = total(one.amount for one in found)
            before = {"charged": False, "due": days}
            rows = self.planned.charges(found) if self.planned else None
            self._note(
                policy_id, StepCode.POST_PREMIUMS, before, {"charged": True}, amount, rows=rows
            )

    def _note_late(self, late: Sequence[schedule.Late]) -> None:
        for policy_id, found in _by_policy(late).items():
            days = sorted(one.due_date.isoformat() for one in found)
            before = {"status": "PENDING", "due": days}
            amount = total(one.outstanding for one in found)
            rows = self.planned.late(found) if self.planned else None
            self._note(
                policy_id, StepCode.MARK_OVERDUE, before, {"status": "OVERDUE"}, amount, rows=rows
            )

    def _list(self, policy_ids: Sequence[UUID]) -> None:
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
                self._note(row.id, StepCode.RENEWALS_DUE, before, after, row.premium)
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


def _by_policy(found: Sequence[Any]) -> dict[UUID, list[Any]]:
    by_policy: dict[UUID, list[Any]] = {}
    for one in found:
        by_policy.setdefault(one.policy_id, []).append(one)
    return by_policy
