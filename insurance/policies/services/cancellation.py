"""Cancelling a policy: what it costs said first, then done to the cent, by two people if need be."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest
from insurance.approvals.services import request_approval
from insurance.approvals.subjects import Subject, register
from insurance.billing import queries as billing
from insurance.billing import services as money
from insurance.billing.models import LineKind, LineStatus, PremiumLine, ReceiptKind
from insurance.billing.rules import Step, earned_charge
from insurance.core.db import transaction, trial
from insurance.core.errors import ConflictError, DomainError
from insurance.core.money import ZERO, format_money, total
from insurance.core.period import Period
from insurance.core.tenancy import current_org
from insurance.ledger.rules import split_vat
from insurance.organizations.queries import local_day
from insurance.policies import lifecycle_rules as rules
from insurance.policies import queries
from insurance.policies.lifecycle_rules import (
    Agreement,
    CancellationPlan,
    CancellationType,
    CoolingOff,
    Initiator,
    Line,
)
from insurance.policies.models import Endorsement, EndorsementStatus, PolicyStatus
from insurance.policies.rules import check_transition, fold, steps_of
from insurance.policies.services.approvals import POLICY
from insurance.policies.services.contracts import Basis
from insurance.policies.services.endorsements import apply_due
from insurance.policies.services.endorsements.wanted import FROM_NEXT_PREMIUM
from insurance.policies.services.held_money import (
    forecast_of,
    settle_before_lapse,
    settle_with_money_held,
    use_held_money,
)
from insurance.policies.services.moves import (
    Case,
    LifecycleOutcome,
    charge_due,
    day_after,
    move,
    open_case,
    stop_past_cover,
)
from insurance.policies.services.own_receipts import next_reference, write_off_open


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """What is asked for. Without a date, today; without an initiator, whoever the type implies.

    An insurer who ends the contract says when the holder was given notice, and what proves it: the
    number of the registered letter or of the file.
    """

    kind: CancellationType
    reason: str
    effective_date: date | None = None
    initiated_by: Initiator | None = None
    notice_sent_on: date | None = None
    notice_evidence: str = ""


@dataclass(frozen=True, slots=True)
class CancellationPreview:
    """What a cancellation will do, to the cent. Money is in rand.

    Of the premium for days without cover, `unearned`, the contract keeps `retained` and credits
    `credit` (with `vat` in it). With what was `paid_ahead` it settles what is `owed`; the rest is
    the `refund`, or stays as `arrears`. `written_off` is given up. A claim or an event bars the
    cooling off: `is_cooling_off_barred`.
    """

    effective_date: date
    cover_end: date
    is_cooling_off: bool
    is_cooling_off_barred: bool
    initiated_by: Initiator
    basis: str
    unearned: Decimal
    retained: Decimal
    credit: Decimal
    vat: Decimal
    paid_ahead: Decimal
    owed: Decimal
    arrears: Decimal
    written_off: Decimal
    refund: Decimal
    needs: tuple[Agreement, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What goes back where cover ended, and by how much less is charged than before, in rand."""

    refund: Decimal
    given_up: Decimal


@dataclass(frozen=True, slots=True)
class _Prepared:
    preview: CancellationPreview
    plan: CancellationPlan
    gives_up_unpaid: bool


def preview_cancellation(
    session: Session, policy_id: UUID, wanted: Cancellation, *, on: date, now: datetime
) -> CancellationPreview:
    """Return what a cancellation would do, and do nothing. Raises what the cancellation would."""
    with trial(session):
        if wanted.kind in rules.UNPAID_TYPES:
            apply_due(session, queries.get_policy(session, policy_id), on=on, now=now)
        case = open_case(session, policy_id, on=on, now=now, lock=False)
        if wanted.kind in rules.UNPAID_TYPES:
            settle_with_money_held(session, [policy_id], on=on, now=now)
        _settle_lapsed(case)
        return _prepare(case, wanted).preview


def _settle_lapsed(case: Case) -> None:
    """Let money that came after a lapse pay for the days of grace, for whatever it was meant."""
    if case.policy.status is PolicyStatus.LAPSED:
        lapsed_on = case.policy.ended_on
        use_held_money(case.session, [case.policy.id], on=case.on, now=case.now, since=lapsed_on)


