"""Submitting, listing and showing claims."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from insurance.api.claims.payees import payees_of
from insurance.api.claims.shared import (
    ONE,
    TAG,
    ClaimAnswer,
    ClaimCheckAnswer,
    ClaimRow,
    Code,
    DocumentAnswer,
    FlagAnswer,
    Name,
    PayeeFields,
    SubmittedItem,
    Text,
    claim_answer,
    item_answer,
    row_answer,
)
from insurance.api.edge import (
    Answer,
    Body,
    ListQuery,
    Reply,
    created,
    endpoint,
    listing,
)
from insurance.api.policies import PATH
from insurance.claims import queries, services
from insurance.claims.models import (
    ClaimStatus,
)
from insurance.claims.permissions import ClaimsMay
from insurance.claims.rules import TABS
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.paging import decode_cursor
from insurance.policies.queries import get_policy
from insurance.web.business import business_day
from insurance.web.parsing import Day, Money, Words


class ClaimantBody(Answer):
    """Who claims."""

    name: Name
    email: Annotated[Words, Field(max_length=200)] | None = None
    phone: Annotated[Words, Field(max_length=40)] | None = None
    relationship: Annotated[Words, Field(max_length=60)] | None = None


class BenefitClaim(Answer):
    """A benefit claimed on, and how much of it."""

    policy_benefit_id: UUID
    claimed_amount: Money
    policy_member_id: UUID | None = Field(
        None,
        description="Whose, where a benefit covers several lives; refused where it is on another",
    )
    policy_object_id: UUID | None = Field(
        None, description="Refused where the benefit is on another"
    )


class NewClaimBody(Body):
    """What is notified. Without an event date, the claim date; without a claimant, the holder."""

    claim_type: Code
    claim_date: Day | None = None
    event_date: Day | None = None
    cause: Code | None = Field(
        None, description="UNKNOWN where it is not stated; a description never decides it"
    )
    gestation_weeks: int | None = Field(
        None, ge=1, le=45, description="Of a stillbirth, whose parent is the life of its benefit"
    )
    description: Text = ""
    benefit_claims: Annotated[list[BenefitClaim], Field(min_length=1, max_length=50)]
    claimant: ClaimantBody | None = None
    payee: PayeeFields | None = None
    payees: Annotated[list[PayeeFields], Field(max_length=20)] = Field(
        default_factory=list,
        description="By shares; without any those whom the policy names are paid",
    )


class SubmittedAnswer(Answer):
    """A claim as it was registered."""

    claim_id: UUID
    claim_number: str
    status: ClaimStatus
    claim_date: Day
    event_date: Day
    total_claimed: Money
    benefit_items: list[SubmittedItem]
    items: list[SubmittedItem]
    checks: list[ClaimCheckAnswer]
    flags: list[FlagAnswer]
    documents: list[DocumentAnswer]


class ClaimsQuery(ListQuery):
    """Which claims. What waits for a decision comes by deadline."""

    tab: str | None = Field(None, description=", ".join(TABS), max_length=30)
    policy_id: UUID | None = None
    assigned_to: UUID | None = None
    q: str = Field("", max_length=100, description="Number, policy number, life or customer")


@endpoint("POST", f"{PATH}/claims", may=ClaimsMay.SUBMIT, body=NewClaimBody,
          answer=SubmittedAnswer, status=201, tag=TAG)  # fmt: skip
def submit_claim(policy_id: UUID, body: NewClaimBody) -> Reply:
    """Register a claim: checked as at the event date, capped at what is left of the cover."""
    new = services.NewClaim(
        claim_type=body.claim_type,
        items=[
            services.NewItem(
                policy_benefit_id=one.policy_benefit_id,
                claimed_amount=one.claimed_amount,
                policy_member_id=one.policy_member_id,
                policy_object_id=one.policy_object_id,
            )
            for one in body.benefit_claims
        ],
        claim_date=body.claim_date,
        event_date=body.event_date,
        cause=body.cause,
        gestation_weeks=body.gestation_weeks,
        description=body.description,
        claimant=services.Claimant(**body.claimant.model_dump()) if body.claimant else None,
        payees=payees_of([*([body.payee] if body.payee else []), *body.payees]),
    )
    claim = services.submit_claim(policy_id, new, on=business_day(), now=clock.now())
    return created(_submitted(claim.id), "get_claim", claim_id=claim.id)


@endpoint("GET", f"{PATH}/claims", may=ClaimsMay.VIEW, answer=list[ClaimRow], tag=TAG)
def list_policy_claims(policy_id: UUID) -> list[dict[str, Any]]:
    """List the claims of a policy, newest first."""
    session = db.session()
    get_policy(session, policy_id)
    found = queries.list_claims(session, limit=200, now=clock.now(), policy_id=policy_id)
    return [row_answer(item) for item in found.items]


@endpoint("GET", "/claims", may=ClaimsMay.VIEW, query=ClaimsQuery, answer=list[ClaimRow],
          tag=TAG)  # fmt: skip
def list_claims(query: ClaimsQuery) -> Reply:
    """List claims by tab."""
    if query.tab is not None and query.tab not in TABS:
        raise DomainError(f"Choose one of: {', '.join(TABS)}.", field="tab")
    found = queries.list_claims(
        db.session(),
        limit=query.limit,
        tab=query.tab,
        now=clock.now(),
        after=position(query.cursor) if query.cursor else None,
        policy_id=query.policy_id,
        assigned_to=query.assigned_to,
        q=query.q,
    )
    return listing(found, row_answer)


def position(cursor: str) -> tuple[datetime, UUID]:
    """Read where a page of the list starts. Raises DomainError for what is no position."""
    due, claim_id = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(due), UUID(claim_id)
    except ValueError as error:
        raise DomainError("This page link is not valid.", field="cursor") from error


@endpoint("GET", ONE, may=ClaimsMay.VIEW, answer=ClaimAnswer, tag=TAG)
def get_claim(claim_id: UUID) -> dict[str, Any]:
    """Return a claim with its items, checks, documents, flags, money and history."""
    return claim_answer(claim_id)


def _submitted(claim_id: UUID) -> dict[str, Any]:
    view = queries.get_view(db.session(), claim_id)
    claim, items = view.claim, [item_answer(item) for item in view.items]
    return {
        "claim_id": claim.id,
        "claim_number": claim.claim_number,
        "status": claim.status,
        "claim_date": claim.claim_date,
        "event_date": claim.event_date,
        "total_claimed": claim.total_claimed,
        "benefit_items": items,
        "items": items,
        "checks": view.checks,
        "flags": view.flags,
        "documents": view.documents,
    }
