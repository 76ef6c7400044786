"""Documents of a record: adding a file, and saving one."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from flask_wtf.file import FileField, FileRequired

from insurance.blueprints.correspondence import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.files import MAX_FILE
from insurance.correspondence import services
from insurance.correspondence.permissions import CorrespondenceMay
from insurance.correspondence.queries import get_facts
from insurance.web.access import requires
from insurance.web.acts import act_screen
from insurance.web.correspondence import about_record, seen_kind
from insurance.web.documents import send_record_document
from insurance.web.forms import Form, TextField
from insurance.web.html import go


class FileForm(Form):
    """A file, and what it is."""

    file = FileField(
        "File",
        [FileRequired("Choose a file.")],
        description="PDF, JPEG or PNG, at most 20 MB.",
        render_kw={"accept": ".pdf,.jpg,.jpeg,.png"},
    )
    title = TextField(
        "What it is", longest=120, description="The file's name, unless you say more."
    )


@bp.app_url_value_preprocessor
def _allow_large_files(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    # Before anything reads the form; every other screen keeps the application's limit.
    if endpoint == "correspondence.add_document":
        request.max_content_length = MAX_FILE + 1024 * 1024


@bp.route("/<slug:resource>/<uuid:record_id>/documents/new", methods=["GET", "POST"])
@requires(CorrespondenceMay.WRITE)
def add_document(resource: str, record_id: UUID) -> Response:
    """Keep a file with a record; those of a claim are added on a screen of its own."""
    kind = seen_kind(resource)
    if kind.document_endpoint:
        get_facts(db.session(), resource, record_id)
        values: dict[str, Any] = {kind.id_name: record_id}
        return go(url_for(kind.document_endpoint, **values))
    act, form = about_record(resource, record_id, "Add a document", "Add document"), FileForm()
    return act_screen(
        act,
        form,
        lambda: services.add_document(
            resource,
            record_id,
            title=form.title.data or "",
            name=form.file.data.filename or "",
            content=form.file.data.read(),
            now=clock.now(),
        ),
        lambda document: f"{document.title} was added.",
    )


@bp.get("/documents/<uuid:record_document_id>/file")
@requires(CorrespondenceMay.VIEW)
def file(record_document_id: UUID) -> Response:
    """Send a document's file; the look is audited."""
    return send_record_document(record_document_id)
