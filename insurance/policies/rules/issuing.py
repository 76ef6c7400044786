"""Contract arithmetic: terms, schedules, layers of cover and what may follow what."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from insurance.core.errors import ConflictError, DomainError
from insurance.core.money import total
from insurance.core.period import Period, add_months, add_years
from insurance.products.rules import MONTHS_PER_PREMIUM

SCHEDULE_MONTHS = 12
MAX_DAYS_AHEAD = 365

TRANSITIONS: dict[str, tuple[str, ...]] = {
    "active": ("suspended", "lapsed", "cancelled", "expired"),
    "suspended": ("active", "lapsed", "cancelled"),
    "lapsed": ("active", "cancelled"),
    "cancelled": (),
    "expired": (),
}
"""From each status, where a policy may go."""


@dataclass(frozen=True, slots=True)
class ScheduledPremium:
    """A premium of the schedule: due on a day for the period that starts there."""

    sequence: int
    period: Period
    amount: Decimal

    @property
    def due_date(self) -> date:
        """Return the day the premium falls due."""
        return self.period.start


@dataclass(frozen=True, slots=True)
class Layer:
    """Cover added on one day, waiting for natural causes until another."""

    amount: Decimal
    starts_on: date
    waiting_until: date


def expiry_date(effective: date, term_years: int, term_type: str) -> date | None:
    """Return the first day without cover, or None for the whole of life."""
    return add_years(effective, term_years) if term_type == "FIXED_TERM" else None


def check_effective_date(effective: date, on: date, *, backdating_limit_days: int) -> None:
    """Refuse a start too far back or ahead. Raises DomainError at `effective_date`."""
    if effective < on - timedelta(days=backdating_limit_days):
        raise DomainError(
            f"Cover of this product can start at most {backdating_limit_days} days back.",
            field="effective_date",
        )
    if effective > on + timedelta(days=MAX_DAYS_AHEAD):
        raise DomainError("Cover can start at most a year ahead.", field="effective_date")


def premium_schedule(
    effective: date, amount: Decimal, frequency: str, expiry: date | None
) -> list[ScheduledPremium]:
    """Return the premiums of the first twelve months, counted from the original date."""
    months = MONTHS_PER_PREMIUM[frequency]
    schedule = []
    for sequence, start in enumerate(range(0, SCHEDULE_MONTHS, months), 1):
        period = Period(add_months(effective, start), add_months(effective, start + months))
        if expiry is None or period.start < expiry:
            schedule.append(ScheduledPremium(sequence, period, amount))
    return schedule


def waiting_until(starts_on: date, waiting_days: int) -> date:
    """Return the first day on which natural causes are covered."""
    return starts_on + timedelta(days=waiting_days)


def cover_on(layers: Iterable[Layer], on: date) -> Decimal:
    """Return the sum assured on a day, waiting or not."""
    return total(layer.amount for layer in layers if layer.starts_on <= on)


def payable_on(layers: Iterable[Layer], on: date, *, accident: bool) -> Decimal:
    """Return what an event on a day would pay: an accident does not wait."""
    return total(
        layer.amount
        for layer in layers
        if layer.starts_on <= on and (accident or layer.waiting_until <= on)
    )


def check_transition(status: str, wanted: str) -> None:
    """Refuse a move that the table does not have. Raises ConflictError with the allowed ones."""
    allowed = TRANSITIONS[status]
    if wanted not in allowed:
        raise ConflictError(
            f"A policy that is {status} cannot become {wanted}.",
            detail={"allowed_transitions": list(allowed)},
        )
