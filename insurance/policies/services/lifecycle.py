"""Suspending, lapsing, reinstating, expiring and renewing policies."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from insurance.billing import queries as billing
from insurance.billing import services as money
from insurance.billing.models import LineKind, LineStatus, PremiumLine, ReceiptKind, ReceiptStatus
from insurance.billing.rules import Step, plan_lines
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.money import ZERO, format_money
from insurance.core.period import Period, add_months
from insurance.core.tenancy import current_org
from insurance.lapses.queries import rule_on
from insurance.lapses.rules import Reinstatement, Way, reinstatement_terms
from insurance.policies import lifecycle_rules, queries
from insurance.policies.models import EndorsementStatus, PolicyStatus
from insurance.policies.rules import check_transition, expiry_date
from insurance.policies.services.cancellation import settle_end
from insurance.policies.services.held_money import forecast_of, settle_before_lapse
from insurance.policies.services.moves import (
    Case,
    LifecycleOutcome,
    charge_due,
    contract_on,
    day_after,
    end,
    instalment_on,
    move,
    open_case,
    restore_past_cover,
    stop_past_cover,
    uncharge_unpaid,
)
from insurance.policies.services.own_receipts import next_reference
from insurance.products.rules import MONTHS_PER_PREMIUM

LAPSED = "Lapsed"
"""What a charge is called that a lapse takes back."""


@dataclass(frozen=True, slots=True)
class WayBack:
    """How a policy may come back on a day, and what is owed for it after credit, in rand.

    `terms` is None for a policy that is only suspended: its cover never ended.
    """

    arrears: Decimal
    tolerance: Decimal
    terms: Reinstatement | None


def suspend_policy(policy_id: UUID, *, reason: str, on: date, now: datetime) -> LifecycleOutcome:
    """Pause a policy in force from today. Premiums go on falling due and grace goes on running."""
    with transaction() as session:
        case = _held(session, policy_id, PolicyStatus.SUSPENDED, reason, on, now)
        open_before = [line for line in case.lines() if line.posted_at is None]
        charge_due(case, day_after(on))
        move(
            case,
            "POLICY_SUSPENDED",
            to=PolicyStatus.SUSPENDED,
            effective=on,
            description="Suspended",
            reason=reason.strip(),
            undo={"charged": [line.id for line in open_before if line.posted_at is not None]},
        )
        return _outcome(case, on)


def lapse_policy(policy_id: UUID, *, reason: str, on: date, now: datetime) -> LifecycleOutcome:
    """End cover for want of a premium, as from the day after grace ended, however late this runs.

    Money that is held for the policy settles its oldest premium first, whatever then comes of the
    lapse. Raises ConflictError with the lapse date and what stands in the way where it is not yet
    due.
    """
    settle_before_lapse(policy_id, on=on, now=now)
    with transaction() as session:
        return lapse(session, policy_id, reason=reason, on=on, now=now)


def lapse(
    session: Session, policy_id: UUID, *, reason: str, on: date, now: datetime
) -> LifecycleOutcome:
    """Lapse a policy as a step of the caller's transaction."""
    case = _held(session, policy_id, PolicyStatus.LAPSED, reason, on, now)
    forecast = forecast_of(session, policy_id, on)
    charged = charge_due(case, lifecycle_rules.lapse_day(forecast))
    uncharged = uncharge_unpaid(case, LAPSED)
    ending = lifecycle_rules.lapse_of(forecast, charged=charged, uncharged=uncharged)
    return end(case, ending, reason.strip())


def find_way_back(session: Session, policy_id: UUID, *, on: date, now: datetime) -> WayBack:
    """Return how a lapsed or suspended policy may come back, and what is owed."""
    return _way_back(open_case(session, policy_id, on=on, now=now, lock=False))


def _way_back(case: Case) -> WayBack:
    policy = case.policy
    terms = rule_on(case.session, policy.product_id, policy.ended_on or case.on)
    found = None
    if policy.ended_on is not None:
        found = reinstatement_terms(policy.ended_on, terms, case.terms.class_code, case.on)
    arrears = billing.arrears_on(case.session, policy.id, case.on)
    credit = billing.unapplied_credit(case.session, policy.id)
    return WayBack(max(arrears - credit, ZERO), terms.tolerance, found)


def reinstate_policy(
    policy_id: UUID,
    *,
    arrears_paid: bool,
    medical_clearance: bool = False,
    recommence: bool = False,
    reason: str,
    life_answers: Mapping[str, bool] | None = None,
    on: date,
    now: datetime,
) -> LifecycleOutcome:
    """Bring a suspended or lapsed policy back into force.

    With its arrears paid cover is continuous. To recommence, without arrears, leaves the days from
    the lapse to today without cover and without premium. Waiting periods go on as they were.
    Raises ConflictError with the figure for an untrue `arrears_paid`, or where the time is over;
    DomainError where a life has funeral cover elsewhere and would be above its cap.
    """
    with transaction() as session:
        case = _held(session, policy_id, PolicyStatus.ACTIVE, reason, on, now, life_answers)
        way = _way_back(case)
        _check_way(way, medical_clearance=medical_clearance)
        if recommence:
            return _recommence(case, way, reason.strip())
        lifecycle_rules.check_arrears(
            said_paid=arrears_paid,
            arrears=way.arrears,
            tolerance=way.tolerance,
            words=format_money(way.arrears),
        )
        if not arrears_paid:
            raise ConflictError(
                f"Arrears of {format_money(way.arrears)} are paid first, or cover recommences"
                " without them.",
                field="arrears_paid",
                detail={"arrears": str(way.arrears)},
            )
        return _reinstate(case, reason.strip(), medical_clearance)


