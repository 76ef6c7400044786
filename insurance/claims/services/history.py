"""What every step of a claim leaves behind: its own event, the policy's, and the audit log's.

A command tells step by step; what it told is written by its last statements, kind by kind.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Table
from sqlalchemy.orm import Session

from insurance.approvals.subjects import Record
from insurance.audit_logs.rules import plain
from insurance.audit_logs.services import event_row, record_many
from insurance.claims import queries
from insurance.claims.models import (
    Claim,
    ClaimCheck,
    ClaimDocument,
    ClaimEvent,
    ClaimFlag,
    ClaimItem,
    ClaimPayee,
    ClaimSettings,
    ClaimStatus,
    UncountedClaims,
)
from insurance.claims.permissions import ClaimsMay
from insurance.claims.rules import check_move
from insurance.core.bulk import write_rows_late, written_together
from insurance.core.context import current_actor
from insurance.core.counts import count_changes
from insurance.core.db import before_commit
from insurance.core.errors import DomainError, ForbiddenError, StaleError
from insurance.core.figures import leave_note
from insurance.core.ids import new_id
from insurance.core.undo import UNDO
from insurance.customers.models import Customer
from insurance.ledger.services import Entry, post
from insurance.notifications.services import Letter, send_all_later
from insurance.organizations.models import Organization
from insurance.policies.changes import Happening, PolicyChange, write_changes
from insurance.policies.models import EventCategory, Policy, PolicyMember
from insurance.policies.queries import list_members
from insurance.policies.services.moves import Case
from insurance.products.queries import load_terms
from insurance.products.rules import ProductTerms

_EVENTS: Table = ClaimEvent.__table__  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Told:
    """What a command has told so far and has not written yet."""

    events: list[dict[str, Any]] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    audited: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    journals: list[Sequence[Entry]] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)


@dataclass(frozen=True)
class Held:
    """A claim and its policy, both held, with the business day and the moment of a command.

    Nobody else changes them meanwhile, so what a command needs of them is read once.
    """

    session: Session
    policy: Policy
    claim: Claim
    holder: Customer
    on: date
    now: datetime

    @cached_property
    def told(self) -> Told:
        """Return what the command tells; it is written before the commit."""
        told = Told()
        before_commit(self.session, lambda: _write(self, told))
        return told

    @cached_property
    def _house(self) -> tuple[Organization, ClaimSettings]:
        return queries.get_house(self.session)

    @property
    def organization(self) -> Organization:
        """Return the insurer."""
        return self._house[0]

    @property
    def zone(self) -> ZoneInfo:
        """Return the insurer's time zone."""
        return ZoneInfo(self.organization.timezone)

    @property
    def settings(self) -> ClaimSettings:
        """Return what the insurer decided about its claims."""
        return self._house[1]

    @cached_property
    def terms(self) -> ProductTerms:
        """Return what the policy was sold on."""
        return load_terms(self.session, self.policy.product_version_id)

    @property
    def case(self) -> Case:
        """Return the policy as the moves of its life take it; it is held already."""
        return Case(self.session, self.policy, self.terms, self.on, self.now)

    @cached_property
    def members(self) -> Sequence[PolicyMember]:
        """Return the lives of the policy, as they were before the command."""
        return list_members(self.session, self.policy.id)

    def deaths_known_of(self, customer_id: UUID) -> list[tuple[str, date | None, date]]:
        """Return the deaths that other claims tell of, on the policy and others of a holder."""
        if customer_id not in self.deaths:
            self.deaths[customer_id] = queries.list_deaths(
                self.session, self.policy.id, customer_id, but_for=self.claim.id
            )
        return self.deaths[customer_id]

    @cached_property
    def deaths(self) -> dict[UUID, list[tuple[str, date | None, date]]]:
        """Return by holder the deaths that were read so far."""
        return {}

    @cached_property
    def is_life_taken_off(self) -> bool:
        """Tell whether a payment of the claim has taken its life off the policy before."""
        return queries.is_life_taken_off(self.session, self.claim)

    @cached_property
    def money(self) -> dict[UUID, queries.ItemMoney]:
        """Return what the entries of each item add up to, as they were before the command."""
        return queries.money_by_item(self.session, self.claim.id)

    @cached_property
    def paid(self) -> dict[tuple[UUID, UUID | None], Decimal]:
        """Return what each payee has been paid of each item, as it was before the command."""
        return queries.paid_by_payee(self.session, self.claim.id)

    @cached_property
    def items(self) -> list[ClaimItem]:
        """Return the items of the claim."""
        return list(queries.list_items(self.session, self.claim.id))

    @cached_property
    def documents(self) -> list[ClaimDocument]:
        """Return the documents of the claim; who adds one adds it here too."""
        return list(queries.list_documents(self.session, self.claim.id))

    def read_parts(self) -> None:
        """Read at once what a decision needs, before anything of it is changed."""
        vars(self).update(queries.read_parts(self.session, self.claim, self.policy))

    @cached_property
    def checks(self) -> Sequence[ClaimCheck]:
        """Return the checklist of the claim, as it was before the command."""
        return queries.list_checks(self.session, self.claim.id)

    @cached_property
    def payees(self) -> Sequence[ClaimPayee]:
        """Return who is paid of the claim; who changes that does so before."""
        return queries.list_payees(self.session, self.claim.id)

    @cached_property
    def flags(self) -> list[ClaimFlag]:
        """Return the flags of the claim; who adds one adds it here too."""
        if self.claim not in self.session:  # a claim that is not written yet has none
            return []
        return list(queries.list_flags(self.session, self.claim.id))