def cancel_policy(
    policy_id: UUID, wanted: Cancellation, *, on: date, now: datetime
) -> LifecycleOutcome:
    """End a policy for good and divide its premium, or ask a second person who must agree.

    Where it ends for want of a premium, money that is held for it settles its oldest one first.
    Raises ConflictError for a move the table does not have, DomainError at the field otherwise.
    """
    if wanted.kind in rules.UNPAID_TYPES:
        settle_before_lapse(policy_id, on=on, now=now)
    with transaction() as session:
        case = open_case(session, policy_id, on=on, now=now)
        _settle_lapsed(case)
        prepared = _prepare(case, wanted)
        if prepared.preview.needs:
            return _ask(case, wanted, prepared.preview)
        return _cancel(case, wanted, prepared)


def execute_cancellation(
    session: Session, request: ApprovalRequest, *, on: date, now: datetime
) -> LifecycleOutcome:
    """Do what a second person agreed to. Raises ConflictError where the money has changed since."""
    case = open_case(session, request.resource_id, on=on, now=now)
    _settle_lapsed(case)
    frozen = request.payload
    wanted = Cancellation(
        kind=CancellationType(frozen["cancellation_type"]),
        reason=request.reason,
        effective_date=date.fromisoformat(frozen["effective_date"]),
        initiated_by=Initiator(frozen["initiated_by"]),
        notice_sent_on=date.fromisoformat(sent) if (sent := frozen.get("notice_sent_on")) else None,
        notice_evidence=frozen.get("notice_evidence") or "",
    )
    asked_on = date.fromisoformat(frozen["asked_on"])
    # What was asked for is judged by the rules of the day it was asked on, and posted today.
    prepared = _prepare(replace(case, on=asked_on), wanted)
    if _figures(prepared.preview) != frozen["figures"]:
        raise ConflictError("The money has changed since this was asked for.")
    return _cancel(case, wanted, prepared, approval_id=request.id)


CANCEL = register(Subject(action="policies.cancel", record=POLICY, execute=execute_cancellation))


def _prepare(case: Case, wanted: Cancellation) -> _Prepared:
    policy = case.policy
    check_transition(policy.status.value, PolicyStatus.CANCELLED.value)
    if not wanted.reason.strip():
        raise DomainError("Say why.", field="reason")
    by = rules.initiator_of(wanted.kind, wanted.initiated_by)
    effective = _effective(case, wanted)
    _check_date(case, wanted.kind, effective)
    _check_proofs(case, wanted, by, effective)
    stop = policy.ended_on or effective
    cooling = _cooling_off(case, wanted.kind)
    cools = cooling is CoolingOff.YES
    # What a lapse left unpaid is asked from nobody, and the contract keeps nothing of a premium
    # for a cover that the holder did not end.
    has_lapsed = policy.status is PolicyStatus.LAPSED
    basis = rules.PRO_RATA
    if not has_lapsed:
        basis = rules.cancellation_basis(case.terms.cancellation_basis, is_cooling_off=cools, by=by)
    gives_up_unpaid = has_lapsed or wanted.kind in rules.UNPAID_TYPES
    lines, plan = _plan(
        case,
        stop,
        case.lines(),
        basis=basis,
        gives_up_unpaid=gives_up_unpaid,
    )
    preview = CancellationPreview(
        effective_date=effective,
        cover_end=stop,
        is_cooling_off=cools,
        is_cooling_off_barred=cooling is CoolingOff.BARRED,
        initiated_by=by,
        basis=basis,
        unearned=plan.money.unearned,
        retained=plan.money.retained,
        credit=plan.money.credit,
        vat=_vat(case, lines, stop, plan),
        paid_ahead=plan.paid_ahead,
        owed=plan.owed,
        arrears=plan.arrears,
        written_off=plan.written_off,
        refund=plan.money.refund,
        needs=_needs(case, wanted.kind, by, effective, plan),
    )
    return _Prepared(preview, plan, gives_up_unpaid)


def _plan(
    case: Case,
    stop: date,
    schedule: Sequence[PremiumLine],
    *,
    basis: str,
    gives_up_unpaid: bool = False,
    ends_by_itself: bool = False,
) -> tuple[list[Line], CancellationPlan]:
    session, policy = case.session, case.policy
    term = case.basis(before=stop)
    received = billing.read_received(session, policy.id, since=term.recorded_at)
    steps = steps_of(fold(term.contract, term.starts_on, term.changes, term.pricer), term.pricer)
    if ends_by_itself:
        # What took effect since is no part of a contract that had ended by then.
        steps = [steps[0], *(step for step in steps[1:] if step.on < stop)]
    lines = _lines(case, term, stop, schedule, received, steps)
    plan = rules.plan_cancellation(
        lines,
        stop,
        basis=basis,
        short_rate_per_cent=case.terms.short_rate_per_cent,
        unapplied=total(received.unapplied),
        gives_up_unpaid=gives_up_unpaid,
        credit_notes=received.credit_notes,
    )
    return lines, plan