def _check_way(way: WayBack, *, medical_clearance: bool) -> None:
    if way.terms is None:
        return
    if way.terms.way is Way.NEW_BUSINESS:
        last = way.terms.medical_until or way.terms.arrears_only_until
        raise ConflictError(
            f"This policy could come back until {last:%Y/%m/%d}. It needs a new application now.",
            detail={"way": way.terms.way.value, "until": last.isoformat()},
        )
    if way.terms.way is Way.MEDICAL and not medical_clearance:
        raise ConflictError(
            f"Since {day_after(way.terms.arrears_only_until):%Y/%m/%d} this policy comes back with"
            " medical clearance only.",
            field="medical_clearance",
            detail={"way": way.terms.way.value},
        )


def _reinstate(case: Case, reason: str, medical_clearance: bool) -> LifecycleOutcome:
    since = case.policy.ended_on
    charged = charge_due(case, day_after(case.on))
    numbers = {case.policy.id: case.policy.policy_number}
    money.apply_credits(case.session, numbers, on=case.on, now=case.now)
    effective = since or case.on
    move(
        case,
        "POLICY_REINSTATED",
        to=PolicyStatus.ACTIVE,
        effective=effective,
        description="Reinstated without a gap in cover" if since else "Suspension ended",
        reason=reason,
        payload={"charged": charged, "medical_clearance": medical_clearance},
        ended_on=None,
    )
    if since is not None:
        restore_past_cover(case, since, "The policy was reinstated")
    return _outcome(case, effective)


def _recommence(case: Case, way: WayBack, reason: str) -> LifecycleOutcome:
    lapsed_on = case.policy.ended_on
    if lapsed_on is None:
        raise ConflictError("Cover has not ended, so it does not recommence.", field="recommence")
    for line in case.lines():
        if line.due_date < case.on and line.amount > line.paid_amount:
            _forgive(case, line)
        elif line.posted_at is None and line.due_date < case.on:
            _set_free(case, line)
    charge_due(case, day_after(case.on))
    money.apply_credits(
        case.session, {case.policy.id: case.policy.policy_number}, on=case.on, now=case.now
    )
    move(
        case,
        "POLICY_REINSTATED",
        to=PolicyStatus.ACTIVE,
        effective=case.on,
        description=f"Recommenced; no cover from {lapsed_on:%Y/%m/%d} until today",
        reason=reason,
        payload={"gap": [lapsed_on, case.on], "given_up": way.arrears, "recommenced": True},
        ended_on=None,
    )
    restore_past_cover(case, case.on, "Cover recommenced")
    return _outcome(case, case.on)


def _forgive(case: Case, line: PremiumLine) -> None:
    """Ask nobody for a premium of the gap; the days of its period still to come stay owed."""
    if line.posted_at is not None:
        _credit_rest(case, line)
        return
    if line.period_end <= case.on:
        _set_free(case, line)
        return
    if line.paid_amount > ZERO:
        money.release_lines(case.session, [line], on=case.on, now=case.now)
    period = Period(line.due_date, line.period_end)
    line.amount = lifecycle_rules.bridge_amount(line.amount, period, case.on)
    line.whole_days = line.whole_days or period.days
    line.due_date = case.on
    line.status = LineStatus.PENDING
    case.session.flush()


def _set_free(case: Case, line: PremiumLine) -> None:
    line_id = line.id
    if line.paid_amount > ZERO:
        money.release_lines(case.session, [line], on=case.on, now=case.now)
    money.cancel_lines(case.session, [line_id])


def _credit_rest(case: Case, line: PremiumLine) -> None:
    rest = money.Payment(
        policy_id=case.policy.id,
        policy_number=case.policy.policy_number,
        reference=next_reference(case, "CN"),
        amount=line.outstanding,
        on=case.on,
        line_id=line.id,
        kind=ReceiptKind.CREDIT_NOTE,
        detail="No cover from the lapse on",
        vat_rate=case.vat_rate(line.due_date),
    )
    money.record_receipts(case.session, [rest], on=case.on, now=case.now)


