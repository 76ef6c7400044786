"""Grace, lapse and reinstatement: when cover stops for want of a premium, and how it comes back.

The due date is day 0: cover stands to the end of the last day of grace, and a lapse takes effect
the day after. Nothing here counts down; every answer follows from the oldest premium unpaid.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from insurance.core.business_days import add_business_days
from insurance.core.errors import DomainError
from insurance.core.money import ZERO, total

BUSINESS = "BUSINESS"
FUNERAL = "FUNERAL"
NOTICE_DAYS = 15
"""A notice of non-payment goes out within so many days of the due date (LT PPR rule 15A.1)."""

LAPSABLE = ("active", "suspended")
"""What a policy may be while its grace runs."""

_MONTHLY_MINIMUM = 15
_LONGER_MINIMUM = 31
_LONGEST = 730
_DAY = timedelta(days=1)
_GRACE_FIELDS = {
    "MONTHLY": "monthly_grace_days",
    "QUARTERLY": "quarterly_grace_days",
    "HALF_YEARLY": "half_yearly_grace_days",
    "ANNUAL": "annual_grace_days",
}
_CLAUSES = {"LIFE": "LT PPR rule 15A.1", "NON_LIFE": "ST PPR rule 15.1"}


@dataclass(frozen=True, slots=True)
class LapseTerms:
    """The terms of a lapse rule, from `effective_from` up to, not including, `effective_to`."""

    grace_period_days: int = _MONTHLY_MINIMUM
    grace_period_type: str = "CALENDAR"
    monthly_grace_days: int = _MONTHLY_MINIMUM
    quarterly_grace_days: int = _LONGER_MINIMUM
    half_yearly_grace_days: int = _LONGER_MINIMUM
    annual_grace_days: int = _LONGER_MINIMUM
    reminder_schedule: tuple[int, ...] = (7, 3, 1)
    auto_reinstate_if_paid_within_days: int = 14
    max_reinstatement_period_days: int = 180
    reinstatement_requires_medical_after_days: int | None = 90
    send_sms_reminders: bool = False
    send_email_reminders: bool = True
    requires_notice: bool = True
    tolerance: Decimal = ZERO
    effective_from: date = date.min
    effective_to: date | None = None

    def applies(self, due: date) -> bool:
        """Tell whether these terms are in force on a due date."""
        return self.effective_from <= due and (self.effective_to is None or due < self.effective_to)


STATUTORY_TERMS = LapseTerms()
"""What holds for a product without a rule of its own on a due date.

