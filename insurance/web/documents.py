"""Files that somebody sent, given out again to be saved or drawn anew, never as our own page."""

from uuid import UUID

from flask import Response

from insurance.audit_logs.services import record
from insurance.claims.models import ClaimDocument
from insurance.claims.queries import get_document
from insurance.core.db import db, transaction
from insurance.core.errors import NotFoundError
from insurance.core.files import read_file
from insurance.documents.picture import picture_of


def send_claim_document(document_id: UUID) -> Response:
    """Return the file of a claim's document; the look is audited. Raises NotFoundError."""
    document, content = _read(document_id)
    _record(document)
    response = Response(content, mimetype=document.content_type)
    response.headers.set("Content-Disposition", "attachment", filename=document.file_name)
    return _private(response)


def show_claim_document(document_id: UUID, page: int) -> Response:
    """Return a page of a document as a picture; the first look is audited.

    Raises NotFoundError where the file has no such page, or cannot be drawn.
    """
    document, content = _read(document_id)
    picture = picture_of(content, document.content_type or "", page)
    if picture is None:
        raise NotFoundError("This page cannot be shown.")
    if page == 1:
        _record(document)
    return _private(Response(picture, mimetype="image/png"))


def _read(document_id: UUID) -> tuple[ClaimDocument, bytes]:
    document = get_document(db.session(), document_id)
    if document.file_key is None:
        raise NotFoundError("No file has been sent.")
    return document, read_file(document.file_key)


def _record(document: ClaimDocument) -> None:
    with transaction() as session:
        record(
            session,
            action="claims.read_document",
            resource="claims",
            resource_id=document.claim_id,
            after={"document_id": document.id},
        )


def _private(response: Response) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
