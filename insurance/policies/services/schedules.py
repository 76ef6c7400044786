"""What a change of a contract does to its premiums, planned first and then done."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.billing import queries as billing
from insurance.billing import services as money
from insurance.billing.models import (
    LineKind,
    LineStatus,
    PremiumLine,
    Receipt,
    ReceiptKind,
    ReceiptStatus,
)
from insurance.billing.rules import MONTHS_AHEAD, PlannedLine, Step, line_charge, plan_lines
from insurance.core.money import ZERO, total
from insurance.core.period import Period, add_months
from insurance.core.tenancy import current_org
from insurance.organizations.queries import find_parameter
from insurance.policies.models import Policy
from insurance.policies.rules import Stage, rhythm_began, steps_of
from insurance.policies.services.contracts import Basis, next_charge
from insurance.policies.services.moves import charge_due, day_after, open_case
from insurance.products.rules import MONTHS_PER_PREMIUM

DEBITS_NAMED = 3
_ADJUSTMENT = "ADJ-"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyPlan:
    """What a change costs and how the lines to come are laid. Money is in rand.

    `adjustment` is for the periods that were charged already; it falls due with the next debit.
    """

    adjustment: Decimal
    adjustment_due: date
    planned: Sequence[PlannedLine]
    coming: Sequence[PremiumLine]
    periods: Sequence[tuple[Period, int]]
    next_debits: Sequence[tuple[date, Decimal]]
    vat_rate: Decimal | None

    def days_of(self, on: date) -> tuple[int, int]:
        """Return the days left from a day in its premium period, and the days a whole one has."""
        for period, whole_days in self.periods:
            if on in period:
                return (period.end - on).days, whole_days
        return 0, 0


def plan_money(
    session: Session,
    policy: Policy,
    stages: Sequence[Stage],
    *,
    basis: Basis,
    on: date,
) -> MoneyPlan:
    """Work out what the periods charged so far should have cost, and lay the lines to come.

    A premium that is paid and due counts as charged. One paid ahead keeps its period and takes the
    new price. Lines before the last change of their rhythm keep their periods, also where none is
    charged.
    """
    terms, contract = basis.pricer.terms, stages[-1].contract
    steps = steps_of(stages, basis.pricer)
    every_line = billing.list_premium_lines(session, policy.id)
    start = max(next_charge(every_line, basis.starts_on), rhythm_began(stages))
    lines = [
        one
        for one in every_line
        if one.due_date >= basis.starts_on and one.status is not LineStatus.CANCELLED
    ]
    fixed = [line for line in lines if line.is_fixed and (line.posted_at or line.due_date <= on)]
    should_be = total(_charge(one, steps, terms.pro_rata_method) for one in fixed)
    adjusted = _adjusted_so_far(session, policy, basis, lines)
    adjustment = should_be - total(one.amount for one in fixed) - adjusted
    coming = [line for line in lines if line.kind is LineKind.PREMIUM and line not in fixed]
    planned = [
        *_passed_over(coming, steps, start, terms.pro_rata_method),
        *plan_lines(
            start,
            due_day=contract.due_day,
            months=MONTHS_PER_PREMIUM[contract.frequency],
            until=_horizon(basis, coming),
            expiry=policy.expiry_date,
            steps=steps,
            method=terms.pro_rata_method,
        ),
    ]
    paid = {one.due_date: one.paid_amount for one in coming}
    owed = [(one.period.start, one.amount - paid.get(one.period.start, ZERO)) for one in planned]
    due = next((day for day, amount in owed if day >= on and amount > ZERO), on)
    past = [line for line in lines if line in fixed or line.kind is LineKind.ADJUSTMENT]
    owed += [(one.due_date, one.outstanding) for one in past]
    credit = billing.unapplied_credit(session, policy.id)
    return MoneyPlan(
        adjustment=adjustment,
        adjustment_due=due,
        planned=planned,
        coming=coming,
        periods=_periods(fixed, planned),
        next_debits=_next_debits([*owed, (due, adjustment)], credit, on),
        vat_rate=vat_rate_on(session, terms.category, on),
    )


def _periods(
    fixed: Sequence[PremiumLine], planned: Sequence[PlannedLine]
) -> list[tuple[Period, int]]:
    held = [(Period(one.due_date, one.period_end), one.whole_days) for one in fixed]
    coming = [(one.period, one.whole_days) for one in planned]
    return [(period, whole_days or period.days) for period, whole_days in [*held, *coming]]


def _passed_over(
    coming: Sequence[PremiumLine], steps: Sequence[Step], start: date, method: str
) -> list[PlannedLine]:
    """Return the open lines before a day: their periods stay, their price does not."""
    return [
        PlannedLine(
            Period(one.due_date, one.period_end), _charge(one, steps, method), one.whole_days
        )
        for one in coming
        if one.due_date < start
    ]


def _horizon(basis: Basis, coming: Sequence[PremiumLine]) -> date:
    """Return how far the schedule reaches: as far as it did, a change lays it anew within that."""
    last = max((one.due_date for one in coming), default=basis.starts_on)
    return max(add_months(basis.starts_on, MONTHS_AHEAD), last + timedelta(days=1))


def vat_rate_on(session: Session, category: str, on: date) -> Decimal | None:
    """Return the VAT rate in per cent, None for life business, which is exempt."""
    return find_parameter(session, "vat_rate_per_cent", on) if category == "NON_LIFE" else None


def _charge(line: PremiumLine, steps: Sequence[Step], method: str) -> Decimal:
    period = Period(line.due_date, line.period_end)
    return line_charge(period, steps, whole_days=line.whole_days, method=method)


def _adjusted_so_far(
    session: Session, policy: Policy, basis: Basis, lines: Sequence[PremiumLine]
) -> Decimal:
    charged = total(
        line.amount
        for line in lines
        if line.kind is LineKind.ADJUSTMENT
        and line.posted_at
        and line.posted_at >= basis.recorded_at
    )
    credited = _adjustment_credits(session, policy, basis.recorded_at)
    return charged - total(one.amount for one in credited)


def _adjustment_credits(session: Session, policy: Policy, since: datetime) -> Sequence[Receipt]:
    return session.scalars(
        select(Receipt)
        .where(
            Receipt.org_id == current_org(),
            Receipt.policy_id == policy.id,
            Receipt.kind == ReceiptKind.CREDIT_NOTE,
            Receipt.status == ReceiptStatus.POSTED,
            Receipt.reference.startswith(_ADJUSTMENT),
            Receipt.recorded_at >= since,
        )
        .order_by(Receipt.id.desc())
    ).all()


def _next_debits(
    amounts: Sequence[tuple[date, Decimal]], credit: Decimal, on: date
) -> list[tuple[date, Decimal]]:
    """Return what will be debited next, of what is owed on which day; below nothing is credit."""
    owed: dict[date, Decimal] = defaultdict(lambda: ZERO)
    for day, amount in amounts:
        owed[day] += max(amount, ZERO)
        credit += max(-amount, ZERO)
    debits = []
    # Credit settles what was due before first, so that only the rest of it lowers a debit.
    for day, amount in sorted(owed.items()):
        used = min(credit, amount)
        credit -= used
        if day >= on and amount > ZERO:
            debits.append((day, amount - used))
    return debits[:DEBITS_NAMED]


def apply_money(
    session: Session,
    policy: Policy,
    plan: MoneyPlan,
    *,
    on: date,
    now: datetime,
    why: UUID,
    taking_back: bool = False,
) -> None:
    """Do what a plan says: charge or credit the adjustment, and lay the lines to come.

    `taking_back` first reverses what earlier changes charged or credited. `why` is the
    endorsement, which tells the credit note's reference apart.
    """
    # What the plan counts as charged is charged, also where no job came by since it fell due.
    case = open_case(session, policy.id, on=on, now=now, lock=False)
    charge_due(case, day_after(on), only_paid=True)
    _lay(session, policy, plan, on, now)
    left = plan.adjustment
    if taking_back:
        left = _take_back(session, policy, left, on, now)
    if left > ZERO:
        money.charge_adjustment(
            session,
            policy.id,
            policy.policy_number,
            left,
            due_date=plan.adjustment_due,
            on=on,
            vat_rate=plan.vat_rate,
            now=now,
        )
    elif left < ZERO:
        credit = money.Payment(
            policy_id=policy.id,
            policy_number=policy.policy_number,
            reference=f"{_ADJUSTMENT}{policy.policy_number}-{policy.current_version}-{why.hex[-6:]}",
            amount=-left,
            on=on,
            kind=ReceiptKind.CREDIT_NOTE,
            detail="Change of cover",
            vat_rate=plan.vat_rate,
        )
        money.record_receipts(session, [credit], on=on, now=now)
    # What the change had set free of a premium paid ahead settles it again.
    ahead = [one.id for one in plan.coming if taking_back and one.paid_amount > ZERO]
    money.apply_credits(session, {policy.id: policy.policy_number}, on=on, now=now, ahead=ahead)
    session.flush()


def _take_back(session: Session, policy: Policy, left: Decimal, on: date, now: datetime) -> Decimal:
    """Reverse adjustments, the newest first, as far as they fit; return what is left over."""
    if left > ZERO:
        for receipt in _adjustment_credits(session, policy, policy.issued_at):
            if receipt.amount <= left:
                left -= receipt.amount
                money.reverse_receipt(session, receipt, on=on, reason_code="UNDONE", now=now)
        return left
    charged = [
        one
        for one in billing.list_premium_lines(session, policy.id)
        if one.kind is LineKind.ADJUSTMENT and one.status is not LineStatus.CANCELLED
    ]
    for line in sorted(charged, key=lambda one: -one.sequence):
        if line.amount <= -left:
            left += line.amount
            money.release_lines(session, [line], on=on, now=now)
            money.uncharge(session, line, on=on, now=now, why="Undone")
            money.cancel_lines(session, [line.id])
    return left


def _lay(session: Session, policy: Policy, plan: MoneyPlan, on: date, now: datetime) -> None:
    """Bring the lines to come to the plan: in place, with what is missing added."""
    rows = sorted(plan.coming, key=lambda one: (one.due_date, one.sequence))
    last = max(
        (
            line.sequence
            for line in billing.list_premium_lines(session, policy.id)
            if line.kind is LineKind.PREMIUM
        ),
        default=0,
    )
    for surplus in rows[len(plan.planned) :]:
        session.delete(surplus)
    paid = {
        row.id: planned.amount
        for row, planned in zip(rows, plan.planned, strict=False)
        if row.paid_amount > ZERO
    }
    money.release_excess(session, paid, on=on, now=now)
    missing = [
        money.premium_row(policy.id, sequence, one.period, one.amount, whole_days=one.whole_days)
        for sequence, one in enumerate(plan.planned[len(rows) :], last + 1)
    ]
    for row, planned in zip(rows, plan.planned, strict=False):
        row.due_date, row.period_end = planned.period.start, planned.period.end
        row.amount, row.whole_days = planned.amount, planned.whole_days
        if row.paid_amount > ZERO and row.outstanding == ZERO:
            row.status = LineStatus.PAID
        elif row.status is LineStatus.PAID or row.due_date >= on:
            row.status = LineStatus.PENDING
    money.lay_lines(session, missing)
