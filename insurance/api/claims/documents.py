"""Documents, letters and notes of claims."""

from typing import Annotated, Any
from uuid import UUID

from flask import Response
from pydantic import Field, StrictBool

from insurance.api.claims.shared import ONE, TAG, ClaimNoteAnswer, Code, DocumentAnswer
from insurance.api.edge import (
    Body,
    Sent,
    endpoint,
)
from insurance.claims import letters, services
from insurance.claims.permissions import ClaimsMay
from insurance.core import clock
from insurance.core.db import db
from insurance.correspondence.models import NoteKind
from insurance.web.business import business_day
from insurance.web.documents import send_claim_document
from insurance.web.parsing import Day, Words


class DocumentBody(Body):
    """What the file is."""

    document_type: Code
    issued_on: Day | None = None


class RequestDocumentBody(Body):
    """What is needed."""

    document_type: Code
    reason: Annotated[Words, Field(max_length=500)] = ""


class ReviewBody(Body):
    """Whether a document will do."""

    accept: StrictBool
    reason: Annotated[Words, Field(max_length=500)] = ""


class ClaimNoteBody(Body):
    """A note, a comment, words to the claimant, or a task."""

    kind: NoteKind = NoteKind.COMMENT
    text: Annotated[Words, Field(min_length=1, max_length=4000)]
    due_on: Day | None = None


@endpoint("POST", f"{ONE}/documents", may=ClaimsMay.SUBMIT, upload=DocumentBody,
          answer=DocumentAnswer, status=201, tag=TAG)  # fmt: skip
def add_claim_document(claim_id: UUID, body: DocumentBody, sent: Sent) -> Any:
    """Send a PDF, JPEG or PNG of at most 20 MB as a document of a claim."""
    return services.add_document(
        claim_id,
        document_type=body.document_type,
        name=sent.name,
        content=sent.content,
        issued_on=body.issued_on,
        on=business_day(),
        now=clock.now(),
    )


@endpoint("POST", f"{ONE}/documents/request", may=ClaimsMay.ASSESS, body=RequestDocumentBody,
          answer=DocumentAnswer, status=201, tag=TAG)  # fmt: skip
def request_claim_document(claim_id: UUID, body: RequestDocumentBody) -> Any:
    """Ask the claimant for one more document; the clock stops until it comes."""
    return services.request_document(
        claim_id,
        document_type=body.document_type,
        reason=body.reason,
        on=business_day(),
        now=clock.now(),
    )


@endpoint("PUT", "/claim-documents/<uuid:document_id>", may=ClaimsMay.ASSESS, body=ReviewBody,
          answer=DocumentAnswer, tag=TAG)  # fmt: skip
def review_claim_document(document_id: UUID, body: ReviewBody) -> Any:
    """Accept a document, or send it back with why."""
    return services.review_document(
        document_id, accept=body.accept, reason=body.reason, on=business_day(), now=clock.now()
    )


@endpoint("GET", "/claim-documents/<uuid:document_id>/file", may=ClaimsMay.VIEW, answer=bytes,
          media=("application/pdf", "image/jpeg", "image/png"), tag=TAG)  # fmt: skip
def get_claim_document_file(document_id: UUID) -> Response:
    """Return a document's file; the look is audited."""
    return send_claim_document(document_id)


@endpoint("GET", f"{ONE}/letter", may=ClaimsMay.VIEW, answer=bytes,
          media=("application/pdf",), tag=TAG)  # fmt: skip
def get_claim_letter(claim_id: UUID) -> Response:
    """Return the letter that says what was refused and why, as PDF."""
    response = Response(
        letters.repudiation_letter(db.session(), claim_id), mimetype="application/pdf"
    )
    response.headers.set("Content-Disposition", "attachment", filename="decision.pdf")
    response.headers["Cache-Control"] = "no-store"
    return response


@endpoint("POST", f"{ONE}/notes", may=ClaimsMay.SUBMIT, body=ClaimNoteBody,
          answer=ClaimNoteAnswer, status=201, tag=TAG)  # fmt: skip
def add_claim_note(claim_id: UUID, body: ClaimNoteBody) -> Any:
    """Add a note, a comment, a task, or words that the claimant gets by mail."""
    return services.add_note(
        claim_id,
        kind=body.kind,
        text=body.text,
        due_on=body.due_on,
        on=business_day(),
        now=clock.now(),
    )


@endpoint("POST", "/claim-notes/<uuid:note_id>/done", may=ClaimsMay.SUBMIT,
          answer=ClaimNoteAnswer, tag=TAG)  # fmt: skip
def finish_claim_task(note_id: UUID) -> Any:
    """Mark a task as done."""
    return services.finish_task(note_id, on=business_day(), now=clock.now())
