"""Letters about claims: what was decided, why, and what the claimant can do about it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.claims import queries
from insurance.claims.models import Claim, ClaimDocument, ClaimItem, DocumentStatus
from insurance.claims.rules import DOCUMENTS, REASONS
from insurance.core.errors import ConflictError
from insurance.core.money import format_money
from insurance.core.tenancy import current_org
from insurance.core.text import code_in_words
from insurance.correspondence.kinds import LetterTemplate, Paper, RecordFacts
from insurance.correspondence.letters import LetterTable, letter, own_words, paragraphs_of
from insurance.documents.pdf import render
from insurance.organizations.models import Organization
from insurance.organizations.queries import find_parameter, get_organization
from insurance.policies.queries import get_policy
from insurance.products.queries import load_terms

_REASONS = {one.code: one for one in REASONS}


def repudiation_letter(session: Session, claim_id: UUID) -> bytes:
    """Return the letter that tells a claimant what was refused, as PDF. Raises ConflictError."""
    paper = write_repudiation(session, claim_id)
    return render(paper.template, paper.values)


def write_repudiation(
    session: Session, claim_id: UUID, _on: date | None = None, _wording: str = ""
) -> Paper:
    """Return the letter that tells a claimant what was refused.

    It has what LT PPR rule 17 asks for: the decision with reasons and facts, the time for
    representations, the ombud, the time bar, and what was relied on. Raises ConflictError where
    nothing was refused.
    """
    line = queries.get_claim_line(session, claim_id)
    items = [item for item in queries.list_items(session, claim_id) if item.is_cut]
    if not items:
        raise ConflictError("Nothing was refused, so there is no such letter.")
    claim, organization = line.claim, get_organization(session)
    terms = load_terms(session, get_policy(session, claim.policy_id).product_version_id)
    on = claim.decided_on or _today(organization, items)
    values: dict[str, Any] = {
        "insurer": organization.name,
        "number": claim.claim_number,
        "claimant": claim.claimant_name,
        "policy": line.policy_number,
        "product": line.product_name,
        "insured_as": "Life insured" if terms.insures_persons else "Insured",
        "life": claim.life_name or "–",
        "event": _day(claim.event_date),
        "cause": claim.cause.replace("_", " ").lower(),
        "decided": _day(on),
        "items": [_item(item) for item in items],
        "documents": _relied_on(queries.list_documents(session, claim_id)),
        "representation_days": int(find_parameter(session, "claim_representation_days", on)),
        "answer_days": int(find_parameter(session, "claim_answer_days", on)),
    }
    return Paper("repudiation.typ", values)


def write_outcome(session: Session, claim_id: UUID, on: date, wording: str) -> Paper:
    """Return the letter that says what was decided on each benefit and what has been paid.

    Raises ConflictError while nothing is decided.
    """
    line = queries.get_claim_line(session, claim_id)
    items = [item for item in queries.list_items(session, claim_id) if item.decision is not None]
    if not items:
        raise ConflictError("Nothing is decided yet, so there is nothing to write of.")
    claim = line.claim
    decided = [
        (
            item.benefit_name,
            format_money(item.requested_amount),
            format_money(item.approved_amount),
            format_money(item.paid_amount),
            code_in_words(item.decision),
        )
        for item in items
    ]
    is_cut = any(item.is_cut for item in items)
    return letter(
        session,
        facts_of(session, claim_id),
        on,
        "The outcome of your claim",
        facts=[
            ("Claim", claim.claim_number),
            ("Policy", line.policy_number),
            ("Product", line.product_name),
            ("Event", f"{_day(claim.event_date)}, {code_in_words(claim.cause).lower()}"),
        ],
        paragraphs=[
            "We have considered your claim. This is our decision.",
            *paragraphs_of(wording),
        ],
        tables=[
            LetterTable(
                "Decision",
                ("Benefit", "Claimed", "Approved", "Paid", "Decision"),
                decided,
                (1, 2, 3),
            )
        ],
        after=[
            "Why we do not pay all of it, and what you can do, is in the letter of our decision."
        ]
        if is_cut
        else [],
    )


def facts_of(session: Session, claim_id: UUID) -> RecordFacts:
    """Return a claim as its letters name it: the claimant is written to. Raises NotFoundError."""
    line = queries.get_claim_line(session, claim_id)
    claim = line.claim
    customer_id = get_policy(session, claim.policy_id).customer_id
    return RecordFacts(
        claim.claim_number, customer_id, claim.claimant_name, claim.claimant_email or None
    )


def find_mail_values(session: Session, number: str) -> Mapping[str, str] | None:
    """Return what mails say of the claim with a number, or None where there is none."""
    claim_id = session.scalar(
        select(Claim.id).where(Claim.org_id == current_org(), Claim.claim_number == number)
    )
    if claim_id is None:
        return None
    line = queries.get_claim_line(session, claim_id)
    return {"number": number, "name": line.claim.claimant_name, "policy": line.policy_number}


def _item(item: ClaimItem) -> list[str]:
    reason = _REASONS.get(item.reason_code or "")
    facts = item.findings or item.notes or "–"
    words = reason.words if reason else item.reason_code or ""
    if reason and reason.clause:
        words += f" (clause: {reason.clause})"
    return [
        item.benefit_name,
        format_money(item.requested_amount),
        format_money(item.approved_amount),
        words,
        facts,
    ]


def _relied_on(documents: Sequence[ClaimDocument]) -> list[str]:
    return [
        f"{DOCUMENTS[document.document_type]}, {document.file_name}, received {document.uploaded_at:%Y/%m/%d}"
        for document in documents
        if document.status in (DocumentStatus.RECEIVED, DocumentStatus.ACCEPTED)
    ]


def _today(organization: Organization, items: Sequence[ClaimItem]) -> date:
    moments = [item.decided_at for item in items if item.decided_at is not None]
    return max(moments).astimezone(ZoneInfo(organization.timezone)).date()


def _day(day: date) -> str:
    return f"{day:%Y/%m/%d}"


LETTERS = (
    LetterTemplate("outcome", "Claim outcome", write_outcome),
    LetterTemplate("repudiation", "Decision with reasons", write_repudiation),
    own_words("claims"),
)
