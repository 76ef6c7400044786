"""A death that was none: the policy it ended is restored once two people agree."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest
from insurance.approvals.services import request_approval
from insurance.approvals.subjects import Subject, register
from insurance.billing import queries as billing
from insurance.billing import services as premiums
from insurance.billing.models import LineKind, LineStatus
from insurance.claims import queries
from insurance.claims.models import PaymentStatus
from insurance.claims.services.history import CLAIM, Held, hold, require_reason, tell
from insurance.claims.services.payments import void_step
from insurance.core.db import transaction
from insurance.core.errors import ConflictError
from insurance.core.money import ZERO, format_money, total
from insurance.core.tenancy import current_org
from insurance.policies.models import EventCategory, PolicyEvent, PolicyStatus
from insurance.policies.services.cancellation import take_back_end
from insurance.policies.services.moves import (
    charge_due,
    check_cover_revived,
    day_after,
    move,
    restore_past_cover,
)
from insurance.policies.services.relief import refunds_payable
from insurance.policies.services.schedule_steps import extend_schedules


def undo_death(
    claim_id: UUID,
    *,
    reason: str,
    life_answers: Mapping[str, bool] | None = None,
    on: date,
    now: datetime,
) -> UUID:
    """Ask a second person to restore a policy that was ended for a death that was none.

    Return the id of the request. Raises ConflictError where this claim did not end the policy, or
    something has happened to it since; DomainError where a life has funeral cover elsewhere
    meanwhile and would be above its cap.
    """
    why = require_reason(reason)
    with transaction() as session:
        held = hold(session, claim_id, on=on, now=now)
        _ending(held)
        check_cover_revived(replace(held.case, life_answers=life_answers or {}))
        paid = [
            payment
            for payment in queries.list_payments(session, claim_id)
            if _stands(payment.status)
        ]
        request = request_approval(
            session,
            UNDO_DEATH,
            claim_id,
            record_version=queries.last_move_of(session, claim_id),
            title=f"Restore {held.policy.policy_number}: nobody has died",
            amount=total(one.gross_amount for one in paid),
            payload={
                "claim_id": claim_id,
                "claim_number": held.claim.claim_number,
                "life": held.claim.life_name,
                "ended_on": held.policy.ended_on,
                "payments": [
                    {
                        "payment_id": one.id,
                        "reference": one.reference,
                        "payee": one.payee_name,
                        "amount": one.gross_amount,
                    }
                    for one in paid
                ],
            },
            reason=why,
            now=now,
        )
        tell(
            held,
            "CLAIM_UNDO_REQUESTED",
            "A second person is asked to restore the policy: nobody has died",
            reason=why,
            payload={"approval_id": request.id},
        )
        return request.id


def execute_undo(session: Session, request: ApprovalRequest, *, on: date, now: datetime) -> None:
    """Restore the policy as if the death had never been told, and void what was paid for it.

    Cover is unbroken; premiums of since are owed again, less what had not been paid back yet.
    """
    held = hold(session, request.resource_id, on=on, now=now)
    ending = _ending(held)
    for payment in queries.list_payments(session, held.claim.id):
        if _stands(payment.status):
            void_step(held, payment, request.reason)
    _restore(held, ending, request)
    tell(
        held,
        "CLAIM_DEATH_UNDONE",
        "Nobody has died: the policy is restored and what was paid is to be claimed back",
        reason=request.reason,
        payload={"approval_id": request.id},
    )


UNDO_DEATH = register(Subject(action="claims.undo_death", record=CLAIM, execute=execute_undo))


def _stands(status: PaymentStatus) -> bool:
    return status is PaymentStatus.PAID


def _ending(held: Held) -> PolicyEvent:
    """Return the event by which this claim ended the policy. Raises ConflictError for none."""
    last = held.session.scalars(
        select(PolicyEvent)
        .where(
            PolicyEvent.org_id == current_org(),
            PolicyEvent.policy_id == held.policy.id,
            PolicyEvent.category == EventCategory.LIFECYCLE,
        )
        .order_by(PolicyEvent.sequence.desc())
        .limit(1)
    ).one()
    is_ended = held.policy.status is PolicyStatus.CANCELLED
    if (
        not is_ended
        or last.event_type != "POLICY_ENDED_BY_CLAIM"
        or last.reason != held.claim.claim_number
    ):
        raise ConflictError("This claim did not end the policy, so there is nothing to restore.")
    return last


def _restore(held: Held, ending: PolicyEvent, request: ApprovalRequest) -> None:
    case, session, policy = held.case, held.session, held.policy
    stop, refund = ending.effective_date, Decimal(ending.payload.get("refund", 0))
    kept = min(refund, refunds_payable(session, policy.id))
    if kept > ZERO:
        premiums.take_back_refund(
            session, policy.id, policy.policy_number, kept, on=held.on, now=held.now
        )
    for line in billing.list_premium_lines(session, policy.id):
        is_later = line.kind is LineKind.PREMIUM and line.due_date >= stop
        if is_later and line.status is LineStatus.CANCELLED:
            line.status = LineStatus.PENDING
    session.flush()
    move(
        case,
        "POLICY_DEATH_UNDONE",
        to=PolicyStatus.ACTIVE,
        effective=stop,
        description=f"Restored from {stop - timedelta(days=1):%Y/%m/%d}: nobody has died;"
        f" {format_money(kept)} of {format_money(refund)} was not paid back yet",
        reason=request.reason,
        payload={"claim_id": held.claim.id, "approval_id": request.id, "kept": kept},
        ended_on=None,
    )
    extend_schedules(session, [policy.id], on=held.on)
    charge_due(case, day_after(held.on))
    take_back_end(case, Decimal(ending.payload.get("given_up", 0)), stop)
    premiums.apply_credits(session, {policy.id: policy.policy_number}, on=held.on, now=held.now)
    restore_past_cover(case, stop, "A death was undone")