def mark_not_taken_up(policy_id: UUID, *, reason: str, on: date, now: datetime) -> LifecycleOutcome:
    """End a policy whose first premium was never paid, as if cover had never begun."""
    with transaction() as session:
        case = _held(session, policy_id, PolicyStatus.CANCELLED, reason, on, now)
        receipts = billing.list_receipts(session, policy_id)
        if any(receipt.status is ReceiptStatus.POSTED for receipt in receipts):
            raise ConflictError("Something has been paid, so this policy was taken up.")
        starts = case.policy.effective_date
        if on <= starts:
            raise ConflictError(f"The first premium can still be paid on {starts:%Y/%m/%d}.")
        uncharge_unpaid(case, "Not taken up")
        money.cancel_lines(session, [line.id for line in case.lines()])
        move(
            case,
            "POLICY_NOT_TAKEN_UP",
            to=PolicyStatus.CANCELLED,
            effective=starts,
            description="Not taken up: the first premium was never paid",
            reason=reason.strip(),
            ended_on=starts,
        )
        stop_past_cover(case, starts)
        return _outcome(case, starts)


def expire_policy(policy_id: UUID, *, on: date, now: datetime) -> LifecycleOutcome:
    """End a policy whose term is over. What was owed stays owed; what is not needed goes back."""
    with transaction() as session:
        return expire(session, policy_id, on=on, now=now)


def expire(session: Session, policy_id: UUID, *, on: date, now: datetime) -> LifecycleOutcome:
    """Expire a policy as a step of the caller's transaction."""
    case = open_case(session, policy_id, on=on, now=now)
    check_transition(case.policy.status.value, PolicyStatus.EXPIRED.value)
    ends = lifecycle_rules.expiry_day(case.policy.expiry_date, on)
    charged = charge_due(case, ends)
    refund = settle_end(case, ends).refund
    return end(case, lifecycle_rules.expiry_of(ends, charged=charged, refund=refund), None)


def renew_policy(policy_id: UUID, *, on: date, now: datetime) -> LifecycleOutcome:
    """Give a non-life policy its next term at today's premium, from the day the present one ends.

    Raises ConflictError earlier than the lead days before that day, or after it.
    """
    with transaction() as session:
        case = open_case(session, policy_id, on=on, now=now)
        ends = _renewable(case)
        years = case.policy.term_years
        until = expiry_date(ends, years, "FIXED_TERM")
        lines = _add_lines(case, ends, until)
        move(
            case,
            "POLICY_RENEWED",
            to=None,
            effective=ends,
            description=f"Renewed until {until:%Y/%m/%d}",
            reason=None,
            payload={"term": [ends, until], "premiums": lines},
            expiry_date=until,
        )
        return _outcome(case, ends)


def _renewable(case: Case) -> date:
    policy = case.policy
    if policy.status is not PolicyStatus.ACTIVE:
        raise ConflictError(
            f"A policy that is {policy.status.value} is not renewed.",
            detail={"allowed_transitions": list(lifecycle_rules.allowed_moves(policy.status))},
        )
    if case.terms.category != "NON_LIFE" or policy.expiry_date is None:
        raise ConflictError("Only non-life policies with a term are renewed.")
    lead = int(case.parameter("renewal_lead_days"))
    days_left = (policy.expiry_date - case.on).days
    if not 0 <= days_left <= lead:
        raise ConflictError(
            f"This policy is renewed in the {lead} days before {policy.expiry_date:%Y/%m/%d}."
        )
    coming = [
        endorsement.effective_date
        for endorsement in queries.list_endorsements(
            case.session, policy.id, EndorsementStatus.ISSUED
        )
        if endorsement.applied_at is None and endorsement.effective_date > case.on
    ]
    if coming:
        raise ConflictError(
            f"A change takes effect on {min(coming):%Y/%m/%d}; the policy is renewed after it."
        )
    return policy.expiry_date


def _add_lines(case: Case, start: date, until: date | None) -> int:
    policy, session = case.policy, case.session
    last = session.scalars(
        select(func.max(PremiumLine.sequence)).where(
            PremiumLine.org_id == current_org(),
            PremiumLine.policy_id == policy.id,
            PremiumLine.kind == LineKind.PREMIUM,
        )
    ).one()
    # A change whose day has come counts, also where no job has brought the policy's row to it yet.
    contract = contract_on(session, policy, start)
    planned = plan_lines(
        start,
        due_day=contract.due_day,
        months=MONTHS_PER_PREMIUM[contract.frequency],
        until=add_months(start, 12),
        expiry=until,
        steps=[Step(policy.effective_date, instalment_on(case, start))],
        method=case.terms.pro_rata_method,
    )
    rows = [
        money.premium_row(policy.id, sequence, line.period, line.amount, whole_days=line.whole_days)
        for sequence, line in enumerate(planned, (last or 0) + 1)
    ]
    return money.lay_lines(session, rows)


def _held(
    session: Session,
    policy_id: UUID,
    wanted: PolicyStatus,
    reason: str,
    on: date,
    now: datetime,
    life_answers: Mapping[str, bool] | None = None,
) -> Case:
    case = open_case(session, policy_id, on=on, now=now, life_answers=life_answers)
    check_transition(case.policy.status.value, wanted.value)
    if not reason.strip():
        raise DomainError("Say why.", field="reason")
    return case


def _outcome(case: Case, effective: date, **figures: Any) -> LifecycleOutcome:
    arrears = billing.arrears_on(case.session, case.policy.id, case.on)
    return LifecycleOutcome(case.policy, effective, arrears, **figures)
