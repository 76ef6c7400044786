"""What higher areas do where the cover of days that have passed becomes another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCover:
    """A policy whose cover since a day is another than it was; `why` begins a sentence.

    `is_restored`: where there was none before, there is cover.
    """

    policy_id: UUID
    since: date
    why: str
    is_restored: bool = False


Step = Callable[[Session, Sequence[PastCover], date, datetime], None]
_steps: list[Step] = []


def on_past_cover(step: Step) -> None:
    """Register what must be done, in the transaction that changes the cover."""
    if step not in _steps:
        _steps.append(step)


def past_cover_changed(session: Session, *changes: PastCover, on: date, now: datetime) -> None:
    """Do what is registered for changes of policies, one each; one from a day to come is none."""
    past = [change for change in changes if change.since <= on]
    if past:
        for step in _steps:
            step(session, past, on, now)


def cover_ended(policy_id: UUID, stop: date, how: str = "") -> PastCover:
    """Return the change of a policy whose last day of cover is that before `stop`."""
    return PastCover(
        policy_id=policy_id, since=stop, why=f"The policy ended on {stop:%Y/%m/%d}{how}"
    )
