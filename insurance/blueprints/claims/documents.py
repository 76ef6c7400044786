"""Documents of a claim: sending one, looking at one, asking for one."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from flask_wtf.file import FileField, FileRequired

from insurance.blueprints.claims import bp
from insurance.blueprints.claims.act import on_claim
from insurance.blueprints.claims.show import paper, paper_page
from insurance.claims import queries, services
from insurance.claims.permissions import ClaimsMay
from insurance.claims.rules import DOCUMENTS, documents_for
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.files import MAX_FILE
from insurance.policies.queries import get_policy
from insurance.products.queries import load_terms
from insurance.web.access import requires
from insurance.web.acts import act_screen
from insurance.web.business import business_day
from insurance.web.documents import send_claim_document, show_claim_document
from insurance.web.filters import moment
from insurance.web.forms import ChoiceField, DayField, Form, Required, TextField
from insurance.web.html import go, page, refuse
from insurance.web.people import person


class DocumentForm(Form):
    """A file, and what it is."""

    file = FileField("File", [FileRequired("Choose a file.")])
    document_type = ChoiceField("What it is", choices=())
    issued_on = DayField("Day of the document")


class ReviewForm(Form):
    """Why a document will not do."""

    reason = TextField(
        "What is wrong with it",
        longest=500,
        description="The claimant is told this when it is sent back.",
    )


class AskForm(Form):
    """What is still needed."""

    document_type = ChoiceField("Document", [Required()], choices=())
    reason = TextField("Why", longest=500)


def _choices(line: queries.ClaimLine) -> list[tuple[str, str]]:
    """Return the types of documents that a claim may have."""
    policy = get_policy(db.session(), line.claim.policy_id)
    terms = load_terms(db.session(), policy.product_version_id)
    return list(documents_for(insures_persons=terms.insures_persons).items())


@bp.app_url_value_preprocessor
def _allow_large_files(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    # Before anything reads the form; every other screen keeps the application's limit.
    if endpoint == "claims.add_document":
        request.max_content_length = MAX_FILE + 1024 * 1024


@bp.route("/<uuid:claim_id>/documents/new", methods=["GET", "POST"])
@requires(ClaimsMay.SUBMIT)
def add_document(claim_id: UUID) -> Response:
    """Send a document of a claim."""
    line = queries.get_claim_line(db.session(), claim_id)
    form = DocumentForm()
    form.document_type.choices = _choices(line)
    if request.method == "GET" and request.args.get("type") in DOCUMENTS:
        form.document_type.data = request.args["type"]
    if form.validate_on_submit():
        try:
            services.add_document(
                claim_id,
                document_type=form.document_type.data or "",
                name=form.file.data.filename or "",
                content=form.file.data.read(),
                issued_on=form.issued_on.data,
                on=business_day(),
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for(".show", claim_id=claim_id), "The document was received.")
    return page(
        "claims/document.html",
        status=form.status,
        form=form,
        claim=line.claim,
    )


@bp.route("/<uuid:claim_id>/documents/ask", methods=["GET", "POST"])
@requires(ClaimsMay.ASSESS)
def ask_for_document(claim_id: UUID) -> Response:
    """Ask the claimant for one more document."""
    line = queries.get_claim_line(db.session(), claim_id)
    form = AskForm()
    form.document_type.choices = _choices(line)
    return act_screen(
        on_claim(
            line,
            "Ask for a document",
            "Ask for document",
            says="The claimant is asked by mail. The clock stands still until it comes.",
        ),
        form,
        lambda: services.request_document(
            claim_id,
            document_type=form.document_type.data or "",
            reason=form.reason.data or "",
            on=business_day(),
            now=clock.now(),
        ),
        "The document was asked for; the clock stands still until it comes.",
    )


@bp.route("/documents/<uuid:document_id>/review", methods=["GET", "POST"])
@requires(ClaimsMay.ASSESS)
def review_document(document_id: UUID) -> Response:
    """Accept a document, or send it back."""
    session = db.session()
    document = queries.get_document(session, document_id)
    line = queries.get_claim_line(session, document.claim_id)
    form, accept = ReviewForm(), request.form.get("verdict") == "accept"
    sender = f", {person(document.uploaded_by)}" if document.uploaded_by else ""
    act = on_claim(
        line,
        f"Look at {DOCUMENTS[document.document_type]}",
        "Accept document",
        facts=[
            ("File", document.file_name),
            ("Received", f"{moment(document.uploaded_at)}{sender}"),
            ("Good until", document.expires_on),
        ],
    )
    return act_screen(
        act,
        form,
        lambda: services.review_document(
            document_id,
            accept=accept,
            reason=form.reason.data or "",
            on=business_day(),
            now=clock.now(),
        ),
        "The document was accepted." if accept else "The document was sent back.",
        template="claims/review_document.html",
        claim=line.claim,
        document_names=DOCUMENTS,
        **paper(document),
    )


@bp.route("/documents/<uuid:document_id>/file")
@requires(ClaimsMay.VIEW)
def document_file(document_id: UUID) -> Response:
    """Send a document's file to be saved."""
    return send_claim_document(document_id)


@bp.route("/documents/<uuid:document_id>/picture")
@requires(ClaimsMay.VIEW)
def document_picture(document_id: UUID) -> Response:
    """Send a page of a document as a picture."""
    return show_claim_document(document_id, paper_page())
