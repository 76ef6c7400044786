"""Setting a lapse aside: a payment of a day within the grace proves that the lapse never was."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest
from insurance.approvals.services import request_approval
from insurance.approvals.subjects import Subject, register
from insurance.billing import queries as billing
from insurance.billing.models import Receipt, ReceiptKind, ReceiptStatus
from insurance.billing.rules import plain_reference
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.money import ZERO, format_money, total
from insurance.core.tenancy import current_org
from insurance.lapses.queries import holidays_around, list_owed, rule_on
from insurance.lapses.rules import grace_end
from insurance.policies import lifecycle_rules
from insurance.policies.models import Policy, PolicyEvent, PolicyStatus
from insurance.policies.services.approvals import POLICY
from insurance.policies.services.moves import (
    Case,
    LifecycleOutcome,
    charge_due,
    check_cover_revived,
    day_after,
    move,
    open_case,
    restore_past_cover,
)
from insurance.policies.services.payments import give_to_policy

_LONGEST_REASON = 500
# What had come by the end of the grace, in money or by waiver, however late it was recorded.
_OWED_THEN = text(
    """
    SELECT coalesce(sum(l.amount - coalesce(s.amount, 0)), 0)
    FROM ins.premium_lines l
    LEFT JOIN LATERAL (
        SELECT sum(a.amount) AS amount FROM ins.allocations a
        JOIN ins.receipts r ON r.org_id = a.org_id AND r.id = a.receipt_id
        WHERE a.org_id = l.org_id AND a.premium_line_id = l.id AND r.received_on < :lapsed_on
    ) s ON true
    WHERE l.org_id = :org AND l.policy_id = :policy AND l.due_date <= :anchor
      AND l.status <> 'CANCELLED'
    """
)
_STATUS_BEFORE = text(
    """
    SELECT policy_snapshot->'policy'->>'status' FROM ins.policy_versions
    WHERE org_id = :org AND policy_id = :policy
      AND policy_snapshot->'policy'->>'status' <> 'lapsed'
    ORDER BY version_number DESC LIMIT 1
    """
)


def list_proofs(session: Session, policy: Policy) -> Sequence[Receipt]:
    """Return the payments of days within the grace of a lapsed policy, newest first.

    Those that wait in suspense under its number, and those recorded for it.
    """
    if policy.status is not PolicyStatus.LAPSED or policy.ended_on is None:
        return []
    return session.scalars(
        select(Receipt)
        .where(
            Receipt.org_id == current_org(),
            Receipt.kind == ReceiptKind.PAYMENT,
            Receipt.received_on < policy.ended_on,
            or_(
                (Receipt.status == ReceiptStatus.POSTED) & (Receipt.policy_id == policy.id),
                (Receipt.status == ReceiptStatus.SUSPENSE)
                & (Receipt.payer_key == plain_reference(policy.policy_number)),
            ),
        )
        .order_by(Receipt.id.desc())
        .limit(20)
    ).all()


def set_lapse_aside(
    policy_id: UUID,
    receipt_id: UUID,
    *,
    reason: str,
    life_answers: Mapping[str, bool] | None = None,
    on: date,
    now: datetime,
) -> LifecycleOutcome:
    """Ask a second person to set a lapse aside for a payment of a day within its grace.

    Raises ConflictError for a policy that is not lapsed or a payment of somebody else, DomainError
    at `receipt_id` for one that came too late or is too little, and where a life has funeral cover
    elsewhere meanwhile and would be above its cap.
    """
    reason = reason.strip()
    if not reason:
        raise DomainError("Say why.", field="reason")
    if len(reason) > _LONGEST_REASON:
        raise DomainError(f"At most {_LONGEST_REASON} characters.", field="reason")
    with transaction() as session:
        case = open_case(session, policy_id, on=on, now=now, life_answers=life_answers)
        receipt = _proof(case, receipt_id)
        check_cover_revived(case)
        policy = case.policy
        request = request_approval(
            session,
            SET_ASIDE,
            policy.id,
            record_version=policy.current_version,
            title=f"Set the lapse of {policy.policy_number} aside",
            amount=receipt.amount,
            payload={
                "receipt_id": receipt.id,
                "payment_reference": receipt.reference,
                "amount": receipt.amount,
                "received_on": receipt.received_on,
                "lapsed_on": policy.ended_on,
            },
            reason=reason,
            now=now,
        )
        return LifecycleOutcome(
            policy,
            policy.ended_on or on,
            billing.arrears_on(session, policy.id, on),
            approval_id=request.id,
            needs=(lifecycle_rules.Agreement.LAPSE_SET_ASIDE,),
        )


def execute_setting_aside(
    session: Session, request: ApprovalRequest, *, on: date, now: datetime
) -> LifecycleOutcome:
    """Set aside the lapse that a second person agreed to: cover was never broken.

    The payment is the policy's as from its own day; what fell due since is charged and owed as if
    nobody had lapsed it.
    """
    case = open_case(session, request.resource_id, on=on, now=now)
    receipt = _proof(case, UUID(request.payload["receipt_id"]))
    policy, lapsed_on = case.policy, case.policy.ended_on
    assert lapsed_on is not None
    charged = charge_due(case, day_after(on))
    if receipt.status is ReceiptStatus.SUSPENSE:
        give_to_policy(
            session,
            receipt,
            policy,
            on=on,
            now=now,
            as_from=receipt.received_on,
            why=request.reason,
        )
    move(
        case,
        "POLICY_LAPSE_SET_ASIDE",
        to=_status_before(session, policy),
        effective=lapsed_on,
        description=f"Lapse set aside: {format_money(receipt.amount)} came on"
        f" {receipt.received_on:%Y/%m/%d}, within the grace",
        reason=request.reason,
        payload={
            "receipt_id": receipt.id,
            "received_on": receipt.received_on,
            "lapsed_on": lapsed_on,
            "charged": charged,
            "approval_id": request.id,
        },
        ended_on=None,
    )
    restore_past_cover(case, lapsed_on, "The lapse of the policy was set aside")
    return LifecycleOutcome(policy, lapsed_on, owed_past_grace(case))


SET_ASIDE = register(
    Subject(action="policies.set_lapse_aside", record=POLICY, execute=execute_setting_aside)
)


def owed_past_grace(case: Case) -> Decimal:
    """Return what of premiums whose own grace is over is not paid, in rand."""
    holidays = holidays_around(case.session, case.on)
    policy = case.policy
    return total(
        premium.left
        for premium in list_owed(case.session, policy.id, case.on)
        if grace_end(
            premium.due_date,
            rule_on(case.session, policy.product_id, premium.due_date),
            premium.frequency,
            holidays,
        )
        < case.on
    )


def _proof(case: Case, receipt_id: UUID) -> Receipt:
    """Return the payment that proves a lapse wrong, held. Raises where it does not."""
    policy = case.policy
    if policy.status is not PolicyStatus.LAPSED or policy.ended_on is None:
        raise ConflictError(f"Policy {policy.policy_number} is {policy.status}, not lapsed.")
    receipt = billing.get_receipt(case.session, receipt_id, lock=True)
    case.session.refresh(receipt)
    waits = receipt.status is ReceiptStatus.SUSPENSE
    is_posted = receipt.status is ReceiptStatus.POSTED and receipt.policy_id == policy.id
    if receipt.kind is not ReceiptKind.PAYMENT or not (waits or is_posted):
        raise ConflictError(
            "This payment neither waits in suspense nor was recorded for the policy.",
            field="receipt_id",
        )
    terms = rule_on(case.session, policy.product_id, policy.ended_on)
    lifecycle_rules.check_sets_aside(
        received_on=receipt.received_on,
        lapsed_on=policy.ended_on,
        owed=_owed_then(case) - (receipt.amount if waits else ZERO),
        tolerance=terms.tolerance,
    )
    return receipt


def _owed_then(case: Case) -> Decimal:
    """Return what was owed at the end of the grace by what is known now, without the proof."""
    lapse = case.session.scalars(
        select(PolicyEvent)
        .where(
            PolicyEvent.org_id == current_org(),
            PolicyEvent.policy_id == case.policy.id,
            PolicyEvent.event_type == "POLICY_LAPSED",
        )
        .order_by(PolicyEvent.sequence.desc())
        .limit(1)
    ).one()
    values = {
        "org": current_org(),
        "policy": case.policy.id,
        "lapsed_on": case.policy.ended_on,
        "anchor": date.fromisoformat(lapse.payload["oldest_unpaid"]),
    }
    return Decimal(case.session.execute(_OWED_THEN, values).scalar_one())


def _status_before(session: Session, policy: Policy) -> PolicyStatus:
    values = {"org": current_org(), "policy": policy.id}
    return PolicyStatus(session.execute(_STATUS_BEFORE, values).scalar_one())
