"""Undoing in the API: for a day, exactly, what one person did and nothing followed.

What was done is an event of a policy or claim; it is undone by its id, by who may undo it on
screen. Where that is not possible any more the answer is 409, and its `detail` says why and what
reverses the act instead. An endorsement and a hold are undone by their own ids.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from pydantic import Field

from insurance.api.claims.shared import ONE as CLAIM
from insurance.api.edge import Answer, Body, Reply, endpoint
from insurance.api.lapses import HoldAnswer
from insurance.api.policies import PATH as POLICY
from insurance.billing.permissions import PremiumsMay
from insurance.claims import queries as claims
from insurance.claims import services as claim_services
from insurance.claims.permissions import ClaimsMay
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import ConflictError, ForbiddenError, NotFoundError
from insurance.core.permissions import Permission
from insurance.lapses import services as lapse_services
from insurance.lapses.models import LapseHold
from insurance.lapses.permissions import LapsesMay
from insurance.policies import queries as policies
from insurance.policies import services as policy_services
from insurance.policies.permissions import PoliciesMay
from insurance.web.business import business_day

TAG = "Undo"
Undoing = tuple[Permission, Callable[..., Any]]
OF_POLICIES: Mapping[str, Undoing] = {
    "POLICY_SUSPENDED": (PoliciesMay.LIFECYCLE, policy_services.undo_suspension),
    "PREMIUM_RECEIVED": (PremiumsMay.PAY, policy_services.undo_payment),
    "PREMIUM_WAIVED": (PremiumsMay.WAIVE, policy_services.undo_giving_up),
    "PREMIUM_WRITTEN_OFF": (PremiumsMay.WAIVE, policy_services.undo_giving_up),
}
OF_CLAIMS: Mapping[str, Undoing] = {
    "CLAIM_ASSIGNED": (ClaimsMay.ASSESS, claim_services.undo_assignment),
    "CLAIM_NOTE_ADDED": (ClaimsMay.SUBMIT, claim_services.undo_note),
    "CLAIM_TASK_DONE": (ClaimsMay.SUBMIT, claim_services.undo_task_done),
    "CLAIM_FLAG_CLEARED": (ClaimsMay.ASSESS, claim_services.undo_flag_cleared),
}


class UndoActBody(Body):
    """Nothing more to say."""


class UndoneAnswer(Answer):
    """The event that was undone. With `approval_id` a second person is asked first."""

    event_id: UUID
    event_type: str = Field(examples=["POLICY_SUSPENDED"])
    description: str = Field(examples=["Suspended"])
    approval_id: UUID | None = None


@endpoint(
    "POST",
    f"{POLICY}/events/<uuid:policy_event_id>/undo",
    may=PoliciesMay.VIEW,
    body=UndoActBody,
    answer=UndoneAnswer,
    tag=TAG,
    may_wait=True,
)
def undo_policy_event(policy_id: UUID, policy_event_id: UUID, body: UndoActBody) -> Reply:
    """Undo a suspension, a payment, a waiver or a write-off, for who may do such."""
    event = policies.get_event(db.session(), policy_event_id)
    if event.policy_id != policy_id:
        raise NotFoundError
    return _undo(OF_POLICIES, event)


@endpoint(
    "POST",
    f"{CLAIM}/events/<uuid:claim_event_id>/undo",
    may=ClaimsMay.VIEW,
    body=UndoActBody,
    answer=UndoneAnswer,
    tag=TAG,
)
def undo_claim_event(claim_id: UUID, claim_event_id: UUID, body: UndoActBody) -> Reply:
    """Undo that a claim was given to somebody, noted on, a task done or a flag cleared."""
    event = claims.get_event(db.session(), claim_event_id)
    if event.claim_id != claim_id:
        raise NotFoundError
    return _undo(OF_CLAIMS, event)


@endpoint("POST", "/lapse-holds/<uuid:hold_id>/undo", may=LapsesMay.HOLD,
          body=UndoActBody, answer=HoldAnswer, tag=TAG)  # fmt: skip
def undo_lapse_hold(hold_id: UUID, body: UndoActBody) -> LapseHold:
    """Undo that a policy was put on hold."""
    return lapse_services.undo_hold(hold_id, now=clock.now())


@endpoint("POST", "/lapse-holds/<uuid:hold_id>/undo-release", may=LapsesMay.HOLD,
          body=UndoActBody, answer=HoldAnswer, tag=TAG)  # fmt: skip
def undo_lapse_release(hold_id: UUID, body: UndoActBody) -> LapseHold:
    """Undo that a hold was released."""
    return lapse_services.undo_release(hold_id, now=clock.now())


def _undo(ways: Mapping[str, Undoing], event: Any) -> Reply:
    if event.event_type not in ways:
        raise ConflictError(
            f"“{event.description}” is nothing that is undone; what reverses it has its own way."
        )
    said = {name: getattr(event, name) for name in ("event_type", "description")}
    may, command = ways[event.event_type]
    if not current_actor().may(may):
        raise ForbiddenError(f"This takes the permission {may.value}.")
    outcome = command(event.id, on=business_day(), now=clock.now())
    approval_id = getattr(outcome, "approval_id", None)
    content = {"event_id": event.id, **said, "approval_id": approval_id}
    return Reply(content, status=202 if approval_id else None)
