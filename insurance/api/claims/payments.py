"""Paying claims, and taking payments back."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from insurance.api.claims.decisions import WhyBody
from insurance.api.claims.shared import (
    ONE,
    TAG,
    ClaimAnswer,
    ClaimPaymentAnswer,
    Reference,
    claim_answer,
)
from insurance.api.edge import (
    Answer,
    Body,
    Reply,
    endpoint,
)
from insurance.api.endorsements import LifeAnswer, answers_by_question
from insurance.claims import services
from insurance.claims.permissions import ClaimsMay
from insurance.core import clock
from insurance.web.business import business_day
from insurance.web.parsing import Day, Money


class BenefitPayment(Answer):
    """What is paid of an item."""

    claim_benefit_item_id: UUID
    paid_amount: Money


class PayeePayment(Answer):
    """One of those who are paid; with a reference of their own, or the common one numbered."""

    payee_id: UUID
    payment_reference: Reference | None = None


class PayClaimBody(Body):
    """A payment to the claim's payees by their shares. The same reference again pays nothing."""

    payment_date: Day | None = None
    payment_reference: Reference
    benefit_payments: Annotated[list[BenefitPayment], Field(min_length=1, max_length=50)]
    payees: Annotated[list[PayeePayment], Field(max_length=20)] = Field(
        default_factory=list, description="Only these are paid; without any, all of them"
    )
    replaces_reference: Reference | None = None
    successor_member_id: UUID | None = Field(
        None, description="Who takes a dead main member's place; else the spouse, else the oldest"
    )


class PayClaimAnswer(Answer):
    """A claim after a payment, or with `approval_id` while a second person is asked.

    `payments` has one for each payee; `payment` is the first.
    """

    claim: ClaimAnswer
    payment: ClaimPaymentAnswer | None
    payments: list[ClaimPaymentAnswer]
    approval_id: UUID | None


class UndoDeathBody(WhyBody):
    """Why. Is a life the one on another policy that was asked about?"""

    life_answers: Annotated[list[LifeAnswer], Field(max_length=100)] = []


class VoidBody(WhyBody):
    """Why a payment is void; one that ended cover only where the death stands."""

    death_stands: bool = False


class UndoAnswer(Answer):
    """The request that a second person decides."""

    approval_id: UUID


@endpoint("POST", f"{ONE}/pay", may=ClaimsMay.PAY, body=PayClaimBody, answer=PayClaimAnswer,
          may_wait=True, tag=TAG)  # fmt: skip
def pay_claim(claim_id: UUID, body: PayClaimBody) -> Reply:
    """Pay what was approved to the payees by their shares; premiums owed are deducted.

    202 while a second person is asked.
    """
    outcome = services.pay_claim(
        claim_id,
        services.NewPayment(
            reference=body.payment_reference,
            lines=[
                (payment.claim_benefit_item_id, payment.paid_amount)
                for payment in body.benefit_payments
            ],
            payment_date=body.payment_date,
            replaces_reference=body.replaces_reference,
            payees=[payee.payee_id for payee in body.payees],
            successor=body.successor_member_id,
            references={
                payee.payee_id: payee.payment_reference
                for payee in body.payees
                if payee.payment_reference
            },
        ),
        on=business_day(),
        now=clock.now(),
    )
    content = {
        "claim": claim_answer(claim_id),
        "payment": outcome.payment,
        "payments": outcome.payments,
        "approval_id": outcome.approval_id,
    }
    return Reply(content, status=None if outcome.approval_id is None else 202)


@endpoint("POST", f"{ONE}/undo-death", may=ClaimsMay.PAY, body=UndoDeathBody, answer=UndoAnswer,
          status=202, tag=TAG)  # fmt: skip
def undo_claim_death(claim_id: UUID, body: UndoDeathBody) -> dict[str, Any]:
    """Ask a second person to restore a policy that was ended for a death that was none."""
    found = services.undo_death(
        claim_id,
        reason=body.reason,
        life_answers=answers_by_question(body.life_answers),
        on=business_day(),
        now=clock.now(),
    )
    return {"approval_id": found}


@endpoint("POST", "/claim-payments/<uuid:payment_id>/void", may=ClaimsMay.PAY, body=VoidBody,
          answer=ClaimPaymentAnswer, tag=TAG)  # fmt: skip
def void_claim_payment(payment_id: UUID, body: VoidBody) -> Any:
    """Take a payment back that did not arrive."""
    return services.void_payment(
        payment_id,
        reason=body.reason,
        death_stands=body.death_stands,
        on=business_day(),
        now=clock.now(),
    )
