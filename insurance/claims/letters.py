"""Letters about claims: what was decided, why, and what the claimant can do about it."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from insurance.claims import queries
from insurance.claims.models import ClaimDocument, ClaimItem, DocumentStatus
from insurance.claims.rules import DOCUMENTS, REASONS
from insurance.core.errors import ConflictError
from insurance.core.money import format_money
from insurance.documents.pdf import render
from insurance.organizations.models import Organization
from insurance.organizations.queries import find_parameter, get_organization
from insurance.policies.queries import get_policy
from insurance.products.queries import load_terms

_REASONS = {one.code: one for one in REASONS}


def repudiation_letter(session: Session, claim_id: UUID) -> bytes:
    """Return the letter that tells a claimant what was refused, as PDF.

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
    return render("repudiation.typ", values)


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