The statutory minimum of grace (LT PPR rule 15A.1, in force from 1 January 2018): 15 days for
monthly premiums, one month, taken as 31 days, for longer intervals.
"""


def default_terms(class_code: str, category: str) -> LapseTerms:
    """Return the terms of a product that has no rule, by its class of business."""
    medical = (
        None if class_code == FUNERAL else STATUTORY_TERMS.reinstatement_requires_medical_after_days
    )
    return replace(
        STATUTORY_TERMS,
        reinstatement_requires_medical_after_days=medical,
        requires_notice=category == "LIFE",
    )


def terms_on(versions: Iterable[LapseTerms], due: date, default: LapseTerms) -> LapseTerms:
    """Return the terms in force on a due date, or the default where there are none."""
    return next((version for version in versions if version.applies(due)), default)


def cover_all_dates(versions: Sequence[LapseTerms], default: LapseTerms) -> list[LapseTerms]:
    """Return the versions in order with the default in every gap: one for each day there is."""
    spans: list[LapseTerms] = []
    at: date | None = date.min
    for version in sorted(versions, key=lambda terms: terms.effective_from):
        if at is not None and at < version.effective_from:
            spans.append(replace(default, effective_from=at, effective_to=version.effective_from))
        spans.append(version)
        at = version.effective_to
    if at is not None:
        spans.append(replace(default, effective_from=at, effective_to=None))
    return spans


def grace_days(terms: LapseTerms, frequency: str) -> int:
    """Return the days of grace for a premium frequency."""
    return int(getattr(terms, _GRACE_FIELDS[frequency]))


def statutory_minimum(frequency: str) -> int:
    """Return the fewest days of grace the law allows: a month is taken as 31 days."""
    return _MONTHLY_MINIMUM if frequency == "MONTHLY" else _LONGER_MINIMUM


def grace_start(due: date, terms: LapseTerms, notice_sent_on: date | None) -> date:
    """Return the day 0 of grace: the due date, or the day of a notice that went out too late.

    Where the law wants a notice within 15 days of the due date (LT PPR rule 15A.1), a holder who
    was told later has the grace from then on.
    """
    last = due + timedelta(days=NOTICE_DAYS)
    if terms.requires_notice and notice_sent_on is not None and notice_sent_on > last:
        return notice_sent_on
    return due


def grace_end(due: date, terms: LapseTerms, frequency: str, holidays: Set[date]) -> date:
    """Return the last day of cover in grace. The due date itself is day 0."""
    days = grace_days(terms, frequency)
    if terms.grace_period_type == BUSINESS:
        return add_business_days(due, days, holidays)
    return due + timedelta(days=days)


def lapse_date(due: date, terms: LapseTerms, frequency: str, holidays: Set[date]) -> date:
    """Return the day on which a lapse takes effect: the first without cover."""
    return grace_end(due, terms, frequency, holidays) + _DAY


def check_rule(terms: LapseTerms, class_code: str, category: str) -> list[DomainError]:
    """Return every reason why a rule may not stand."""
    return [
        *_check_dates(terms),
        *_check_grace(terms, _CLAUSES.get(category, _CLAUSES["LIFE"])),
        *_check_reminders(terms),
        *_check_reinstatement(terms, class_code),
        *_check_tolerance(terms),
    ]


def _check_dates(terms: LapseTerms) -> list[DomainError]:
    if terms.effective_to is not None and terms.effective_to <= terms.effective_from:
        return [DomainError("A rule ends after it starts.", field="effective_to")]
    return []


def _check_grace(terms: LapseTerms, clause: str) -> list[DomainError]:
    fields = [("grace_period_days", "MONTHLY")]
    fields += [(field, frequency) for frequency, field in _GRACE_FIELDS.items()]
    found = []
    for field, frequency in fields:
        days, least = getattr(terms, field), statutory_minimum(frequency)
        interval = "monthly" if frequency == "MONTHLY" else "longer than monthly"
        if days < least:
            words = f"At least {least} days of grace for an interval that is {interval} ({clause})."
            found.append(DomainError(words, field=field))
        elif days > _LONGEST:
            found.append(DomainError(f"At most {_LONGEST} days.", field=field))
    return found


def _check_reminders(terms: LapseTerms) -> list[DomainError]:
    days = terms.reminder_schedule
    if len(days) > 10 or any(not 0 <= day <= 60 for day in days):
        words = "At most ten reminders, each up to 60 days before the due date."
        return [DomainError(words, field="reminder_schedule")]
    if len(set(days)) != len(days):
        return [DomainError("Name each day once.", field="reminder_schedule")]
    return []


def _check_reinstatement(terms: LapseTerms, class_code: str) -> list[DomainError]:
    found = []
    medical = terms.reinstatement_requires_medical_after_days
    longest, automatic = (
        terms.max_reinstatement_period_days,
        terms.auto_reinstate_if_paid_within_days,
    )
    if class_code == FUNERAL and medical is not None:
        found.append(
            DomainError(
                "A funeral policy is reinstated on the same terms: without medical clearance.",
                field="reinstatement_requires_medical_after_days",
            )
        )
    elif medical is not None and medical > longest:
        found.append(
            DomainError(
                "Medical clearance starts within the reinstatement period.",
                field="reinstatement_requires_medical_after_days",
            )
        )
    if longest > 3 * _LONGEST:
        words = f"At most {3 * _LONGEST} days."
        found.append(DomainError(words, field="max_reinstatement_period_days"))
    if automatic > min(longest, longest if medical is None else medical):
        found.append(
            DomainError(
                "Automatic reinstatement ends before medical clearance and the period's end.",
                field="auto_reinstate_if_paid_within_days",
            )
        )
    return found


def _check_tolerance(terms: LapseTerms) -> list[DomainError]:
    if terms.tolerance < ZERO:
        return [DomainError("Enter an amount of zero or more.", field="tolerance")]
    return []


def shortens_grace(now: LapseTerms, changed: LapseTerms, frequency: str) -> bool:
    """Tell whether a change takes days of grace away. Business days last longer than calendar's."""
    if now.grace_period_type == BUSINESS and changed.grace_period_type != BUSINESS:
        return True
    return grace_days(changed, frequency) < grace_days(now, frequency)


@dataclass(frozen=True, slots=True)
class Owed:
    """What is left of one premium that has fallen due, and how often one did when it fell due."""

    due_date: date
    left: Decimal
    frequency: str


def grace_anchor(owed: Sequence[Owed], tolerance: Decimal) -> date | None:
    """Return the due date that took arrears over the tolerance: the grace clock starts there.

    Without a tolerance that is the oldest unpaid premium. None: what is owed is within it.
    """
    running = ZERO
    for one in sorted(owed, key=lambda one: one.due_date):
        running += one.left
        if running > tolerance:
            return one.due_date
    return None


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason not to lapse, from a day up to, not including, another."""

    reason: str
    placed_on: date
    expires_on: date

    def is_in_force(self, on: date) -> bool:
        """Tell whether the hold stops a lapse on a day."""
        return self.placed_on <= on < self.expires_on


class Block(StrEnum):
    """What stops a lapse."""

    HOLD = "HOLD"
    COLLECTION_IN_FLIGHT = "COLLECTION_IN_FLIGHT"
    WITHIN_TOLERANCE = "WITHIN_TOLERANCE"
    NO_NOTICE = "NO_NOTICE"
    MONEY_HELD = "MONEY_HELD"


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a policy will lapse and what stops it. Without arrears there are no dates."""

    oldest_unpaid: date | None
    grace_end: date | None
    lapse_date: date | None
    blocked_by: tuple[Block, ...]
    arrears: Decimal
    is_candidate: bool