def hold(
    session: Session, claim_id: UUID, *, on: date, now: datetime, version: int | None = None
) -> Held:
    """Hold a claim for a command: the policy's row first, so that no two commands cross.

    Raises NotFoundError; StaleError where somebody saved since `version` was read.
    """
    policy, claim, holder = queries.hold_claim(session, claim_id)
    if version is not None and version != claim.version:
        raise StaleError(
            "Somebody has changed this claim since you opened it.",
            theirs={"version": claim.version, "current_status": claim.status.value},
            yours={"version": version},
        )
    return Held(session, policy, claim, holder, on, now)


def _lock(session: Session, claim_id: UUID) -> int:
    """Lock a claim and its policy in the order of `hold`."""
    queries.hold_claim(session, claim_id)
    return queries.last_move_of(session, claim_id)


CLAIM = Record(
    resource="claims",
    name="claim",
    lock=_lock,
    endpoint="claims.show",
    may_view=ClaimsMay.VIEW,
)
"""The claim as the record that a second person is asked about."""


def require_person() -> UUID:
    """Return who is acting. Raises ForbiddenError for a program."""
    user_id = current_actor().user_id
    if user_id is None:
        raise ForbiddenError("A person decides this, not a program.")
    return user_id


def require_reason(reason: str, field: str = "reason") -> str:
    """Return a reason, trimmed. Raises DomainError where there is none."""
    if not reason.strip():
        raise DomainError("Say why.", field=field)
    return reason.strip()


def set_status(held: Held, status: ClaimStatus) -> None:
    """Move a claim along the table and keep the figures of the tabs. Raises ConflictError."""
    claim = held.claim
    if claim.status is status:
        return
    check_move(claim.status.value, status.value)
    held.told.counts[f"claims.{claim.status}"] -= 1
    held.told.counts[f"claims.{status}"] += 1
    claim.status = status


def tell(
    held: Held,
    event_type: str,
    description: str,
    *,
    reason: str | None = None,
    payload: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
    on_policy: bool = True,
    undo: Mapping[str, Any] | None = None,
) -> None:
    """Append what happened to the claim, to its policy and to the audit log.

    `undo` is what it takes to undo it within a day; without it nobody can.
    """
    claim, actor, told = held.claim, current_actor(), held.told
    claim.version += 1
    claim.updated_at = held.now
    facts = plain(dict(payload or {}))
    told.events.append(
        {
            "id": new_id(),
            "claim_id": claim.id,
            "sequence": claim.version,  # counts what happened, and the claim is held
            "event_type": event_type,
            "status": claim.status,
            "description": description,
            "reason": reason,
            "payload": facts if undo is None else facts | {UNDO: plain(dict(undo))},
            "recorded_at": held.now,
            "actor": actor.email,
            "request_id": actor.request_id,
        }
    )
    if on_policy:
        told.happenings.append(
            Happening(
                policy_id=held.policy.id,
                event_type=event_type,
                effective=held.on,
                description=f"{claim.claim_number}: {description}",
                payload={"claim_id": claim.id, "claim_number": claim.claim_number, **facts},
                reason=reason,
                category=EventCategory.CLAIM,
            )
        )
    told.audited.append(
        event_row(
            action=f"claims.{event_type.removeprefix('CLAIM_').lower()}",
            resource="claims",
            resource_id=claim.id,
            before=dict(before) if before else None,
            after={"status": claim.status, **facts},
            reason=reason,
        )
    )


def _write(held: Held, told: Told) -> None:
    """Write what a command told. The counts' rows stay locked to the end, so they come last."""
    session = held.session
    session.flush()
    with written_together(session, late=True):
        post(session, told.journals, now=held.now, field="effective_date")
        change = PolicyChange(policy=held.policy, happenings=told.happenings)
        write_changes(session, [change] if told.happenings else [], now=held.now)
    write_rows_late(session, _EVENTS, told.events)
    if told.audited:
        record_many(session, told.audited)
    if told.letters:
        send_all_later(session, told.letters)
    leave_note(session, UncountedClaims.claim_ids, [held.claim.id])
    count_changes(session, told.counts, held.claim.id)
