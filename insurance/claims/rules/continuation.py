"""What the death of the main member does to a policy: whether it goes on, with whom, how free."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from insurance.core.errors import DomainError
from insurance.core.period import add_months, age_last_birthday

ADULT_AGE = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeLeft:
    """A life that is insured after the death."""

    id: UUID
    role: str
    born: date | None


@dataclass(frozen=True, slots=True)
class Continuation:
    """The life that takes the main member's place; no premium is charged until `free_until`."""

    successor: UUID
    is_minor: bool
    free_until: date | None


def continue_policy(
    *,
    main_death: str,
    premium_free_months: int,
    class_code: str,
    lives: Sequence[LifeLeft],
    wanted: UUID | None,
    stop: date,
) -> Continuation | None:
    """Return how a policy goes on from `stop`, the day after the death; None where it ends.

    A funeral policy goes on unless its version says otherwise, any other ends. The wanted life
    takes the place, else the spouse, else the oldest of those who are left. A policy without
    another life ends. Raises DomainError for a wanted life that is not one of them.
    """
    if wanted is not None and wanted not in {life.id for life in lives}:
        raise DomainError("Choose a life that is still insured.", field="successor_member_id")
    if not goes_on(main_death, class_code) or not lives:
        return None
    chosen = next((life for life in lives if life.id == wanted), None) or _first(lives)
    is_minor = chosen.born is not None and age_last_birthday(chosen.born, stop) < ADULT_AGE
    free = main_death == "PREMIUM_FREE"
    return Continuation(
        chosen.id, is_minor, add_months(stop, premium_free_months) if free else None
    )


def goes_on(main_death: str, class_code: str) -> bool:
    """Tell whether a policy goes on after its main member's death, by its version and class."""
    return class_code == "FUNERAL" if main_death == "BY_CLASS" else main_death != "END"


def _first(lives: Sequence[LifeLeft]) -> LifeLeft:
    """Return the spouse, else the oldest; who has no birth date comes last."""
    return min(lives, key=lambda one: (one.role != "SPOUSE", one.born or date.max))


def removal_reason(claim_number: str) -> str:
    """Return why a change takes a life off its policy after a death that a claim was paid for."""
    return f"Death paid under {claim_number}"
