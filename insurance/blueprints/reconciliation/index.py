"""The list of bank files."""

from flask import Response

from insurance.blueprints.reconciliation import bp
from insurance.core.db import db
from insurance.reconciliation import queries
from insurance.reconciliation.permissions import ReconciliationMay
from insurance.web import lists
from insurance.web.access import requires


@bp.route("", methods=["GET", "POST"])
@requires(ReconciliationMay.VIEW)
def index() -> Response:
    """List files, newest first, and say what waits in suspense."""
    waiting, amount = queries.sum_suspense(db.session())
    return lists.show(_FILES, "reconciliation/index.html", waiting=waiting, amount=amount)


_FILES = lists.ListScreen(
    title="Reconciliation",
    read=lists.paged(queries.list_files),
    record=("reconciliation.show", "file_id"),
    columns=lists.columns(
        "name: File | status: Status, tag, key | uploaded_at: Uploaded, moment",
        "uploaded_by: By, person, muted | row_count: Rows, number | money: Money in, money",
        "suspense: Suspense, number | errors: Errors, number",
        suspense=lambda file: file.rows_of("SUSPENSE"),
        errors=lambda file: file.rows_of("ERROR"),
    ),
    buttons=(
        lists.Button("Suspense", "reconciliation.suspense", icon="coins"),
        lists.new("Upload a file", "reconciliation.upload", ReconciliationMay.UPLOAD, "upload"),
    ),
    empty=lists.Empty(
        "There are no files yet",
        "A file says which premiums a bank received, and which came back.",
        "Upload the first one",
    ),
)
