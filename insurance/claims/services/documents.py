"""Documents of a claim: asked for, sent, accepted or sent back. The clock follows them."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from uuid import UUID

from insurance.claims import queries
from insurance.claims.models import (
    Claim,
    ClaimDocument,
    ClaimStatus,
    DocumentStatus,
)
from insurance.claims.permissions import ClaimsMay
from insurance.claims.rules import DOCUMENTS, is_there
from insurance.claims.rules.documents import BANK_LETTER_DAYS
from insurance.claims.rules.statuses import UNDECIDED
from insurance.claims.services.clock import start_clock, stop_clock
from insurance.claims.services.facts import add_flag
from insurance.claims.services.history import Held, hold, require_reason, set_status, tell
from insurance.claims.services.mails import tell_claimant
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.files import keep_file
from insurance.core.ids import new_id
from insurance.documents.received import read_picture


def add_document(
    claim_id: UUID,
    *,
    document_type: str,
    name: str,
    content: bytes,
    issued_on: date | None = None,
    on: date,
    now: datetime,
) -> ClaimDocument:
    """Keep a file as a document of a claim; the last one that was missing starts the clock."""
    if document_type not in DOCUMENTS:
        raise DomainError("Choose a type of document from the list.", field="document_type")
    if issued_on is not None and issued_on > on:
        raise DomainError("A document cannot be from a day ahead.", field="issued_on")
    with transaction() as session:
        held = hold(session, claim_id, on=on, now=now)
        if held.claim.closed_at is not None:
            raise ConflictError("This claim is closed; reopen it first.")
        stored = keep_file(name, read_picture(content))
        document = _wanted(held, document_type)
        document.status = DocumentStatus.RECEIVED
        document.rejection_reason = None
        document.file_key, document.file_name = stored.key, stored.name
        document.content_type, document.size = stored.content_type, stored.size
        document.sha256 = stored.sha256
        document.issued_on = issued_on
        document.expires_on = _expiry(document_type, issued_on)
        document.uploaded_at, document.uploaded_by = now, current_actor().email
        session.flush()
        tell(
            held,
            "CLAIM_DOCUMENT_RECEIVED",
            f"{DOCUMENTS[document_type]} received",
            payload={"document_id": document.id, "name": stored.name, "sha256": stored.sha256},
            on_policy=False,
        )
        follow_documents(held)
        return document


def _wanted(held: Held, document_type: str) -> ClaimDocument:
    """Return the document that was asked for and is missing, or a new one."""
    for one in outstanding_documents(held, also_not_required=True):
        if one.document_type == document_type:
            return one
    document = ClaimDocument(
        id=new_id(), claim_id=held.claim.id, document_type=document_type, is_required=False
    )
    held.session.add(document)
    held.documents.append(document)
    return document


def _expiry(document_type: str, issued_on: date | None) -> date | None:
    if document_type != "BANK_LETTER" or issued_on is None:
        return None
    return issued_on + timedelta(days=BANK_LETTER_DAYS)


def review_document(
    document_id: UUID, *, accept: bool, reason: str = "", on: date, now: datetime
) -> ClaimDocument:
    """Accept a document, or send it back with why, which stops the clock."""
    with transaction() as session:
        document = queries.get_document(session, document_id)
        held = hold(session, document.claim_id, on=on, now=now)
        session.refresh(document)
        if document.status not in (DocumentStatus.RECEIVED, DocumentStatus.ACCEPTED):
            raise ConflictError("There is no file to look at.")
        if accept and document.expires_on is not None and document.expires_on < on:
            raise ConflictError(f"This document was good until {document.expires_on:%Y/%m/%d}.")
        document.status = DocumentStatus.ACCEPTED if accept else DocumentStatus.REJECTED
        document.rejection_reason = None if accept else require_reason(reason)
        document.reviewed_at, document.reviewed_by = now, current_actor().email
        session.flush()
        words = DOCUMENTS[document.document_type]
        tell(
            held,
            "CLAIM_DOCUMENT_ACCEPTED" if accept else "CLAIM_DOCUMENT_REJECTED",
            f"{words} {'accepted' if accept else 'sent back'}",
            reason=document.rejection_reason,
            payload={"document_id": document.id},
            on_policy=False,
        )
        if not accept:
            listed = f"- {words}: {document.rejection_reason}"
            tell_claimant(held, "claim_documents", documents=listed)
        follow_documents(held)
        return document


def request_document(
    claim_id: UUID, *, document_type: str, reason: str = "", on: date, now: datetime
) -> ClaimDocument:
    """Ask the claimant for one more document, which stops the clock until it comes."""
    if document_type not in DOCUMENTS:
        raise DomainError("Choose a type of document from the list.", field="document_type")
    with transaction() as session:
        held = hold(session, claim_id, on=on, now=now)
        if held.claim.status not in UNDECIDED:
            raise ConflictError(
                "This claim is decided.", detail={"current_status": held.claim.status}
            )
        document = ClaimDocument(
            id=new_id(),
            claim_id=claim_id,
            document_type=document_type,
            is_required=True,
            status=DocumentStatus.OUTSTANDING,
        )
        session.add(document)
        session.flush()
        words = DOCUMENTS[document_type]
        tell(held, "CLAIM_DOCUMENT_REQUESTED", f"{words} asked for",
             reason=reason.strip() or None, on_policy=False)  # fmt: skip
        tell_claimant(held, "claim_documents", documents=f"- {words}")
        follow_documents(held)
        return document


def waive_documents(held: Held, reason: str) -> None:
    """Do without what is outstanding: flagged, audited, by who may. Raises ForbiddenError."""
    if not current_actor().may(ClaimsMay.WAIVE_DOCUMENTS):
        raise ForbiddenError("You may not do without documents.")
    why = require_reason(reason, "waiver_reason")
    waived = []
    for document in outstanding_documents(held):
        document.status, document.rejection_reason = DocumentStatus.WAIVED, None
        waived.append(DOCUMENTS[document.document_type])
    if not waived:
        return
    held.claim.documents_waived_by = current_actor().email
    add_flag_once(held, "DOCUMENTS_WAIVED", f"Without {', '.join(waived)}: {why}")
    tell(held, "CLAIM_DOCUMENTS_WAIVED", f"Documents waived: {', '.join(waived)}", reason=why,
         payload={"waived": waived})  # fmt: skip
    follow_documents(held)


def add_flag_once(held: Held, code: str, detail: str) -> None:
    """Raise a sign that is not there yet."""
    if code not in {flag.code for flag in held.flags}:
        add_flag(held, code, detail)


def require_documents(held: Held, types: Collection[str]) -> None:
    """Require documents of these types: one that was sent already counts."""
    known = {one.document_type: one for one in held.documents}
    for one in types:
        if one in known:
            known[one].is_required = True
            continue
        document = ClaimDocument(
            id=new_id(),
            claim_id=held.claim.id,
            document_type=one,
            is_required=True,
            status=DocumentStatus.OUTSTANDING,
        )
        held.session.add(document)
        held.documents.append(document)


def outstanding_documents(held: Held, *, also_not_required: bool = False) -> list[ClaimDocument]:
    """Return the required documents that are missing, were sent back, or are no longer good."""
    return [
        document
        for document in held.documents
        if (document.is_required or also_not_required)
        and not is_there(document.status.value, document.expires_on, held.on)
    ]


def follow_documents(held: Held) -> None:
    """Let status and clock follow the documents of a claim that waits for its decision."""
    claim: Claim = held.claim
    if claim.status not in UNDECIDED:
        return
    if outstanding_documents(held):
        stop_clock(held)
        set_status(held, ClaimStatus.PENDING_DOCUMENTS)
        return
    if claim.documents_complete_at is None:
        start_clock(held)
        set_status(held, ClaimStatus.UNDER_ASSESSMENT)
        due = (claim.due_at or held.now) - timedelta(seconds=1)
        tell(held, "CLAIM_DOCUMENTS_COMPLETE", f"Documents complete; due {due:%Y/%m/%d}",
             payload={"due_at": claim.due_at})  # fmt: skip
        tell_claimant(held, "claim_complete", due_on=f"{due:%Y/%m/%d}")
