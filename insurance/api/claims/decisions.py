"""Assessing, assigning, reopening and closing claims."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StrictBool

from insurance.api.claims.shared import ONE, TAG, ClaimAnswer, Code, Reason, Text, claim_answer
from insurance.api.edge import (
    Answer,
    Body,
    endpoint,
)
from insurance.claims import queries, services
from insurance.claims.permissions import ClaimsMay
from insurance.claims.rules import reasons_for
from insurance.core import clock
from insurance.core.db import db
from insurance.policies.queries import get_policy
from insurance.products.queries import load_terms
from insurance.web.business import business_day
from insurance.web.parsing import Amount, Words


class AssessmentBody(Answer):
    """What is made of an item. Nought refuses it."""

    claim_benefit_item_id: UUID
    approved_amount: Amount
    decision_reason: Annotated[Words, Field(min_length=1, max_length=200)]
    notes: Text | None = None
    findings: Text | None = None


class AssessBody(Body):
    """What is made of a claim's items."""

    benefit_assessments: Annotated[list[AssessmentBody], Field(min_length=1, max_length=50)]
    cause: Code | None = Field(None, description="States or corrects the cause of the event")
    documents_waived: StrictBool = False
    waiver_reason: Annotated[Words, Field(max_length=1000)] = ""
    version: int | None = Field(None, ge=0, le=10**9, description="Refused if no longer current")


class AssignBody(Body):
    """Who works on it; nobody puts it back into the queue."""

    user_id: UUID | None


class WhyBody(Body):
    """Why."""

    reason: Reason


class ReasonAnswer(Answer):
    """A reason that may be given."""

    code: str
    words: str
    rejects: bool
    clause: str


@endpoint("PUT", f"{ONE}/assess", may=ClaimsMay.ASSESS, body=AssessBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def assess_claim(claim_id: UUID, body: AssessBody) -> dict[str, Any]:
    """Approve or refuse items; above your limit the claim waits for somebody who may."""
    services.assess_claim(
        claim_id,
        [
            services.Assessment(
                item_id=assessment.claim_benefit_item_id,
                approved_amount=assessment.approved_amount,
                reason=assessment.decision_reason,
                notes=assessment.notes,
                findings=assessment.findings,
            )
            for assessment in body.benefit_assessments
        ],
        cause=body.cause,
        documents_waived=body.documents_waived,
        waiver_reason=body.waiver_reason,
        version=body.version,
        on=business_day(),
        now=clock.now(),
    )
    return claim_answer(claim_id)


@endpoint("PUT", f"{ONE}/assign", may=ClaimsMay.ASSESS, body=AssignBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def assign_claim(claim_id: UUID, body: AssignBody) -> dict[str, Any]:
    """Give a claim to a colleague who assesses, or back to the queue."""
    services.assign_claim(claim_id, body.user_id, on=business_day(), now=clock.now())
    return claim_answer(claim_id)


@endpoint("POST", f"{ONE}/reopen", may=ClaimsMay.ASSESS, body=WhyBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def reopen_claim(claim_id: UUID, body: WhyBody) -> dict[str, Any]:
    """Open a decided claim again: what was not approved is assessed anew."""
    services.reopen_claim(claim_id, reason=body.reason, on=business_day(), now=clock.now())
    return claim_answer(claim_id)


@endpoint("POST", f"{ONE}/close", may=ClaimsMay.ASSESS, body=WhyBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def close_claim(claim_id: UUID, body: WhyBody) -> dict[str, Any]:
    """Close a claim and release what is reserved and not paid."""
    services.close_claim(claim_id, reason=body.reason, on=business_day(), now=clock.now())
    return claim_answer(claim_id)


@endpoint("GET", f"{ONE}/reasons", may=ClaimsMay.VIEW, answer=list[ReasonAnswer], tag=TAG)
def list_claim_reasons(claim_id: UUID) -> list[Any]:
    """List the reasons that a claim of this class may be decided by."""
    session = db.session()
    policy = get_policy(session, queries.get_claim(session, claim_id).policy_id)
    terms = load_terms(session, policy.product_version_id)
    return list(reasons_for(terms.class_code, terms.category))