def settle_end(case: Case, stop: date, *, keeps_period: bool = False) -> Settled:
    """Divide the premium where cover ends on `stop` by itself; return what that came to.

    That is what came in less what was earned, as at a cancellation. `keeps_period`: the contract
    has paid, so it keeps the premium of the period that cover ended in, at the price of its last
    day. What is owed stays owed.
    """
    basis = rules.FLAT if keeps_period else rules.PRO_RATA
    schedule = case.lines()
    _lines_of_end, plan = _plan(case, stop, schedule, basis=basis, ends_by_itself=True)
    charge_due(case, min(stop, day_after(case.on)), lines=schedule)
    charged_again = total(billing.get_receipt(case.session, one).amount for one in plan.reverse)
    _settle(case, plan, stop, schedule)
    return Settled(plan.money.refund, plan.money.credit - plan.money.recharge - charged_again)


def take_back_end(case: Case, given_up: Decimal, stop: date) -> None:
    """Charge again what the end on `stop` gave up, as that never was.

    Where the end charged more than it gave up, that is given back.
    """
    if given_up > ZERO:
        _charge_more(case, given_up, stop)
    elif given_up < ZERO:
        _give_credit(case, -given_up, None, case.vat_rate(stop), "Cover goes on")


def _effective(case: Case, wanted: Cancellation) -> date:
    """Return the first day without cover: today, or of a policy to come the day it would start."""
    return wanted.effective_date or max(case.on, case.policy.effective_date)


def _check_proofs(case: Case, wanted: Cancellation, by: Initiator, effective: date) -> None:
    """Hold an insurer who ends cover to the proofs: of a lapse, or of its notice."""
    if case.policy.ended_on is not None or by is not Initiator.INSURER:
        return
    if wanted.kind in rules.UNPAID_TYPES:
        lapses_on = rules.lapse_day(forecast_of(case.session, case.policy.id, case.on))
        if effective < lapses_on:
            raise DomainError(
                f"Cover runs until grace is over: it can end on {lapses_on:%Y/%m/%d}.",
                field="effective_date",
            )
    elif wanted.kind is CancellationType.OTHER:
        rules.check_insurers_notice(
            effective,
            case.on,
            issued_on=local_day(case.session, case.policy.issued_at),
            notice_sent_on=wanted.notice_sent_on,
            evidence=wanted.notice_evidence,
            days=int(case.parameter("insurer_notice_days")),
        )


def _needs(
    case: Case, kind: CancellationType, by: Initiator, effective: date, plan: CancellationPlan
) -> tuple[Agreement, ...]:
    return rules.needs_agreement(
        kind=kind,
        by=by,
        refund=plan.money.refund,
        refund_limit=case.parameter("refund_approval_limit"),
        # What the days of grace cost was given up by the lapse, not by whoever cancels after it.
        written_off=ZERO if case.policy.status is PolicyStatus.LAPSED else plan.written_off,
        effective=effective,
        on=case.on,
        backdating_days=int(case.parameter("backdating_approval_days")),
    )


def _check_date(case: Case, kind: CancellationType, effective: date) -> None:
    ended_on = case.policy.ended_on
    if ended_on is not None and effective < ended_on:
        raise DomainError(f"Cover ended on {ended_on:%Y/%m/%d} already.", field="effective_date")
    lines = case.lines()
    coming = [line.due_date for line in lines if line.due_date > case.on]
    next_due = min(coming, default=max((one.period_end for one in lines), default=case.on))
    rules.check_cancellation_date(
        effective,
        case.on,
        starts=case.policy.effective_date,
        latest=next_due,
        kind=kind,
    )
    later = case.session.scalars(
        select(Endorsement.effective_date)
        .where(
            Endorsement.org_id == current_org(),
            Endorsement.policy_id == case.policy.id,
            Endorsement.status == EndorsementStatus.ISSUED,
            Endorsement.effective_date > effective,
            # How premiums would have fallen due later is nothing that an end has to wait for.
            Endorsement.type.not_in(FROM_NEXT_PREMIUM),
        )
        .order_by(Endorsement.effective_date)
        .limit(1)
    ).one_or_none()
    if later is not None:
        raise ConflictError(
            f"A change takes effect on {later:%Y/%m/%d}, after cover would stop. Undo it first.",
            field="effective_date",
        )


