"""Who may decide what another asked for, how many must, and how a payload is frozen."""

import hashlib
import json
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from insurance.core.errors import ConflictError, DomainError, ForbiddenError, raise_all
from insurance.core.money import ZERO

MOST_PEOPLE = 5
"""More people than this never have to agree: what nobody can gather is refused by other means."""


class PeopleRule(Protocol):
    """From an amount of an action on, so many different people must agree."""

    @property
    def action(self) -> str: ...
    @property
    def from_amount(self) -> Decimal: ...
    @property
    def people(self) -> int: ...


def people_needed(rules: Iterable[PeopleRule], action: str, amount: Decimal | None) -> int:
    """Return how many people must agree: one, or the most that any rule of the action asks for.

    So more money never needs fewer people. What has no amount is under the rules from nothing on.
    """
    of_it = (rule for rule in rules if rule.action == action)
    return max((one.people for one in of_it if one.from_amount <= (amount or ZERO)), default=1)


def check_rules(rules: Sequence[PeopleRule], actions: Container[str]) -> None:
    """Refuse rules nobody could follow. Raises DomainError at `rules.<place>.<field>`."""
    errors: list[DomainError] = []
    seen: set[tuple[str, Decimal]] = set()
    for place, one in enumerate(rules):
        if one.action not in actions:
            errors.append(DomainError("Choose one from the list.", field=f"rules.{place}.action"))
        if one.from_amount < ZERO:
            errors.append(DomainError("Enter zero or more.", field=f"rules.{place}.from_amount"))
        if not 1 <= one.people <= MOST_PEOPLE:
            errors.append(
                DomainError(f"Enter 1 to {MOST_PEOPLE} people.", field=f"rules.{place}.people")
            )
        if (one.action, one.from_amount) in seen:
            errors.append(
                DomainError(
                    "There is a rule for this amount already.", field=f"rules.{place}.from_amount"
                )
            )
        seen.add((one.action, one.from_amount))
    raise_all(errors)


EXPIRES_AFTER_DAYS = 30
REMIND_AFTER_DAYS = 3
"""What holds where an organization never said otherwise."""
_LONGEST = 365


def check_days(expires_after: int, remind_after: int) -> None:
    """Refuse days nobody would want. Raises DomainError at the field."""
    days = {"expires_after_days": expires_after, "remind_after_days": remind_after}
    raise_all(
        [
            DomainError(f"Enter 1 to {_LONGEST} days.", field=name)
            for name, number in days.items()
            if not 1 <= number <= _LONGEST
        ]
    )
    if remind_after > expires_after:
        raise DomainError("A reminder comes before the end.", field="remind_after_days")


def check_agrees_once(agreed: Container[UUID], user_id: UUID) -> None:
    """Refuse a second agreement of the same person. Raises ConflictError."""
    if user_id in agreed:
        raise ConflictError("You agreed to this already, so somebody else must agree now.")


def payload_hash(payload: dict[str, Any]) -> str:
    """Return the hash of a payload's one way to be written."""
    written = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


def check_waits(status: str) -> None:
    """Refuse a request that is decided. Raises ConflictError."""
    if status != "WAITING":
        raise ConflictError(
            f"This request does not wait any more: it is {status.lower()}.",
            detail={"current_status": status},
        )


def check_voice(voices: Mapping[UUID, str], user_id: UUID) -> None:
    """Refuse whom somebody else has agreed for; `voices` names who raised each.

    Raises ConflictError.
    """
    if user_id in voices:
        raise ConflictError(f"{voices[user_id]} agreed to this in your place already.")


def check_left(voices: Container[UUID], delegator_id: UUID) -> None:
    """Refuse a delegate of somebody whose voice counts already. Raises ConflictError."""
    if delegator_id in voices:
        raise ConflictError(
            "The voice of the colleague who named you counts already, so somebody else must agree."
        )


LONGEST_DELEGATION = 90


def check_delegation(
    first_day: date, last_day: date, reason: str, *, is_to_oneself: bool, on: date
) -> None:
    """Refuse a delegation to oneself, in the past, for too long or without a reason.

    Raises DomainError at each field that is wrong.
    """
    errors = []
    if is_to_oneself:
        errors.append(DomainError("Name somebody else.", field="delegate_id"))
    if first_day < on:
        errors.append(DomainError("This day is over; begin today or later.", field="first_day"))
    if last_day < first_day:
        errors.append(DomainError("It ends before it begins.", field="last_day"))
    if (last_day - first_day).days >= LONGEST_DELEGATION:
        errors.append(DomainError(f"At most {LONGEST_DELEGATION} days.", field="last_day"))
    if not reason.strip():
        errors.append(DomainError("Say why.", field="reason"))
    raise_all(errors)


def check_in_time(expires_at: datetime, now: datetime) -> None:
    """Refuse a request that waited too long. Raises ConflictError."""
    if now >= expires_at:
        raise ConflictError(
            "This request has expired: nobody decided it in time. It can be asked for again.",
            detail={"current_status": "EXPIRED"},
        )


def check_checker(requested_by: UUID, user_id: UUID | None) -> UUID:
    """Refuse to let a program, or the person who asked, decide; return who does.

    Raises ForbiddenError.
    """
    if user_id is None:
        raise ForbiddenError("A person decides this, not a program.")
    if user_id == requested_by:
        raise ForbiddenError("You asked for this yourself, so somebody else must decide it.")
    return user_id


def check_maker(requested_by: UUID, user_id: UUID | None) -> None:
    """Let only the person who asked take a request back. Raises ForbiddenError."""
    if user_id != requested_by:
        raise ForbiddenError("Only the person who asked for this can withdraw it.")
