"""What the end, the pause and the return of a contract do to its premiums, and who must agree."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, TypeVar
from uuid import UUID

from insurance.billing.rules import CoveredPeriod, Refund, cancellation_refund
from insurance.core.errors import ConflictError, DomainError
from insurance.core.money import ZERO, format_money, to_cents, total
from insurance.core.period import Period
from insurance.lapses.rules import Forecast
from insurance.policies.rules import TRANSITIONS

PRO_RATA = "PRO_RATA"
FLAT = "FLAT"


class CancellationType(StrEnum):
    """Why a contract ends early."""

    VOLUNTARY = "VOLUNTARY"
    LAPSE = "LAPSE"
    NON_PAYMENT = "NON_PAYMENT"
    FRAUD = "FRAUD"
    OTHER = "OTHER"


class Initiator(StrEnum):
    """Who ends the contract."""

    HOLDER = "HOLDER"
    INSURER = "INSURER"


UNPAID_TYPES = frozenset({CancellationType.LAPSE, CancellationType.NON_PAYMENT})
"""Cancellations that give up what was never collected."""


@dataclass(frozen=True, slots=True)
class Line:
    """A premium line as the end of a contract looks at it. Money is in rand.

    `whole` is what the contract charges for its period, `earned` for the days of cover in it;
    `given_up` is the part of `paid` that was waived or written off. An adjustment has no period of
    its own: what it was for is in the periods' `whole`.
    """

    id: UUID
    period: Period
    amount: Decimal
    paid: Decimal
    is_charged: bool
    is_adjustment: bool = False
    whole: Decimal = ZERO
    earned: Decimal = ZERO
    given_up: Decimal = ZERO

    @property
    def outstanding(self) -> Decimal:
        """Return what is still owed."""
        return self.amount - self.paid


class Credited(Protocol):
    """What a policy was credited. One of which a part was paid out stays as it is."""

    @property
    def receipt_id(self) -> UUID:
        """Return its receipt."""

    @property
    def amount(self) -> Decimal:
        """Return what was credited, in rand."""

    @property
    def is_paid_out(self) -> bool:
        """Tell whether a part of it went to the holder as money."""


@dataclass(frozen=True, slots=True)
class CancellationPlan:
    """What a cancellation does to each line, and how the money divides.

    `reverse` credit notes are taken back, `release` lines give back what was paid ahead, `uncharge`
    lines lose their charge, `drop` lines are asked from nobody any more. `credited` is the line
    whose period cover stops in.
    """

    reverse: tuple[UUID, ...]
    release: tuple[UUID, ...]
    uncharge: tuple[UUID, ...]
    drop: tuple[UUID, ...]
    credited: UUID | None
    paid_ahead: Decimal
    owed: Decimal
    money: Refund
    written_off: Decimal

    @property
    def arrears(self) -> Decimal:
        """Return what stays owed after the cancellation."""
        return self.money.arrears - self.written_off


def plan_cancellation(
    lines: Iterable[Line],
    stop: date,
    *,
    basis: str,
    short_rate_per_cent: Decimal,
    unapplied: Decimal,
    gives_up_unpaid: bool,
    credit_notes: Sequence[Credited] = (),
) -> CancellationPlan:
    """Divide a schedule where `stop` is the first day without cover.

    Periods that never began, and charges never made, fall away whole: what was paid for them goes
    back, whatever the contract keeps of a period that did begin. Where no period began, nothing of
    the contract stays: what changes of it were charged and credited falls away too. With
    `gives_up_unpaid`, premiums that no money reaches, the oldest first, are asked from nobody where
    the whole is not paid, and nothing goes back then.
    """
    schedule = _Schedule(tuple(lines), stop, tuple(credit_notes), unapplied)
    plan = _plan(schedule, basis, short_rate_per_cent, gives_up_unpaid=False)
    if not gives_up_unpaid or plan.money.arrears == ZERO:
        return plan
    plan = _plan(schedule, basis, short_rate_per_cent, gives_up_unpaid=True)
    money = plan.money
    kept = min(money.refund, money.credit)
    money = replace(money, credit=money.credit - kept, refund=ZERO)
    return replace(plan, money=money, written_off=money.arrears)


@dataclass(frozen=True, slots=True)
class _Schedule:
    lines: tuple[Line, ...]
    stop: date
    credit_notes: tuple[Credited, ...]
    unapplied: Decimal

    def kept(self, *, gives_up_unpaid: bool) -> list[Line]:
        """Return the lines that are asked for."""
        begun = [
            line
            for line in self.lines
            if line.is_charged and (line.is_adjustment or line.period.start < self.stop)
        ]
        if not gives_up_unpaid:
            return begun
        freed = total(line.paid - line.given_up for line in self.lines if line not in begun)
        return _reached(begun, self.unapplied + freed)


def _reached(lines: Iterable[Line], money: Decimal) -> list[Line]:
    """Return the lines of which something is paid once money settles the oldest first."""
    reached = []
    for line in sorted(lines, key=lambda line: line.period.start):
        if line.paid > ZERO or money > ZERO:
            reached.append(line)
        money -= line.outstanding
    return reached


def _plan(
    schedule: _Schedule, basis: str, short_rate_per_cent: Decimal, *, gives_up_unpaid: bool
) -> CancellationPlan:
    kept = schedule.kept(gives_up_unpaid=gives_up_unpaid)
    reverse: list[Credited] = []
    if not gives_up_unpaid and all(one.is_adjustment for one in kept):
        kept = []
        reverse = [note for note in schedule.credit_notes if not note.is_paid_out]
    dropped = [line for line in schedule.lines if line not in kept]
    credited = total(note.amount for note in schedule.credit_notes if note not in reverse)
    paid_ahead = (
        schedule.unapplied
        + total(one.paid - one.given_up for one in dropped)
        - total(one.amount for one in reverse)
    )
    owed = total(one.outstanding for one in kept)
    money = cancellation_refund(
        _periods(kept),
        charged=total(one.amount for one in kept) - credited,
        owed=owed,
        unapplied=paid_ahead,
        basis=basis,
        short_rate_per_cent=short_rate_per_cent,
    )
    begun = [one for one in kept if not one.is_adjustment and schedule.stop in one.period]
    return CancellationPlan(
        reverse=tuple(one.receipt_id for one in reverse),
        release=tuple(one.id for one in dropped if one.paid > ZERO),
        uncharge=tuple(one.id for one in dropped if one.is_charged),
        drop=tuple(one.id for one in dropped),
        credited=begun[-1].id if begun else None,
        paid_ahead=paid_ahead,
        owed=owed + money.recharge,
        money=money,
        written_off=ZERO,
    )


def _periods(kept: Sequence[Line]) -> list[CoveredPeriod]:
    """Return the periods that were covered; the last bears what was given up of changes."""
    begun = [one for one in kept if not one.is_adjustment]
    added = total(one.given_up for one in kept if one.is_adjustment)
    last = max(begun, key=lambda one: one.period.start, default=None)
    return [
        CoveredPeriod(one.whole, one.earned, one.given_up + (added if one is last else ZERO))
        for one in begun
    ]


def cancellation_basis(product_basis: str, *, is_cooling_off: bool, by: Initiator) -> str:
    """Return what a contract keeps: only a holder who leaves after cooling off pays for it."""
    if is_cooling_off or by is Initiator.INSURER:
        return PRO_RATA
    return product_basis


class CoolingOff(StrEnum):
    """Whether a holder who ends the contract still cools off."""

    YES = "YES"
    NO = "NO"
    BARRED = "BARRED"


def cooling_off(
    kind: CancellationType,
    issued_on: date,
    on: date,
    *,
    days: int,
    term_days: int | None,
    has_claims: bool,
) -> CoolingOff:
    """Tell whether a holder still cools off: not for contracts no longer than those days.

    BARRED: within the days, but there was a claim or an event (LT and ST PPR rule 4).
    """
    if kind is not CancellationType.VOLUNTARY or (term_days is not None and term_days <= days):
        return CoolingOff.NO
    if on > issued_on + timedelta(days=days):
        return CoolingOff.NO
    return CoolingOff.BARRED if has_claims else CoolingOff.YES


def initiator_of(kind: CancellationType, said: Initiator | None) -> Initiator:
    """Return who ends the contract. Raises DomainError where that contradicts why."""
    if kind is CancellationType.VOLUNTARY:
        if said is Initiator.INSURER:
            raise DomainError("A voluntary cancellation is the holder's.", field="initiated_by")
        return Initiator.HOLDER
    if kind is CancellationType.OTHER:
        return said or Initiator.INSURER
    if said is Initiator.HOLDER:
        raise DomainError("This kind of cancellation is the insurer's.", field="initiated_by")
    return Initiator.INSURER


def check_cancellation_date(
    effective: date, on: date, *, starts: date, latest: date, kind: CancellationType
) -> None:
    """Refuse a day on which cover cannot stop. Raises DomainError at `effective_date`.

    `latest` is the next due date, or the end of the last premium: what follows is not paid for.
    """
    if effective < starts:
        words = f"Cover started on {starts:%Y/%m/%d}."
        if starts > on:
            words = f"Cover starts on {starts:%Y/%m/%d}: it can be cancelled from that day on."
        raise DomainError(words, field="effective_date")
    if effective > max(on, starts) and kind is not CancellationType.VOLUNTARY:
        raise DomainError("Only a voluntary cancellation can lie ahead.", field="effective_date")
    last = max(on, latest, starts)
    if effective > last:
        raise DomainError(
            f"Cover can stop on the next due date, {last:%Y/%m/%d}, at the latest.",
            field="effective_date",
        )


def check_insurers_notice(
    effective: date,
    on: date,
    *,
    issued_on: date,
    notice_sent_on: date | None,
    evidence: str,
    days: int,
) -> None:
    """Hold an insurer who ends a contract to its notice. Raises DomainError at the field.

    Cover runs on for `days` whole days after that of a written notice (ST PPR rule 19), counted as
    grace is; its registered-mail number or file number is the evidence that it went.
    """
    runs_out = timedelta(days=days + 1)
    if notice_sent_on is None:
        raise DomainError(
            f"The insurer gives {days} days' written notice. Say when it was sent; sent today, cover"
            f" can end on {on + runs_out:%Y/%m/%d}.",
            field="notice_sent_on",
        )
    if notice_sent_on < issued_on:
        raise DomainError(
            f"The policy was issued on {issued_on:%Y/%m/%d}: a notice before that does not end it.",
            field="notice_sent_on",
        )
    if notice_sent_on > on:
        raise DomainError("A notice that is still to be sent ends nothing.", field="notice_sent_on")
    if not evidence.strip():
        raise DomainError(
            "Give the number of the registered letter or of the file: a day alone proves nothing.",
            field="notice_evidence",
        )
    earliest = notice_sent_on + runs_out
    if effective < earliest:
        raise DomainError(
            f"Cover runs for {days} days after the notice: it can end on {earliest:%Y/%m/%d} at the"
            " earliest.",
            field="effective_date",
        )


class Agreement(StrEnum):
    """Why a second person must agree."""

    FRAUD = "FRAUD"
    INSURER_ENDS = "INSURER_ENDS"
    REFUND_ABOVE_LIMIT = "REFUND_ABOVE_LIMIT"
    WRITE_OFF = "WRITE_OFF"
    WAIVER = "WAIVER"
    BACKDATED = "BACKDATED"
    LAPSE_SET_ASIDE = "LAPSE_SET_ASIDE"


def needs_agreement(
    *,
    kind: CancellationType,
    by: Initiator,
    refund: Decimal,
    refund_limit: Decimal,
    written_off: Decimal,
    effective: date,
    on: date,
    backdating_days: int,
) -> tuple[Agreement, ...]:
    """Return why a cancellation needs a second person; nothing where it does not."""
    reasons = {
        Agreement.FRAUD: kind is CancellationType.FRAUD,
        Agreement.INSURER_ENDS: kind is CancellationType.OTHER and by is Initiator.INSURER,
        Agreement.REFUND_ABOVE_LIMIT: refund > refund_limit,
        Agreement.WRITE_OFF: written_off > ZERO,
        Agreement.BACKDATED: effective < on - timedelta(days=backdating_days),
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def bridge_amount(instalment: Decimal, period: Period, on: date) -> Decimal:
    """Return what is left of a premium for the days of its period from a day on."""
    return to_cents(instalment * (period.end - on).days / period.days)


def check_sets_aside(
    *, received_on: date, lapsed_on: date, owed: Decimal, tolerance: Decimal
) -> None:
    """Refuse a payment that does not prove a lapse wrong. Raises DomainError at `receipt_id`.

    `lapsed_on` is the first day after the grace; `owed` is what stays open of the premium that the
    policy lapsed for, and of those before it, by all that had come within the grace, in rand.
    """
    if received_on >= lapsed_on:
        raise DomainError(
            f"This payment came on {received_on:%Y/%m/%d}; grace had run out before"
            f" {lapsed_on:%Y/%m/%d}. Reinstate the policy instead.",
            field="receipt_id",
        )
    if owed > tolerance:
        raise DomainError(
            f"With this payment {format_money(owed)} of the premium that the policy lapsed for"
            " stays open, so the lapse stands.",
            field="receipt_id",
        )


def check_arrears(*, said_paid: bool, arrears: Decimal, tolerance: Decimal, words: str) -> None:
    """Hold the caller's word to the ledger. Raises ConflictError with the figure."""
    is_paid = arrears <= tolerance
    if said_paid == is_paid:
        return
    message = (
        f"Arrears of {words} are not paid."
        if said_paid
        else "Nothing is in arrears, so this is not true."
    )
    raise ConflictError(message, field="arrears_paid", detail={"arrears": str(arrears)})


