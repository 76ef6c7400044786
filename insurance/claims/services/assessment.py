"""Deciding a claim, item by item, within the assessor's authority."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from insurance.audit_logs.rules import plain
from insurance.claims import queries
from insurance.claims.letters import repudiation_letter
from insurance.claims.models import (
    Claim,
    ClaimItem,
    ClaimStatus,
    Decision,
    DocumentStatus,
    EntryKind,
)
from insurance.claims.permissions import ClaimsMay
from insurance.claims.rules import (
    AuthorityExceededError,
    Reason,
    document_types,
    find_reason,
    read_cause,
    status_after_assessment,
    status_after_payment,
)
from insurance.claims.rules.statuses import UNDECIDED
from insurance.claims.services.authority import require_authority
from insurance.claims.services.documents import (
    outstanding_documents,
    require_documents,
    waive_documents,
)
from insurance.claims.services.facts import refresh
from insurance.claims.services.history import (
    Held,
    hold,
    require_person,
    set_status,
    tell,
)
from insurance.claims.services.mails import in_rand, tell_claimant
from insurance.claims.services.money import add_entry, set_reserve
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, raise_all
from insurance.core.money import ZERO, format_money, total
from insurance.correspondence.services import keep_letter
from insurance.notifications.services import About
from insurance.products.rules import ProductTerms

EX_GRATIA = "EX_GRATIA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What an assessor makes of an item: how much in all, and why. Nought refuses it."""

    item_id: UUID
    approved_amount: Decimal
    reason: str
    notes: str | None = None
    findings: str | None = None


def assess_claim(
    claim_id: UUID,
    assessments: Sequence[Assessment],
    *,
    cause: str | None = None,
    documents_waived: bool = False,
    waiver_reason: str = "",
    version: int | None = None,
    on: date,
    now: datetime,
) -> Claim:
    """Decide items of a claim; with the last one the claim is decided.

    `cause` states what caused the event where that was not known, or corrects it.

    Above the assessor's limit the claim waits for somebody who may, with the proposal kept:
    raises AuthorityExceededError. Raises ConflictError for what is decided already or no longer
    covered, DomainError at what cannot be.
    """
    require_person()
    try:
        # What is read does not depend on what is decided, so all of it is written at the end.
        with transaction() as session, session.no_autoflush:
            held = hold(session, claim_id, on=on, now=now, version=version)
            held.read_parts()
            if cause is not None:
                state_cause(held, cause)
            _assess(held, assessments, documents_waived, waiver_reason)
            return held.claim
    except AuthorityExceededError as exceeded:
        _escalate(claim_id, assessments, exceeded, cause=cause, on=on, now=now)
        raise


def state_cause(held: Held, cause: str) -> None:
    """Say what caused the event. Documents that the cause asks for are required from now on."""
    claim = held.claim
    before, after = claim.cause, read_cause(cause, held.terms.category)
    if after == before:
        return
    claim.cause = after
    require_documents(held, document_types(claim.claim_type, after))
    tell(
        held,
        "CLAIM_CAUSE_STATED",
        f"The cause is {after.replace('_', ' ').lower()}",
        before={"cause": before},
        payload={"cause": after},
    )


def _assess(
    held: Held, assessments: Sequence[Assessment], waives: bool, waiver_reason: str
) -> None:
    claim = held.claim
    if claim.status not in UNDECIDED:
        raise ConflictError(
            f"This claim is {claim.status.replace('_', ' ').lower()}; it cannot be assessed now.",
            detail={"current_status": claim.status.value},
        )
    items = {item.id: item for item in held.items}
    benefit_ids = [item.policy_benefit_id for item in held.items]
    used, money = queries.cover_and_money(held.session, claim.id, benefit_ids, claim.member_id)
    refresh(held, used)
    _check_items(assessments, items)
    reasons = [_reason(held.terms, one, place) for place, one in enumerate(assessments)]
    _check_amounts(assessments, items, reasons)
    approves = any(assessment.approved_amount > ZERO for assessment in assessments)
    if waives:
        waive_documents(held, waiver_reason)
    missing = [document.document_type for document in outstanding_documents(held)]
    if approves and missing:
        raise ConflictError(
            "Documents are outstanding, so nothing can be approved yet.",
            detail={"outstanding": missing},
        )
    _check_authority(held, assessments, items)
    for one, reason in zip(assessments, reasons, strict=True):
        _decide(held, items[one.item_id], one, reason, money)
    if approves:
        _accept_documents(held)
    _conclude(held, assessments)


def _check_items(assessments: Sequence[Assessment], items: dict[UUID, ClaimItem]) -> None:
    if not assessments:
        raise DomainError("Decide at least one item.", field="benefit_assessments")
    errors, seen = [], set()
    for place, one in enumerate(assessments):
        field = f"benefit_assessments.{place}.claim_benefit_item_id"
        item = items.get(one.item_id)
        if item is None:
            errors.append(DomainError("This is not an item of the claim.", field=field))
        elif one.item_id in seen:
            errors.append(DomainError("Decide an item once.", field=field))
        elif item.decision is not None:
            raise ConflictError(
                f"{item.benefit_name} is decided already.",
                field=field,
                detail={"decision": item.decision.value},
            )
        seen.add(one.item_id)
    raise_all(errors)


def _reason(terms: ProductTerms, one: Assessment, place: int) -> Reason:
    return find_reason(
        one.reason,
        terms.class_code,
        terms.category,
        rejects=one.approved_amount == ZERO,
        field=f"benefit_assessments.{place}.decision_reason",
    )


