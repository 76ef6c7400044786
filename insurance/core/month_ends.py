"""What areas contribute to a month-end: lists of what people are to act on, policy by policy.

An area's `month_lists.py` finds them, step by step; month-end names no area.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.core.bulk import id_array
from insurance.core.tenancy import current_org


@dataclass(frozen=True, slots=True)
class MonthOfPolicies:
    """Policies in a month that ends: after the month-end `since`, up to and with `on`.

    `premiums` are what those cost that rise in it, in rand.
    """

    policy_ids: Sequence[UUID]
    since: date
    on: date
    premiums: Mapping[UUID, Decimal]

    @property
    def values(self) -> dict[str, Any]:
        """Return what a statement over the policies is given."""
        return {
            "org": current_org(),
            "policies": id_array(self.policy_ids),
            "since": self.since,
            "on": self.on,
        }


class Listed(NamedTuple):
    """A policy on a list: what people see of it, what is to be acted on, and an amount in rand."""

    policy_id: UUID
    seen: dict[str, Any]
    to_do: list[str]
    amount: Decimal


Find = Callable[[Session, MonthOfPolicies], Iterable[Listed]]
_LISTS: dict[str, Find] = {}


def month_list(step: str) -> Callable[[Find], Find]:
    """Register what finds the policies of a step's list."""

    def register(find: Find) -> Find:
        _LISTS[step] = find
        return find

    return register


def list_of(step: str) -> Find | None:
    """Return what finds the policies of a step's list; None where the step is no list."""
    return _LISTS.get(step)
