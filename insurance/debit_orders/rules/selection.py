"""Which open premiums a debit-order run takes, and why it leaves one out."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from insurance.debit_orders.rules.codes import MandateStatus, Treatment, treatment
from insurance.debit_orders.rules.dates import Convention, collection_date, nominal_window

_AGAIN = frozenset({Treatment.REPRESENT, Treatment.INTERNAL})


class Exclusion(StrEnum):
    """Why a premium is in a run but not debited."""

    NO_MANDATE = "NO_MANDATE"
    MANDATE_NOT_ACTIVE = "MANDATE_NOT_ACTIVE"
    ABOVE_MAXIMUM = "ABOVE_MAXIMUM"
    UNPAID_BEFORE = "UNPAID_BEFORE"
    CHANGED_SINCE = "CHANGED_SINCE"
    RUN_CANCELLED = "RUN_CANCELLED"


class Choice(StrEnum):
    """What a run does with a premium that is not left out."""

    INCLUDE = "INCLUDE"
    NOT_NOW = "NOT_NOW"


@dataclass(frozen=True, slots=True)
class Window:
    """The nominal days that a run covers, one span a convention."""

    preceding: tuple[date, date]
    following: tuple[date, date]

    @classmethod
    def of(cls, action: date, holidays: frozenset[date], since: date | None = None) -> "Window":
        """Return the window of an action date; `since` widens it to what was missed before."""
        preceding = nominal_window(action, Convention.PRECEDING, holidays)
        following = nominal_window(action, Convention.FOLLOWING, holidays)
        if since is not None:
            preceding = (min(since, preceding[0]), preceding[1])
            following = (min(since, following[0]), following[1])
        return cls(preceding, following)

    @property
    def first(self) -> date:
        """Return the earliest nominal day."""
        return min(self.preceding[0], self.following[0])

    @property
    def last(self) -> date:
        """Return the latest nominal day."""
        return max(self.preceding[1], self.following[1])

    def holds(self, nominal: date, convention: Convention) -> bool:
        """Tell whether a nominal day is collected now under a convention."""
        first, last = self.following if convention is Convention.FOLLOWING else self.preceding
        return first <= nominal <= last


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open premium with the mandate that could pay it and what became of earlier debits."""

    line_id: UUID
    policy_id: UUID
    policy_number: str
    due_date: date
    amount: Decimal
    mandate_id: UUID | None
    mandate_status: MandateStatus | None
    max_amount: Decimal | None
    convention: Convention | None
    collection_day: int | None
    debits: int = 0
    unpaid: int = 0
    last_code: str | None = None


def choose(candidate: Candidate, window: Window) -> Choice | Exclusion:
    """Decide about one premium.

    A debit that came back for want of money is presented once more; any other needs a new mandate
    first. `unpaid` counts the premium's debits under this mandate that came back.
    """
    convention = candidate.convention or Convention.FOLLOWING
    nominal = collection_date(candidate.due_date, candidate.collection_day)
    if not window.holds(nominal, convention):
        return Choice.NOT_NOW
    if candidate.mandate_id is None:
        return Exclusion.NO_MANDATE
    if candidate.mandate_status != MandateStatus.ACTIVE:
        return Exclusion.MANDATE_NOT_ACTIVE
    if candidate.max_amount is not None and candidate.amount > candidate.max_amount:
        return Exclusion.ABOVE_MAXIMUM
    if candidate.unpaid > 1 or (
        candidate.unpaid == 1 and treatment(candidate.last_code) not in _AGAIN
    ):
        return Exclusion.UNPAID_BEFORE
    return Choice.INCLUDE
