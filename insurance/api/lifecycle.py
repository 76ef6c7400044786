"""The life of a policy in the API: suspend, lapse, reinstate, cancel, renew; waivers, refunds.

What needs a second person is answered with 202 and the `approval_id` that waits.
"""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from insurance.api.edge import Answer, Body, Reply, endpoint
from insurance.api.endorsements import LifeAnswer, answers_by_question
from insurance.api.policies import PATH
from insurance.api.premiums import LINE, Reference
from insurance.billing.permissions import PremiumsMay
from insurance.core import clock
from insurance.core.db import db
from insurance.policies import services
from insurance.policies.lifecycle_rules import Agreement, CancellationType, Initiator
from insurance.policies.models import PolicyStatus
from insurance.policies.permissions import PoliciesMay
from insurance.web.business import business_day
from insurance.web.parsing import Amount, Day, Money, Words

Reason = Annotated[Words, Field(min_length=1, max_length=500)]


class ReasonBody(Body):
    """Why."""

    reason: Reason


class RevivingBody(Body):
    """What brings cover back. Is a life the one on another policy that was asked about?"""

    life_answers: Annotated[list[LifeAnswer], Field(max_length=100)] = []


class ReinstateBody(ReasonBody, RevivingBody):
    """How a policy comes back. `arrears_paid` is held against the ledger."""

    arrears_paid: bool = False
    medical_clearance: bool = False
    recommence: bool = Field(
        False, description="Without arrears: no cover from the lapse to today, and no premium"
    )


class SetAsideBody(ReasonBody, RevivingBody):
    """The payment that came within the grace: in suspense, or recorded for the policy."""

    receipt_id: UUID


class CancelBody(ReasonBody):
    """Why and when a policy ends."""

    cancellation_type: CancellationType
    effective_date: Day | None = Field(None, description="The first day without cover; today")
    initiated_by: Initiator | None = None
    notice_sent_on: Day | None = Field(
        None, description="OTHER, by the insurer: when the holder was given written notice"
    )
    notice_evidence: Annotated[Words, Field(max_length=60)] = Field(
        "", description="The number of the registered letter or of the file"
    )


class RefundBody(ReasonBody):
    """Money paid back to the holder. The same reference again pays nothing."""

    amount: Amount
    reference: Reference


class MoveBody(Body):
    """Nothing more to say."""


class LifecycleAnswer(Answer):
    """A policy after a move. With `approval_id` nothing has been done yet."""

    id: UUID
    status: PolicyStatus
    effective_date: Day
    arrears: Money
    refund: Money
    retained: Money
    allowed_transitions: list[PolicyStatus]
    approval_id: UUID | None


class CancellationAnswer(Answer):
    """What a cancellation will do, to the cent."""

    effective_date: Day
    cover_end: Day
    is_cooling_off: bool
    is_cooling_off_barred: bool = Field(
        description="Within the days of cooling off, but there was a claim or an event"
    )
    initiated_by: Initiator
    basis: str
    unearned: Money
    retained: Money
    credit: Money
    vat: Money
    paid_ahead: Money
    owed: Money
    arrears: Money
    written_off: Money
    refund: Money
    needs: list[Agreement] = Field(description="Why a second person must agree")


@endpoint(
    "PUT",
    f"{PATH}/suspend",
    may=PoliciesMay.LIFECYCLE,
    body=ReasonBody,
    answer=LifecycleAnswer,
    tag="Lifecycle",
)
def suspend_policy(policy_id: UUID, body: ReasonBody) -> Reply:
    """Suspend a policy in force."""
    return _said(
        services.suspend_policy(policy_id, reason=body.reason, on=business_day(), now=clock.now())
    )


@endpoint(
    "PUT",
    f"{PATH}/lapse",
    may=PoliciesMay.LIFECYCLE,
    body=ReasonBody,
    answer=LifecycleAnswer,
    tag="Lifecycle",
)
def lapse_policy(policy_id: UUID, body: ReasonBody) -> Reply:
    """Lapse a policy whose grace has run out, as from the day after."""
    return _said(
        services.lapse_policy(policy_id, reason=body.reason, on=business_day(), now=clock.now())
    )


@endpoint(
    "PUT",
    f"{PATH}/reinstate",
    may=PoliciesMay.LIFECYCLE,
    body=ReinstateBody,
    answer=LifecycleAnswer,
    tag="Lifecycle",
)
def reinstate_policy(policy_id: UUID, body: ReinstateBody) -> Reply:
    """Bring a suspended or lapsed policy back into force."""
    return _said(
        services.reinstate_policy(
            policy_id,
            arrears_paid=body.arrears_paid,
            medical_clearance=body.medical_clearance,
            recommence=body.recommence,
            reason=body.reason,
            life_answers=answers_by_question(body.life_answers),
            on=business_day(),
            now=clock.now(),
        )
    )