NOTHING_OWED = Forecast(None, None, None, (), ZERO, False)


def forecast(
    oldest_unpaid: date | None,
    arrears: Decimal,
    terms: LapseTerms,
    frequency: str,
    holds: Iterable[Hold],
    notice_sent_on: date | None,
    collection_in_flight: bool,
    on: date,
    holidays: Set[date] = frozenset(),
    *,
    money_held: bool = False,
) -> Forecast:
    """Say when cover lapses and what stops it, as on a day.

    `oldest_unpaid` is the due date that the grace clock stands on, `arrears` all that has fallen
    due. A policy is a candidate when grace has run out and nothing stops the lapse: above all not
    money that is held for it (`money_held`), which pays the oldest premium first.
    """
    if oldest_unpaid is None or arrears <= ZERO:
        return NOTHING_OWED
    since = grace_start(oldest_unpaid, terms, notice_sent_on)
    end = grace_end(since, terms, frequency, holidays)
    stops = {
        Block.HOLD: any(hold.is_in_force(on) for hold in holds),
        Block.COLLECTION_IN_FLIGHT: collection_in_flight,
        Block.WITHIN_TOLERANCE: arrears <= terms.tolerance,
        Block.NO_NOTICE: terms.requires_notice and notice_sent_on is None,
        Block.MONEY_HELD: money_held,
    }
    blocked_by = tuple(block for block, stands in stops.items() if stands)
    return Forecast(
        oldest_unpaid=oldest_unpaid,
        grace_end=end,
        lapse_date=end + _DAY,
        blocked_by=blocked_by,
        arrears=arrears,
        is_candidate=on > end and not blocked_by,
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """A forecast with the terms it rests on and the due date that the grace clock stands on."""

    forecast: Forecast
    terms: LapseTerms
    anchor: date | None


def standing(
    status: str,
    owed: Sequence[Owed],
    spans: Sequence[LapseTerms],
    default: LapseTerms,
    *,
    holds: Iterable[Hold],
    notices: Mapping[date, date],
    collection_in_flight: bool,
    money_held: bool,
    on: date,
    holidays: Set[date],
) -> Standing:
    """Say how a policy stands on a day.

    `owed` is what has fallen due, the oldest first; `notices` gives each due date of which the
    holder provably had notice by then the day of the first. The terms and the frequency are those
    of the premium that the grace clock stands on, whatever the policy has become since.
    """
    arrears = total(one.left for one in owed)
    oldest = owed[0].due_date if owed else None
    terms = terms_on(spans, oldest or on, default)
    anchor = grace_anchor(owed, terms.tolerance) or oldest
    terms = terms_on(spans, anchor or on, default)
    if status not in LAPSABLE:
        return Standing(replace(NOTHING_OWED, arrears=arrears), terms, anchor)
    seen = forecast(
        anchor,
        arrears,
        terms,
        next((one.frequency for one in owed if one.due_date == anchor), ""),
        holds,
        notices.get(anchor) if anchor else None,
        collection_in_flight,
        on,
        holidays,
        money_held=money_held,
    )
    return Standing(seen, terms, anchor)


class Way(StrEnum):
    """How a lapsed policy may come back."""

    AUTOMATIC = "AUTOMATIC"
    ARREARS_ONLY = "ARREARS_ONLY"
    MEDICAL = "MEDICAL"
    NEW_BUSINESS = "NEW_BUSINESS"


@dataclass(frozen=True, slots=True)
class Reinstatement:
    """The way back that is open, and the last day of each; None where a way does not exist."""

    way: Way
    automatic_until: date
    arrears_only_until: date
    medical_until: date | None


def reinstatement_terms(
    lapsed_on: date, terms: LapseTerms, class_code: str, on: date
) -> Reinstatement:
    """Say how a policy that lapsed on a day may be reinstated on another.

    A funeral policy never needs medical clearance and gets no new waiting period.
    """
    automatic = lapsed_on + timedelta(days=terms.auto_reinstate_if_paid_within_days)
    last = lapsed_on + timedelta(days=terms.max_reinstatement_period_days)
    medical = terms.reinstatement_requires_medical_after_days
    if medical is None or class_code == FUNERAL:
        arrears_only, medical_until = last, None
    else:
        arrears_only, medical_until = lapsed_on + timedelta(days=medical), last
    if on <= automatic:
        way = Way.AUTOMATIC
    elif on <= arrears_only:
        way = Way.ARREARS_ONLY
    elif on <= last:
        way = Way.MEDICAL
    else:
        way = Way.NEW_BUSINESS
    return Reinstatement(way, automatic, arrears_only, medical_until)