def _check_amounts(
    assessments: Sequence[Assessment],
    items: dict[UUID, ClaimItem],
    reasons: Sequence[Reason],
) -> None:
    for place, (one, reason) in enumerate(zip(assessments, reasons, strict=True)):
        field = f"benefit_assessments.{place}.approved_amount"
        item = items[one.item_id]
        if one.approved_amount < ZERO:
            raise DomainError("Enter nought or more.", field=field)
        if one.approved_amount < item.paid_amount:
            raise ConflictError(
                f"{format_money(item.paid_amount)} of it is paid already.", field=field
            )
        most = item.claimed_amount if reason.code == EX_GRATIA else item.payable_amount
        if one.approved_amount > min(item.claimed_amount, item.remaining_cover):
            raise ConflictError(
                f"{format_money(item.remaining_cover)} remains of the cover and"
                f" {format_money(item.claimed_amount)} is claimed.",
                field=field,
                detail={"remaining_cover": item.remaining_cover},
            )
        if one.approved_amount > most:
            raise ConflictError(
                f"By the checks {format_money(most)} is payable. More is ex gratia.",
                field=field,
                detail={"payable": most},
            )


def _check_authority(
    held: Held, assessments: Sequence[Assessment], items: dict[UUID, ClaimItem]
) -> None:
    wanted = {assessment.item_id: assessment.approved_amount for assessment in assessments}
    approved = {item.id: wanted.get(item.id, item.approved_amount) for item in items.values()}
    if not any(wanted.values()):
        return
    require_authority(
        held.session,
        ClaimsMay.ASSESS,
        transaction_amount=total(wanted.values()),
        benefits=approved.values(),
        claim_amount=total(approved.values()),
    )


def _decide(
    held: Held,
    item: ClaimItem,
    one: Assessment,
    reason: Reason,
    money: Mapping[UUID, queries.ItemMoney],
) -> None:
    change = one.approved_amount - item.approved_amount
    add_entry(held, item, EntryKind.APPROVED, change, reason.words)
    item.approved_amount = one.approved_amount
    item.decision = _decision(item)
    item.reason_code = reason.code
    item.notes = (one.notes or "").strip() or None
    item.findings = (one.findings or "").strip() or None
    item.decided_by = require_person()
    item.decided_by_email = current_actor().email
    item.decided_at = held.now
    wanted = item.approved_amount - item.paid_amount
    set_reserve(held, item, wanted, f"Decided: {reason.words}", money)


def _decision(item: ClaimItem) -> Decision:
    if item.approved_amount == ZERO:
        return Decision.REJECTED
    if item.approved_amount < item.due_at_most:
        return Decision.PARTIALLY_APPROVED
    return Decision.APPROVED


def _accept_documents(held: Held) -> None:
    for document in held.documents:
        if document.status is DocumentStatus.RECEIVED:
            document.status = DocumentStatus.ACCEPTED
            document.reviewed_at, document.reviewed_by = held.now, current_actor().email


def _conclude(held: Held, assessments: Sequence[Assessment]) -> None:
    claim, items = held.claim, held.items
    decided = status_after_assessment(
        [
            (item.due_at_most, None if item.decision is None else item.approved_amount)
            for item in items
        ]
    )
    paid = [(item.approved_amount, item.paid_amount) for item in items]
    is_decided = decided != "UNDER_ASSESSMENT"
    status = status_after_payment(decided, paid) if is_decided else decided
    set_status(held, ClaimStatus(status))
    claim.escalated_at = claim.escalated_by = claim.proposal = None
    if is_decided:
        claim.decided_at, claim.decided_on = held.now, held.on
    approved = total(item.approved_amount for item in items)
    words = {"REJECTED": "Rejected", "UNDER_ASSESSMENT": "Some items decided"}.get(
        decided, f"Approved for {format_money(approved)}"
    )
    event = "CLAIM_REJECTED" if decided == "REJECTED" else "CLAIM_ASSESSED"
    tell(
        held,
        event,
        words,
        payload={
            "approved": approved,
            "items": [
                {
                    "item_id": item.id,
                    "approved": item.approved_amount,
                    "reason": item.reason_code,
                    "decision": item.decision,
                }
                for item in items
                if item.id in {each.item_id for each in assessments}
            ],
        },
    )
    if is_decided:
        _tell_decision(held, approved)


def _tell_decision(held: Held, approved: Decimal) -> None:
    if any(item.is_cut for item in held.items):
        if held.claim.claimant_email:
            letter = repudiation_letter(held.session, held.claim.id)
            number = held.claim.claim_number
            kept = keep_letter(
                held.session,
                About("claims", held.claim.id, held.policy.customer_id),
                letter,
                title="Decision with reasons",
                letter="repudiation",
                number=number,
                now=held.now,
            )
            tell_claimant(
                held,
                "claim_repudiated",
                attachment=(f"{number}-decision.pdf", letter),
                document_id=kept.id,
            )
        return
    tell_claimant(held, "claim_approved", amount=in_rand(approved))


def _escalate(
    claim_id: UUID,
    assessments: Sequence[Assessment],
    exceeded: AuthorityExceededError,
    *,
    cause: str | None,
    on: date,
    now: datetime,
) -> None:
    """Keep what was proposed for somebody with more authority."""
    with transaction() as session:
        held = hold(session, claim_id, on=on, now=now)
        claim = held.claim
        if claim.status not in UNDECIDED:
            return
        if cause is not None:
            state_cause(held, cause)
        claim.escalated_at, claim.escalated_by = now, require_person()
        claim.proposal = plain(
            {
                "assessments": [asdict(assessment) for assessment in assessments],
                "by": current_actor().email,
                **exceeded.detail,
            }
        )
        tell(
            held,
            "CLAIM_ESCALATED",
            exceeded.message,
            payload={name: value for name, value in exceeded.detail.items() if name != "code"},
        )