@endpoint(
    "POST",
    f"{PATH}/set-lapse-aside",
    may=PoliciesMay.LIFECYCLE,
    body=SetAsideBody,
    answer=LifecycleAnswer,
    status=202,
    tag="Lifecycle",
)
def set_lapse_aside(policy_id: UUID, body: SetAsideBody) -> Reply:
    """Ask a second person to set a lapse aside for a payment of a day within its grace."""
    return _said(
        services.set_lapse_aside(
            policy_id,
            body.receipt_id,
            reason=body.reason,
            life_answers=answers_by_question(body.life_answers),
            on=business_day(),
            now=clock.now(),
        )
    )


@endpoint(
    "POST",
    f"{PATH}/cancel/preview",
    may=PoliciesMay.LIFECYCLE,
    body=CancelBody,
    answer=CancellationAnswer,
    tag="Lifecycle",
)
def preview_cancellation(policy_id: UUID, body: CancelBody):
    """Say what a cancellation would do, and do nothing."""
    return services.preview_cancellation(
        db.session(), policy_id, _wanted(body), on=business_day(), now=clock.now()
    )


@endpoint(
    "PUT",
    f"{PATH}/cancel",
    may=PoliciesMay.LIFECYCLE,
    body=CancelBody,
    answer=LifecycleAnswer,
    may_wait=True,
    tag="Lifecycle",
)
def cancel_policy(policy_id: UUID, body: CancelBody) -> Reply:
    """End a policy for good and divide its premium."""
    return _said(
        services.cancel_policy(policy_id, _wanted(body), on=business_day(), now=clock.now())
    )


@endpoint(
    "PUT",
    f"{PATH}/not-taken-up",
    may=PoliciesMay.LIFECYCLE,
    body=ReasonBody,
    answer=LifecycleAnswer,
    tag="Lifecycle",
)
def mark_not_taken_up(policy_id: UUID, body: ReasonBody) -> Reply:
    """End a policy whose first premium was never paid."""
    return _said(
        services.mark_not_taken_up(
            policy_id, reason=body.reason, on=business_day(), now=clock.now()
        )
    )


@endpoint(
    "PUT",
    f"{PATH}/expire",
    may=PoliciesMay.LIFECYCLE,
    body=MoveBody,
    answer=LifecycleAnswer,
    tag="Lifecycle",
)
def expire_policy(policy_id: UUID, body: MoveBody) -> Reply:
    """End a policy whose term is over."""
    return _said(services.expire_policy(policy_id, on=business_day(), now=clock.now()))


@endpoint(
    "PUT",
    f"{PATH}/renew",
    may=PoliciesMay.LIFECYCLE,
    body=MoveBody,
    answer=LifecycleAnswer,
    tag="Lifecycle",
)
def renew_policy(policy_id: UUID, body: MoveBody) -> Reply:
    """Give a non-life policy its next term."""
    return _said(services.renew_policy(policy_id, on=business_day(), now=clock.now()))


@endpoint(
    "POST",
    f"{LINE}/waive",
    may=PremiumsMay.WAIVE,
    body=ReasonBody,
    answer=LifecycleAnswer,
    status=202,
    tag="Lifecycle",
)
def waive_premium(policy_id: UUID, line_id: UUID, body: ReasonBody) -> Reply:
    """Ask a second person to waive what is open of a premium."""
    return _said(
        services.waive_premium(
            policy_id, line_id, reason=body.reason, on=business_day(), now=clock.now()
        )
    )


@endpoint(
    "POST",
    f"{LINE}/write-off",
    may=PremiumsMay.WAIVE,
    body=ReasonBody,
    answer=LifecycleAnswer,
    status=202,
    tag="Lifecycle",
)
def write_off_premium(policy_id: UUID, line_id: UUID, body: ReasonBody) -> Reply:
    """Ask a second person to write off what is open of a premium."""
    return _said(
        services.write_off_premium(
            policy_id, line_id, reason=body.reason, on=business_day(), now=clock.now()
        )
    )


@endpoint(
    "POST",
    f"{PATH}/refunds",
    may=PremiumsMay.REVERSE,
    body=RefundBody,
    answer=LifecycleAnswer,
    may_wait=True,
    tag="Lifecycle",
)
def pay_refund(policy_id: UUID, body: RefundBody) -> Reply:
    """Pay money back to the holder: what is payable first, then what is beyond what is due."""
    return _said(
        services.pay_refund(
            policy_id,
            amount=body.amount,
            reference=body.reference,
            reason=body.reason,
            on=business_day(),
            now=clock.now(),
        )
    )


def _wanted(body: CancelBody) -> services.Cancellation:
    return services.Cancellation(
        kind=body.cancellation_type,
        reason=body.reason,
        effective_date=body.effective_date,
        initiated_by=body.initiated_by,
        notice_sent_on=body.notice_sent_on,
        notice_evidence=body.notice_evidence,
    )


def _said(outcome: services.LifecycleOutcome) -> Reply:
    policy = outcome.policy
    content: dict[str, object] = {
        "id": policy.id,
        "status": policy.status,
        "effective_date": outcome.effective_date,
        "arrears": outcome.arrears,
        "refund": outcome.refund,
        "retained": outcome.retained,
        "allowed_transitions": outcome.allowed_transitions,
        "approval_id": outcome.approval_id,
    }
    return Reply(content, status=202 if outcome.approval_id else None)
