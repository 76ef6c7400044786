"""How premiums and cover escalate at an anniversary, rates in per cent; whom runs are told to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from insurance.core.errors import DomainError
from insurance.core.period import add_months, add_years

LEVEL, INDEXED, STEPPED, REVIEWABLE = "LEVEL", "INDEXED", "STEPPED", "REVIEWABLE"
HUNDRED = Decimal(100)
ONE = Decimal(1)
NO_RATE = Decimal(0)
MOST_ADDRESSES = 20
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+", re.ASCII)


EVERY_RUN = frozenset({"WAITING_ENDED", "RENEWALS_DUE", "CLAIMS_CLOCKS"})
"""Steps that every run does: they change no money and two runs may do them alike."""


class Plan(Protocol):
    """What of a run tells which of two counts. Identifiers grow with time."""

    id: UUID
    process_date: date
    follows_id: UUID | None

    @property
    def steps(self) -> Sequence[str]:
        """Return the codes of what it does."""


def supersedes(newer: Plan, plan: Plan) -> bool:
    """Tell whether a newer run does what a plan would do: steps of the same month."""
    return (
        newer.id > plan.id
        and newer.process_date.replace(day=1) == plan.process_date.replace(day=1)
        and newer.follows_id == plan.follows_id
        and not set(newer.steps).isdisjoint(set(plan.steps) - EVERY_RUN)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """How a policy escalates, and which level said so: policy, version, product, tenant, platform.

    INDEXED follows an index, read `lag_months` before the anniversary and held between floor and
    cap, or a fixed rate. STEPPED takes the step of the policy year, or rates at the age reached.
    REVIEWABLE takes the approved rise of a review day at the first anniversary from it.
    """

    type: str = LEVEL
    source: str = "platform"
    index_code: str = "CPI"
    lag_months: int = 3
    floor: Decimal | None = None
    cap: Decimal | None = None
    fixed_rate: Decimal | None = None
    cover_rate: Decimal = NO_RATE
    steps: Mapping[int, Decimal] = field(default_factory=dict)
    rates_by_age: bool = False
    reviews: Mapping[date, Decimal] = field(default_factory=dict)
    requires_notice: bool = False


@dataclass(frozen=True, slots=True)
class Rise:
    """What an anniversary does: rates in per cent, and whether benefits are rated again by age."""

    premium_rate: Decimal = NO_RATE
    cover_rate: Decimal = NO_RATE
    rates_by_age: bool = False
    index: Decimal | None = None
    index_month: date | None = None

    @property
    def is_nothing(self) -> bool:
        """Tell whether the anniversary changes nothing."""
        return not (self.premium_rate or self.cover_rate or self.rates_by_age)


def clamp(rate: Decimal, floor: Decimal | None, cap: Decimal | None) -> Decimal:
    """Return a rate held between its floor and its cap."""
    if floor is not None and rate < floor:
        return floor
    return cap if cap is not None and rate > cap else rate


def factor(rate: Decimal) -> Decimal:
    """Return the multiplier of a rate in per cent."""
    return (HUNDRED + rate) / HUNDRED


def index_month(anniversary: date, lag_months: int) -> date:
    """Return the first day of the month whose index an anniversary reads."""
    return add_months(anniversary.replace(day=1), -lag_months)


def policy_year(effective: date, on: date) -> int:
    """Return the year of the policy that begins on an anniversary: the first one begins year 2."""
    return _years(effective, on) + 1


def _years(effective: date, on: date) -> int:
    years = on.year - effective.year
    return years if add_years(effective, years) <= on else years - 1


def anniversaries(effective: date, *, after: date, until: date) -> list[date]:
    """Return the anniversaries after one day up to and with another, counted from the start."""
    last = _years(effective, until) if until >= effective else 0
    if last < 1 or add_years(effective, last) <= after:
        return []
    first = max(_years(effective, after), 0) + 1 if after >= effective else 1
    return [add_years(effective, year) for year in range(first, last + 1)]


def rise_at(
    escalation: Escalation, effective: date, anniversary: date, index: Decimal | None
) -> Rise:
    """Return what an anniversary does. `index` is the index of the month it reads."""
    if escalation.type == INDEXED:
        rate = escalation.fixed_rate
        if rate is None:
            assert index is not None
            rate = clamp(index, escalation.floor, escalation.cap)
        month = index_month(anniversary, escalation.lag_months)
        return Rise(rate, escalation.cover_rate, False, index, month)
    if escalation.type == STEPPED:
        year = policy_year(effective, anniversary)
        step = escalation.steps.get(year, NO_RATE)
        return Rise(step, escalation.cover_rate, escalation.rates_by_age)
    if escalation.type == REVIEWABLE:
        since = add_years(effective, policy_year(effective, anniversary) - 2)
        due = [day for day in sorted(escalation.reviews) if since < day <= anniversary]
        return Rise(escalation.reviews[due[-1]] if due else NO_RATE, NO_RATE)
    return Rise()


def needs_index(escalation: Escalation) -> bool:
    """Tell whether an index table must have the month."""
    return escalation.type == INDEXED and escalation.fixed_rate is None


def notice_by(anniversary: date, days: int) -> date:
    """Return the last day on which the holder can be told of a rise."""
    return anniversary - timedelta(days=days)


def last_month_end(on: date) -> date:
    """Return the newest last day of a month up to and with a day."""
    tomorrow = on + timedelta(days=1)
    return on if tomorrow.day == 1 else on.replace(day=1) - timedelta(days=1)


def read_addresses(words: str) -> tuple[str, ...]:
    """Return the mail addresses of a list, each once: commas, spaces and lines part them.

    Raises DomainError at `mail_to` with the first that is none.
    """
    found: dict[str, str] = {}
    for one in re.split(r"[\s,;]+", words.strip()):
        if not one:
            continue
        if len(one) > 254 or not _ADDRESS.fullmatch(one):
            raise DomainError(f"“{one[:60]}” is not a mail address.", field="mail_to")
        found.setdefault(one.lower(), one)
    if len(found) > MOST_ADDRESSES:
        raise DomainError(f"At most {MOST_ADDRESSES} addresses.", field="mail_to")
    return tuple(found.values())
