"""A bank's file: verdicts before it is posted, progress while it is, a report after."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, make_response, request, url_for

from insurance.blueprints.reconciliation import bp
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.policies.queries import get_policy
from insurance.reconciliation import queries, services
from insurance.reconciliation.models import FileStatus, ReconciliationFile, ReconciliationRow
from insurance.reconciliation.permissions import ReconciliationMay
from insurance.reconciliation.rules import FileFormat, RowVerdict
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.exports import export
from insurance.web.filters import dated
from insurance.web.forms import Form, reason_field
from insurance.web.html import go, page, wants_part

ROWS = 50
MEANINGS = {
    RowVerdict.MATCHED: "settles a premium exactly",
    RowVerdict.PARTIAL: "less than the premium; the rest stays open",
    RowVerdict.OVERPAID: "more than the oldest premium; settles the next, then becomes credit",
    RowVerdict.DUPLICATE: "posted before; not posted again",
    RowVerdict.SUSPENSE: "kept until somebody decides what it is for",
    RowVerdict.REVERSAL: "came back; what it had settled opens again",
    RowVerdict.IGNORED: "no premium, such as a fee, a transfer or interest; not posted",
    RowVerdict.ERROR: "cannot be read; not posted",
}
_HEADER = (
    "Line",
    "Verdict",
    "What became of it",
    "Policy",
    "Due",
    "Paid",
    "Amount",
    "Reference",
    "Status",
    "Reason",
    "State",
    "Type",
    "Bank's number",
    "Description",
)


KINDS = {
    FileFormat.CSV: "CSV with our columns",
    FileFormat.XLSX: "Excel with our columns",
    FileFormat.STATEMENT: "Bureau's bulk statement",
    FileFormat.MERCHANT_STATEMENT: "Bureau's statement of one merchant",
    FileFormat.EFT_OUTPUT: "EFT output: debits that came back",
    FileFormat.MT940: "MT940 statement",
    FileFormat.CAMT053: "CAMT.053 statement",
    FileFormat.OFX: "OFX statement",
    FileFormat.QIF: "QIF statement",
    FileFormat.FNB: "FNB download",
    FileFormat.ABSA: "Absa download",
    FileFormat.STANDARD_BANK: "Standard Bank download",
    FileFormat.NEDBANK: "Nedbank download",
    FileFormat.CAPITEC: "Capitec download",
    FileFormat.MAPPED: "Table with a saved mapping",
}
SAYS = "Each row is decided again as it is posted, by what is owed then."
_AMOUNTS = ("opening", "moved", "closing", "stated_total")


class CommitForm(Form):
    """The consent to post a file."""


class OtherMoneyForm(Form):
    """How it is known that a row is other money."""

    reason = reason_field("Kept in the audit log.")


@bp.route("/<uuid:file_id>", methods=["GET", "POST"])
@requires(ReconciliationMay.VIEW)
def show(file_id: UUID) -> Response:
    """Show a file; `verdict` chooses its rows."""
    file = queries.get_file(db.session(), file_id)
    return lists.show(_rows(file), "reconciliation/show.html", **_context(file))


@bp.post("/<uuid:file_id>/commit")
@requires(ReconciliationMay.UPLOAD)
def commit(file_id: UUID) -> Response:
    """Post a file, at once or as a job."""
    file = queries.get_file(db.session(), file_id)
    back = url_for(".show", file_id=file_id)
    crumbs = [("Reconciliation", url_for(".index")), (file.name, back)]
    return act_screen(
        Act(f"Post {file.name}", "Post file", back, crumbs, file.status, says=SAYS),
        CommitForm(),
        lambda: services.commit_file(file_id, on=business_day(), now=clock.now()),
        lambda posted: "The file was posted." if posted.status is FileStatus.COMMITTED else "",
    )


@bp.route("/<uuid:file_id>/rows/<int:line>/other-money", methods=["GET", "POST"])
@requires(ReconciliationMay.UPLOAD)
def other_money(file_id: UUID, line: int) -> Response:
    """Ask why, then post a row that was taken for a duplicate."""
    session, form = db.session(), OtherMoneyForm()
    file, row = queries.get_file(session, file_id), queries.get_row(session, file_id, line)
    back = url_for(".show", file_id=file_id)
    act = Act(
        f"Line {line} is other money",
        "Post as other money",
        back,
        [("Reconciliation", url_for(".index")), (file.name, back)],
        facts=[
            ("Policy", row.policy_number),
            ("Amount", row.amount),
            ("Paid", dated(row.paid_text)),
            ("Reference", row.reference),
        ],
        says="This row was taken for a payment that came before. Where the bank's statement shows"
        " both, the money is other money: it is posted now, on the day it was paid, to the policy"
        " that it names. Without such a policy it waits in suspense.",
        stops=_why_not_other(file, row),
    )
    return act_screen(
        act,
        form,
        lambda: services.post_other_money(
            file_id, line, reason=form.reason.data or "", on=business_day(), now=clock.now()
        ),
        lambda posted: f"Line {line} was posted: {posted.detail}",
    )


def _why_not_other(file: ReconciliationFile, row: ReconciliationRow) -> str:
    if file.status is not FileStatus.COMMITTED:
        return "Post the file first; its rows are decided anew then."
    if row.verdict is not RowVerdict.DUPLICATE or not row.is_receipt:
        return "This row is no duplicate of money that came in."
    return ""


@bp.get("/<uuid:file_id>/progress")
@requires(ReconciliationMay.VIEW)
def progress(file_id: UUID) -> Response:
    """Show how far the posting is; the page asks again and again while there is something to do."""
    file = queries.get_file(db.session(), file_id)
    if not wants_part():
        return go(url_for(".show", file_id=file_id))
    tag = _tag(file)
    if request.headers.get("HX-PTag") == tag:
        response = make_response("", 304)
    else:
        response = page("reconciliation/show.html", part="progress", file=file, **_progress(file))
    response.headers["HX-PTag"] = tag
    return response


@bp.post("/<uuid:file_id>/export")
@requires(ReconciliationMay.VIEW)
def export_rows(file_id: UUID) -> Response:
    """Send what became of each row as CSV or Excel; the audit log says so."""
    session = db.session()
    file = queries.get_file(session, file_id)
    rows = (
        (
            row.line,
            row.verdict,
            row.detail,
            row.policy_number,
            row.due_text,
            row.paid_text,
            row.amount if row.amount is not None else row.amount_text,
            row.reference,
            row.status_text,
            row.reason_code,
            row.state,
            row.line_type,
            row.bank_reference,
            row.description,
        )
        for row in queries.read_rows(session, file_id)
    )
    return export(
        request.form.get("kind", ""),
        f"reconciliation-{file.uploaded_at:%Y-%m-%d}-{file.file_hash[:8]}",
        _HEADER,
        rows,
        action="reconciliation.export",
        resource="reconciliation_files",
        resource_id=str(file_id),
    )


def _context(file: ReconciliationFile) -> dict[str, Any]:
    session = db.session()
    return {
        "file": file,
        "policy": get_policy(session, file.policy_id) if file.policy_id else None,
        "form": CommitForm(),
        "money": queries.get_file_money(session, file.id),
        "can_commit": file.status in (FileStatus.PREVIEWED, FileStatus.FAILED),
        "kind": KINDS[file.format],
        "amounts": {name: Decimal(file.reading[name]) for name in _AMOUNTS if name in file.reading},
        "meanings": MEANINGS,
        "says": SAYS,
        **_progress(file),
    }


def _progress(file: ReconciliationFile) -> dict[str, Any]:
    return {"tag": _tag(file), "per_cent": 100 * file.rows_done // max(file.row_count, 1)}


def _rows(file: ReconciliationFile) -> lists.ListScreen:
    counts = {verdict: file.rows_of(verdict) for verdict in MEANINGS}

    def outcome(row: queries.RowLine) -> list[lists.Cell]:
        says = lists.Cell(row.detail, note=row.caution)
        is_posted, may = file.status is FileStatus.COMMITTED, current_actor().may
        if not (is_posted and row.verdict == RowVerdict.DUPLICATE and row.is_receipt):
            return [says]
        url = url_for(".other_money", file_id=file.id, line=row.line)
        act = lists.Cell("This is other money…", url, is_act=True, opens_beside=True)
        return [says, act] if may(ReconciliationMay.UPLOAD) else [says]

    return lists.ListScreen(
        title=file.name,
        caption="Rows of the file in their order",
        crumbs=[("Reconciliation", "reconciliation.index")],
        status=file.status,
        read=lambda session, wanted: queries.list_rows(session, wanted.within(file=file.id)),
        tabs=lambda _: lists.tabs_of(
            (one for one in MEANINGS if counts[one]), counts, every=file.row_count
        ),
        tab_name="verdict",
        fields=(
            lists.policy_field(),
            lists.Field("reference", "Reference"),
        ),
        columns=lists.columns(
            "line: Line, number, sorts | policy_number: Policy | amount: Amount, money, sorts, key",
            "paid_text: Paid | reference: Reference, muted, wrapped | verdict: Verdict, tag, key",
            "outcome: What becomes of it, wrapped | due_text: Due, extra | status_text: Status, extra",
            "reason_code: Reason, extra | bank_reference: Bank's number, extra",
            amount=lambda row: row.amount if row.amount is not None else _unreadable(row),
            paid_text=lambda row: dated(row.paid_text),
            reference=lambda row: lists.Cell(row.reference, note=_description(row)),
            outcome=outcome,
        ),
        empty=lists.Empty("The file has no rows", "What it says stands above."),
        none_in_tab="No row has this verdict",
        none_match="No row matches",
        file=f"rows-{file.uploaded_at:%Y-%m-%d}-{file.file_hash[:8]}",
        rows=ROWS,
    )


def _unreadable(row: queries.RowLine) -> lists.Cell:
    return lists.Cell(note=row.amount_text)


def _description(row: queries.RowLine) -> str:
    return row.description if row.description != row.reference else ""


def _tag(file: ReconciliationFile) -> str:
    return f"{file.status}-{file.rows_done}"
