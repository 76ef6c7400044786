"""Files that somebody sent, given out again to be saved or drawn anew, never as our own page."""

from functools import lru_cache
from uuid import UUID

from flask import Response

from insurance.audit_logs.services import record
from insurance.claims.models import ClaimDocument
from insurance.claims.queries import get_document
from insurance.core.db import db, transaction
from insurance.core.errors import NotFoundError
from insurance.core.files import read_file
from insurance.correspondence.services import read_document
from insurance.documents.picture import DrawingBusyError, pages_of, picture_of
from insurance.lapses.queries import get_notice


def send_claim_document(document_id: UUID) -> Response:
    """Return the file of a claim's document; the look is audited. Raises NotFoundError."""
    document, content = _read(document_id)
    _record(document)
    response = Response(content, mimetype=document.content_type)
    response.headers.set("Content-Disposition", "attachment", filename=document.file_name)
    return _private(response)


def send_record_document(document_id: UUID) -> Response:
    """Return a document of a record; the look is audited. Raises NotFoundError, ForbiddenError."""
    document, content = read_document(document_id)
    response = Response(content, mimetype=document.content_type)
    response.headers.set("Content-Disposition", "attachment", filename=document.file_name)
    return _private(response)


def send_notice_file(policy_id: UUID, notice_id: UUID) -> Response:
    """Return the file that proves a letter about a premium; the look is audited.

    Raises NotFoundError.
    """
    notice = get_notice(db.session(), policy_id, notice_id)
    if notice.file_key is None:
        raise NotFoundError("No file was kept of this letter.")
    response = Response(read_file(notice.file_key), mimetype="application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=notice.file_name)
    with transaction() as session:
        record(
            session,
            action="premium_notices.read_file",
            resource="policies",
            resource_id=policy_id,
            after={"notice_id": notice_id},
        )
    return _private(response)


def show_claim_document(document_id: UUID, page: int) -> Response:
    """Return a page of a document as a picture; the first look is audited.

    A page that cannot be drawn is a picture that says so. Raises NotFoundError for a page that
    the file does not have.
    """
    document, content = _read(document_id)
    if page > max(count_pages(document), 1):
        raise NotFoundError("The file has no such page.")
    if page == 1:
        _record(document)
    try:
        picture = picture_of(content, document.content_type or "", page)
    except DrawingBusyError:
        return _private(_words("Many files are being drawn now. Reload this page in a moment."))
    if picture is None:
        return _private(_words("This page cannot be shown. Save the file to look at it."))
    return _private(Response(picture, mimetype="image/png"))


def count_pages(document: ClaimDocument) -> int:
    """Return how many pages of a document can be shown, nought for none."""
    try:
        return _pages(document.org_id, document.file_key or "", document.content_type or "")
    except DrawingBusyError:
        return 1


@lru_cache(maxsize=4096)
def _pages(_org: UUID, key: str, content_type: str) -> int:
    return pages_of(read_file(key), content_type)


def _words(said: str) -> Response:
    return Response(_SAID.format(said=said), mimetype="image/svg+xml")


_SAID = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="595" height="120">'
    '<text x="16" y="64" font-family="sans-serif" font-size="16" fill="#18212e">{said}</text></svg>'
)
"""A picture of words of our own; nothing of the file is in it."""


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