def _cooling_off(case: Case, kind: CancellationType) -> CoolingOff:
    policy = case.policy
    if policy.ended_on is not None:
        return CoolingOff.NO
    days = int(case.parameter(f"cooling_off_days_{case.terms.category.lower()}"))
    term = (policy.expiry_date - policy.effective_date).days if policy.expiry_date else None
    return rules.cooling_off(
        kind,
        local_day(case.session, policy.issued_at),
        case.on,
        days=days,
        term_days=term,
        has_claims=queries.has_claims(case.session, policy.id),
    )


def _lines(
    case: Case,
    basis: Basis,
    stop: date,
    schedule: Sequence[PremiumLine],
    received: billing.Received,
    steps: Sequence[Step],
) -> list[Line]:
    """Return the schedule as if every premium of a covered period were charged.

    A lapse gave up the premiums that nobody paid; one that was paid after it is charged. What a
    period earns comes from the contract's steps, by the function that charges it. What
    belongs to earlier terms was charged what it earned.
    """
    charged_before = min(stop, day_after(case.on))
    found = []
    for line in schedule:
        is_covered = line.due_date < charged_before and line.amount > ZERO
        will_be = is_covered and (case.policy.ended_on is None or line.paid_amount > ZERO)
        period = Period(line.due_date, max(line.period_end, line.due_date))
        is_earlier = line.due_date < basis.starts_on
        is_adjustment = line.kind is LineKind.ADJUSTMENT
        if is_adjustment and line.posted_at and line.posted_at < basis.recorded_at:
            is_earlier, is_adjustment = True, False
        less = received.credited.get(line.id, ZERO)
        whole = line.amount if is_earlier else _charge(case, line, period, steps, period.end)
        earned = line.amount if is_earlier else _charge(case, line, period, steps, stop)
        found.append(
            Line(
                id=line.id,
                period=period,
                amount=line.amount,
                paid=line.paid_amount,
                is_charged=line.posted_at is not None or will_be,
                is_adjustment=is_adjustment,
                whole=max(whole - less, ZERO),
                earned=max(earned - less, ZERO),
                given_up=received.given_up.get(line.id, ZERO),
            )
        )
    return found


def _charge(
    case: Case, line: PremiumLine, period: Period, steps: Sequence[Step], stop: date
) -> Decimal:
    return earned_charge(
        period,
        steps,
        stop,
        whole_days=line.whole_days,
        method=case.terms.pro_rata_method,
    )


def _vat(case: Case, lines: list[Line], stop: date, plan: CancellationPlan) -> Decimal:
    begun = next((line.period.start for line in lines if line.id == plan.credited), stop)
    rate = case.vat_rate(begun)
    return split_vat(plan.money.credit, rate)[1] if rate else ZERO


def _figures(preview: CancellationPreview) -> dict[str, str]:
    names = ("unearned", "retained", "paid_ahead", "owed", "arrears", "written_off", "refund")
    return {name: str(getattr(preview, name)) for name in names}


def _ask(case: Case, wanted: Cancellation, preview: CancellationPreview) -> LifecycleOutcome:
    policy = case.policy
    request = request_approval(
        case.session,
        CANCEL,
        policy.id,
        record_version=policy.current_version,
        title=f"Cancel {policy.policy_number}, {wanted.kind.value.replace('_', ' ').lower()}",
        amount=preview.refund or preview.written_off or None,
        payload={
            "cancellation_type": wanted.kind,
            "effective_date": preview.effective_date,
            "initiated_by": preview.initiated_by,
            "notice_sent_on": wanted.notice_sent_on,
            "notice_evidence": wanted.notice_evidence.strip(),
            "asked_on": case.on,
            "needs": list(preview.needs),
            "figures": _figures(preview),
        },
        reason=wanted.reason,
        now=case.now,
    )
    return LifecycleOutcome(
        policy,
        preview.effective_date,
        preview.arrears,
        preview.refund,
        preview.retained,
        approval_id=request.id,
        needs=preview.needs,
    )


