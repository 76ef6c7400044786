"""A month of some thousands of policies: everything that its steps come to, decided before any write.

Each step sees what the one before it leaves: premiums cost what the anniversary makes them cost,
and what credit settles is not late. Whoever plans and whoever writes decide here.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.billing.queries import list_credits, list_open_lines
from insurance.billing.rules import OpenLine, allocate
from insurance.core.money import ZERO
from insurance.ledger.queries import closed_through
from insurance.month_end.models import StepCode
from insurance.month_end.services.anniversaries import decide_anniversaries
from insurance.month_end.services.anniversary_basis import Decided
from insurance.month_end.services.effects import Facts, Work
from insurance.policies.services import schedule_steps as schedule
from insurance.policies.services.schedules import vat_rate_on

_DUE = {StepCode.POST_PREMIUMS, StepCode.MARK_OVERDUE}


@dataclass(frozen=True, slots=True)
class Month:
    """What the writing steps of a month do to policies.

    `credited` are the policies whose credit settles some of what is due.
    """

    rises: Decided
    lines: list[schedule.NewLine]
    charges: list[schedule.Charge]
    late: list[schedule.Late]
    credited: frozenset[UUID]


def decide_month(session: Session, facts: Mapping[UUID, Facts], work: Work) -> Month:
    """Return what the writing steps of a run do to policies; nothing is written."""
    policy_ids = list(facts)
    rises, lines, charges, late = Decided(), [], [], []
    if StepCode.ANNIVERSARIES in work.steps:
        rises = decide_anniversaries(
            session, policy_ids, work.escalations, on=work.on, since=work.since
        )
    newest = rises.newest
    if StepCode.EXTEND_SCHEDULES in work.steps:
        contracts = {
            policy_id: (raised.after, raised.basis.pricer) for policy_id, raised in newest.items()
        }
        lines = schedule.decide_lines(session, policy_ids, on=work.on, contracts=contracts)
    due = schedule.list_due(session, policy_ids, on=work.on) if work.steps & _DUE else []
    premiums = _Premiums(session, facts, work, rises, rises.relaid, lines, due)
    if StepCode.POST_PREMIUMS in work.steps:
        charges = premiums.charges()
    charged = {charge.policy_id for charge in charges}
    settled = _settle(session, rises, premiums.relaid, lines, charged, work.on)
    if StepCode.MARK_OVERDUE in work.steps:
        late = premiums.late(settled)
    credited = frozenset(policy_id for policy_id, shares in settled.items() if shares)
    return Month(rises, lines, charges, late, credited)


@dataclass(frozen=True, slots=True)
class _Premiums:
    """The premiums of policies as the rises and the new lines leave them."""

    session: Session
    facts: Mapping[UUID, Facts]
    work: Work
    rises: Decided
    relaid: Mapping[UUID, Decimal]
    lines: Sequence[schedule.NewLine]
    due: Sequence[schedule.DueLine]

    def charges(self) -> list[schedule.Charge]:
        """Return what has fallen due and is not charged."""
        relaid, on, new = self.relaid, self.work.on, self._due_from_now(self.work.on)
        charges = [
            charge._replace(amount=relaid[charge.line_id]) if charge.line_id in relaid else charge
            for charge in schedule.decide_charges(self.session, self.due, self.facts, on=on)
        ]
        closed = closed_through(self.session) if new else None
        charges += [
            schedule.Charge(
                line.id,
                line.policy_id,
                self.facts[line.policy_id].number,
                line.due_date,
                line.amount,
                vat_rate_on(self.session, self.facts[line.policy_id].category, line.due_date),
                on if closed is not None and line.due_date <= closed else line.due_date,
            )
            for line in new
        ]
        return [charge for charge in charges if charge.amount > ZERO]

    def late(self, settled: Mapping[UUID, Mapping[UUID, Decimal]]) -> list[schedule.Late]:
        """Return what was not paid in time; `settled` says by policy and line what credit pays."""
        relaid, on = self.relaid, self.work.on
        late = [
            unpaid._replace(outstanding=relaid[unpaid.line_id])
            if unpaid.line_id in relaid
            else unpaid
            for unpaid in schedule.decide_late(self.due, on=on)
        ]
        late += [
            schedule.Late(line.id, line.policy_id, line.due_date, line.amount)
            for line in self._due_from_now(on)
            if line.due_date < on
        ]
        owed = (
            one._replace(
                outstanding=one.outstanding - settled.get(one.policy_id, {}).get(one.line_id, ZERO)
            )
            for one in late
        )
        return [one for one in owed if one.outstanding > ZERO]

    def _due_from_now(self, on: date) -> list[schedule.NewLine]:
        """Return premiums due by a day that cost something only from this run on."""
        return [line for line in self.lines if line.due_date <= on and line.amount > ZERO] + [
            schedule.NewLine(
                line.id,
                raised.policy.id,
                line.sequence,
                line.due_date,
                line.period_end,
                self.relaid[line.id],
                line.whole_days,
            )
            for raised in self.rises.newest.values()
            for line in raised.basis.lines
            if line.amount == ZERO and line.id in self.relaid and line.due_date <= on
        ]


def _settle(
    session: Session,
    rises: Decided,
    relaid: Mapping[UUID, Decimal],
    lines: Sequence[schedule.NewLine],
    charged: Collection[UUID],
    on: date,
) -> dict[UUID, dict[UUID, Decimal]]:
    """Return by policy and line what credit settles of what is due, in rand.

    A credit note settles at once; other credit where something is charged.
    """
    notes = rises.given_back
    asking = set(charged) | rises.surcharged
    credit: dict[UUID, Decimal] = defaultdict(lambda: ZERO, rises.released)
    for one in list_credits(session, asking) if asking else ():
        credit[one.policy_id] += one.amount
    using = notes.keys() | (credit.keys() & asking)
    if not using:
        return {}
    owed: dict[UUID, dict[UUID, OpenLine]] = {policy_id: {} for policy_id in using}
    for policy_id, line in list_open_lines(session, sorted(using)):
        owed[policy_id][line.id] = line
    for policy_id in using & rises.policy_ids:
        owed[policy_id] |= _relaid_lines(policy_id, rises, relaid)
    for new in lines:
        if new.policy_id in using:
            owed[new.policy_id][new.id] = OpenLine(new.id, new.due_date, new.amount)
    settled = {}
    for policy_id in using:
        due = [line for line in owed[policy_id].values() if line.due_date <= on]
        more = credit[policy_id] if policy_id in asking else ZERO
        amount = notes.get(policy_id, ZERO) + more
        shares, _left = allocate(amount, sorted(due, key=lambda line: line.due_date))
        settled[policy_id] = {share.line_id: share.amount for share in shares}
    return settled


def _relaid_lines(
    policy_id: UUID, rises: Decided, relaid: Mapping[UUID, Decimal]
) -> dict[UUID, OpenLine]:
    """Return premiums of a policy as its rises price them, and what they charge for past ones."""
    found = {}
    for raised in rises.raised:
        if raised.policy.id == policy_id:
            for line in raised.basis.lines:
                if line.id in relaid:
                    left = max(relaid[line.id] - line.paid_amount, ZERO)
                    found[line.id] = OpenLine(line.id, line.due_date, left)
            if raised.adjustment > ZERO:
                due = raised.adjustment_due
                found[raised.change.id] = OpenLine(raised.change.id, due, raised.adjustment)
    return found
