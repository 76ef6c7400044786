"""Reserves, recoveries and flags of claims."""

from typing import Any
from uuid import UUID

from insurance.api.claims.shared import ONE, TAG, ClaimAnswer, Reason, Reference, claim_answer
from insurance.api.edge import (
    Body,
    endpoint,
)
from insurance.claims import services
from insurance.claims.models import (
    CostType,
)
from insurance.claims.permissions import ClaimsMay
from insurance.core import clock
from insurance.web.business import business_day
from insurance.web.parsing import Amount, Money


class ReserveBody(Body):
    """What the reserve of an item shall be, and why."""

    claim_benefit_item_id: UUID
    cost_type: CostType = CostType.INDEMNITY
    amount: Amount
    reason: Reason


class RecoveryBody(Body):
    """Money that came back."""

    claim_benefit_item_id: UUID
    amount: Money
    reference: Reference
    reason: Reason


class ClearBody(Body):
    """Why a flag does not matter."""

    note: Reason


@endpoint("PUT", f"{ONE}/reserve", may=ClaimsMay.ASSESS, body=ReserveBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def change_claim_reserve(claim_id: UUID, body: ReserveBody) -> dict[str, Any]:
    """Set the reserve of an item, with why."""
    services.change_reserve(
        claim_id,
        item_id=body.claim_benefit_item_id,
        cost_type=body.cost_type,
        amount=body.amount,
        reason=body.reason,
        on=business_day(),
        now=clock.now(),
    )
    return claim_answer(claim_id)


@endpoint("POST", f"{ONE}/recoveries", may=ClaimsMay.PAY, body=RecoveryBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def record_claim_recovery(claim_id: UUID, body: RecoveryBody) -> dict[str, Any]:
    """Record salvage, or what somebody liable paid."""
    services.record_recovery(
        claim_id,
        item_id=body.claim_benefit_item_id,
        amount=body.amount,
        reference=body.reference,
        reason=body.reason,
        on=business_day(),
        now=clock.now(),
    )
    return claim_answer(claim_id)


@endpoint("POST", "/claim-flags/<uuid:flag_id>/clear", may=ClaimsMay.ASSESS, body=ClearBody,
          answer=ClaimAnswer, tag=TAG)  # fmt: skip
def clear_claim_flag(flag_id: UUID, body: ClearBody) -> dict[str, Any]:
    """Clear a flag, saying why it does not matter."""
    claim = services.clear_flag(flag_id, note=body.note, on=business_day(), now=clock.now())
    return claim_answer(claim.id)