def _cancel(
    case: Case, wanted: Cancellation, prepared: _Prepared, *, approval_id: UUID | None = None
) -> LifecycleOutcome:
    preview, ended_before = prepared.preview, case.policy.ended_on
    charge_due(
        case,
        min(preview.cover_end, day_after(case.on)),
        only_paid=case.policy.ended_on is not None,
    )
    _settle(case, prepared.plan, preview.cover_end, case.lines())
    move(
        case,
        "POLICY_CANCELLED",
        to=PolicyStatus.CANCELLED,
        effective=preview.effective_date,
        description=_described(case, wanted, preview),
        reason=wanted.reason.strip(),
        payload={
            "cancellation_type": wanted.kind,
            "initiated_by": preview.initiated_by,
            "is_cooling_off": preview.is_cooling_off,
            "gives_up_unpaid": prepared.gives_up_unpaid,
            "never_covered": preview.cover_end <= case.policy.effective_date,
            "approval_id": approval_id,
            **_figures(preview),
        },
        ended_on=preview.cover_end,
    )
    if ended_before is None:
        stop_past_cover(case, preview.cover_end)
    return LifecycleOutcome(
        case.policy, preview.effective_date, preview.arrears, preview.refund, preview.retained
    )


def _described(case: Case, wanted: Cancellation, preview: CancellationPreview) -> str:
    what = "Cancelled while cooling off" if preview.is_cooling_off else "Cancelled"
    if preview.cover_end <= case.policy.effective_date:
        what += " before cover began" if case.on < case.policy.effective_date else " from the start"
    kind = wanted.kind.value.replace("_", " ").lower()
    return f"{what} ({kind}), refund {format_money(preview.refund)}"


def _settle(
    case: Case, plan: CancellationPlan, stop: date, schedule: Sequence[PremiumLine]
) -> None:
    """Post the plan: give back what was paid ahead, credit, settle what is owed, refund the rest."""
    session, policy = case.session, case.policy
    for receipt_id in plan.reverse:
        note = billing.get_receipt(session, receipt_id)
        money.reverse_receipt(session, note, on=case.on, reason_code="CANCELLED", now=case.now)
    lines = {line.id: line for line in schedule}
    released = [lines[line_id] for line_id in plan.release]
    money.release_lines(session, released, on=case.on, now=case.now)
    for line_id in plan.uncharge:
        money.uncharge(session, lines[line_id], on=case.on, now=case.now, why="Cancelled")
    money.cancel_lines(session, plan.drop)
    is_owed = plan.money.recharge > ZERO
    for line in lines.values():
        # The contract is over, so what a change added is not left for a debit that never comes.
        if line.status is not LineStatus.CANCELLED:
            line.due_date = min(line.due_date, case.on)
            is_owed |= line.outstanding > ZERO
    session.flush()
    if plan.money.recharge > ZERO:
        _charge_more(case, plan.money.recharge, stop)
    if plan.money.credit > ZERO:
        _credit(case, plan, stop)
    credits = None
    if is_owed:
        numbers = {policy.id: policy.policy_number}
        credits = money.apply_credits(session, numbers, on=case.on, now=case.now)
    if plan.written_off > ZERO:
        write_off_open(case)
    if plan.money.refund > ZERO:
        money.refund_credit(
            session,
            policy.id,
            policy.policy_number,
            plan.money.refund,
            credits=credits,
            on=case.on,
            now=case.now,
        )


def _charge_more(case: Case, amount: Decimal, stop: date) -> None:
    money.charge_adjustment(
        case.session,
        case.policy.id,
        case.policy.policy_number,
        amount,
        due_date=case.on,
        on=case.on,
        vat_rate=case.vat_rate(stop),
        now=case.now,
    )


def _credit(case: Case, plan: CancellationPlan, stop: date) -> None:
    line = None
    if plan.credited is not None:
        line = billing.get_premium_line(case.session, case.policy.id, plan.credited)
    rate = case.vat_rate(line.due_date if line else stop)
    _give_credit(case, plan.money.credit, line, rate, "Cover stopped")


def _give_credit(
    case: Case, amount: Decimal, line: PremiumLine | None, rate: Decimal | None, why: str
) -> None:
    note = money.Payment(
        policy_id=case.policy.id,
        policy_number=case.policy.policy_number,
        reference=next_reference(case, "CN"),
        amount=amount,
        on=case.on,
        line_id=line.id if line else None,
        kind=ReceiptKind.CREDIT_NOTE,
        detail=why,
        vat_rate=rate,
    )
    money.record_receipts(case.session, [note], on=case.on, now=case.now)
