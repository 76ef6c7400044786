"""What a change of a policy is: what happened to it, and what its row becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from insurance.core.ids import new_id
from insurance.notifications.services import Letter
from insurance.policies.models import EventCategory
from insurance.policies.rules import Contract


class HeldPolicy(Protocol):
    """A policy, or its row, as it stood before a change, with all of `POLICY_FIELDS`."""

    @property
    def id(self) -> UUID: ...
    @property
    def product_id(self) -> UUID: ...
    @property
    def product_version_id(self) -> UUID: ...
    @property
    def status(self) -> str: ...
    @property
    def premium(self) -> Decimal: ...
    @property
    def coverage_amount(self) -> Decimal: ...
    @property
    def current_version(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a policy, financial unless it says otherwise.

    With `contract`, what the policy covers and costs after it, it leaves the next version too,
    made for `version_reason`. `endorsement` is the row of one that is made and issued with it.
    """

    policy_id: UUID
    event_type: str
    effective: date
    description: str
    payload: Mapping[str, Any]
    reason: str | None = None
    category: EventCategory = EventCategory.FINANCIAL
    contract: Contract | None = None
    version_reason: str = ""
    endorsement: Mapping[str, Any] | None = None
    id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """A change of one policy, decided and not yet written.

    `policy` is the policy before it, `becomes` the columns of its row that are another after it;
    one that `is_new` was just inserted. `happenings` are in the order they happened. `audit` is a
    row of the audit log; `letter` tells the holder.
    """

    policy: HeldPolicy
    happenings: Sequence[Happening]
    becomes: Mapping[str, Any] = field(default_factory=dict)
    audit: dict[str, Any] | None = None
    letter: Letter | None = None
    is_new: bool = False

    def after(self, name: str) -> Any:
        """Return a column of the policy's row after the change."""
        return self.becomes[name] if name in self.becomes else getattr(self.policy, name)