def allowed_moves(status: str) -> Sequence[str]:
    """Return where a policy may go from a status."""
    return TRANSITIONS[status]


class Premium(Protocol):
    """A premium line as the end of a contract charges it, or takes its charge back."""

    @property
    def kind(self) -> str:
        """Return whether it is a premium or an adjustment."""

    @property
    def due_date(self) -> date:
        """Return the day it falls due."""

    @property
    def amount(self) -> Decimal:
        """Return what it comes to."""

    @property
    def paid_amount(self) -> Decimal:
        """Return what was paid of it."""

    @property
    def posted_at(self) -> datetime | None:
        """Return when it was charged."""


P = TypeVar("P", bound=Premium)


def charges_before(
    lines: Iterable[P], before: date, *, closed: date | None, on: date
) -> list[tuple[P, date]]:
    """Return the premiums due before a day that are not charged, each with its transfer's day.

    That is the due date, or where its month is closed the day of the move.
    """
    return [
        (line, on if closed is not None and line.due_date <= closed else line.due_date)
        for line in lines
        if line.posted_at is None and line.due_date < before and line.amount > ZERO
    ]


def is_unpaid_premium(line: Premium) -> bool:
    """Tell whether nothing was paid of a premium, so that its charge can be taken back."""
    return line.paid_amount == ZERO and line.amount > ZERO and line.kind == "PREMIUM"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a policy ends by itself: its event, status and first day without cover."""

    event_type: str
    to: str
    on: date
    description: str
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def action(self) -> str:
        """Return what the audit log calls it."""
        return f"policies.{self.event_type.removeprefix('POLICY_').lower()}"


def lapse_day(forecast: Forecast) -> date:
    """Return the day a policy lapses on. Raises ConflictError where it is not due, and says why."""
    if forecast.lapse_date is None:
        raise ConflictError("Nothing is owed, so this policy does not lapse.")
    if not forecast.is_candidate:
        stops = ", ".join(block.value.replace("_", " ").lower() for block in forecast.blocked_by)
        why = f"what stops it: {stops}" if stops else "grace has not run out"
        raise ConflictError(
            f"This policy can lapse on {forecast.lapse_date:%Y/%m/%d}; {why}.",
            detail={
                "lapse_date": forecast.lapse_date.isoformat(),
                "blocked_by": [block.value for block in forecast.blocked_by],
                "arrears": str(forecast.arrears),
            },
        )
    return forecast.lapse_date


def lapse_of(forecast: Forecast, *, charged: Decimal, uncharged: Decimal) -> Ending:
    """Return the lapse that is due: `charged` came first, `uncharged` is taken back of all charges."""
    return Ending(
        "POLICY_LAPSED",
        "lapsed",
        lapse_day(forecast),
        f"Lapsed with {format_money(forecast.arrears)} owed",
        {
            "oldest_unpaid": forecast.oldest_unpaid,
            "arrears": forecast.arrears,
            "charged": charged,
            "uncharged": uncharged,
        },
    )


def expiry_day(expiry_date: date | None, on: date) -> date:
    """Return the day a term ended on. Raises ConflictError where it has not."""
    if expiry_date is None:
        raise ConflictError("This policy is for the whole of life and does not expire.")
    if on < expiry_date:
        raise ConflictError(
            f"Cover runs until {expiry_date:%Y/%m/%d}.",
            detail={"expiry_date": expiry_date.isoformat()},
        )
    return expiry_date


def expiry_of(ends: date, *, charged: Decimal, refund: Decimal = ZERO) -> Ending:
    """Return the end of a term that is over: `charged` came first, `refund` goes back."""
    words = "Expired at the end of its term"
    figures = {"charged": charged} | ({"refund": refund} if refund else {})
    return Ending("POLICY_EXPIRED", "expired", ends, words, figures)
