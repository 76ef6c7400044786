"""Uploading a bank's file."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from flask_wtf.file import FileField, FileRequired

from insurance.blueprints.reconciliation import bp
from insurance.blueprints.reconciliation.mappings import ask
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.money import ZERO
from insurance.reconciliation import queries, services
from insurance.reconciliation.models import FileStatus
from insurance.reconciliation.permissions import ReconciliationMay
from insurance.reconciliation.readers import UnknownFileError
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import Form, MoneyField, TextField
from insurance.web.html import go, page, refuse
from insurance.web.parsing import MAX_UPLOAD


class UploadForm(Form):
    """A file, whom it is about, and what is too little to ask for."""

    file = FileField("File", [FileRequired("Choose a file.")])
    policy_number = TextField("Only for policy", longest=40)
    tolerance = MoneyField("Write off what is short by at most")


@bp.app_url_value_preprocessor
def _allow_large_files(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    # Before anything reads the form; every other screen keeps the application's limit.
    if endpoint == "reconciliation.upload":
        request.max_content_length = MAX_UPLOAD


@bp.route("/upload", methods=["GET", "POST"])
@requires(ReconciliationMay.UPLOAD)
def upload() -> Response:
    """Take a file in and show what would become of it; nothing is posted yet."""
    form = UploadForm()
    if request.method == "GET":
        form.policy_number.data = request.args.get("policy_number", "")[:40]
    if form.validate_on_submit():
        try:
            file = services.preview_upload(
                form.file.data.read(),
                form.file.data.filename or "",
                _policy_id(form.policy_number.data),
                on=business_day(),
                now=clock.now(),
                tolerance=form.tolerance.data or ZERO,
            )
        except UnknownFileError as unknown:
            return ask(unknown, form)
        except DomainError as error:
            refuse(form, error)
        else:
            is_old = file.status is FileStatus.COMMITTED
            said = "This file was posted before; nothing is posted again." if is_old else None
            return go(url_for(".show", file_id=file.id), said)
    return page("reconciliation/upload.html", status=form.status, form=form)


def _policy_id(number: str | None) -> UUID | None:
    if not number:
        return None
    found = queries.find_policies(db.session(), [number.upper()]).get(number.upper())
    if found is None:
        raise DomainError("There is no policy with this number.", field="policy_number")
    return found.id
