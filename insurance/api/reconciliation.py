"""Bank files in the API: uploaded, posted, read back; and money that waits for its policy."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from insurance.api.edge import Answer, Body, ListQuery, Reply, Sent, endpoint, listing
from insurance.billing.models import Receipt
from insurance.core import clock
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.reconciliation import queries, services
from insurance.reconciliation.models import FileStatus, ReconciliationFile
from insurance.reconciliation.permissions import ReconciliationMay
from insurance.reconciliation.rules import FileFormat, LineType, RowVerdict
from insurance.web.business import business_day
from insurance.web.parsing import Day, Money, Words

TAG = "Reconciliation"


class UploadBody(Body):
    """Whether the file is posted; without, nothing but the verdicts is kept.

    A file of more than 500 rows is posted in the background: ask for it again.
    """

    commit: bool = False


class MatchBody(Body):
    """The policy that the money is for."""

    policy_id: UUID


class ReturnBody(Body):
    """Why the money goes back."""

    reason: Annotated[Words, Field(min_length=1, max_length=500)]


class SamePaymentBody(Body):
    """The payment before, `receipt_id`, and how it is known to be the same."""

    receipt_id: UUID
    reason: Annotated[Words, Field(min_length=1, max_length=500)]


class OtherMoneyBody(Body):
    """How it is known that the money is other money."""

    reason: Annotated[Words, Field(min_length=1, max_length=500)]


class FileRowAnswer(Answer):
    """What became of a row. A row that could not be read has no amount.

    A line that was ignored has a minus where money went out.
    """

    line: int
    verdict: RowVerdict
    detail: str
    policy_number: str
    amount: Money | None
    line_type: LineType
    bank_reference: str | None
    caution: str


class FileTotalAnswer(Answer):
    """Rows with one verdict, and their amount."""

    rows: int
    amount: Money


class FileMoneyAnswer(Answer):
    """What the rows say came in, and where it is: received is what the others add up to."""

    received: Money
    posted: Money
    suspense: Money
    duplicates: Money
    not_posted: Money
    unreadable: int


class UploadAnswer(Answer):
    """A file, row by row. `committed`: all of it has been posted; null while it is being
    posted.

    `encoding` is that of a text; `notes` say what a person should know, such as a total that
    differs from the sum of the rows.
    """

    file_id: UUID
    file_hash: str
    format: FileFormat
    encoding: str | None
    notes: list[str]
    status: FileStatus
    rows: list[FileRowAnswer]
    totals: dict[RowVerdict, FileTotalAnswer]
    money: FileMoneyAnswer
    committed: bool | None


class FileAnswer(Answer):
    """A file and how far it is."""

    id: UUID
    name: str
    file_hash: str
    format: FileFormat
    policy_id: UUID | None
    status: FileStatus
    row_count: int
    rows_done: int
    totals: dict[RowVerdict, FileTotalAnswer]
    uploaded_at: datetime
    uploaded_by: str
    committed_at: datetime | None
    committed_by: str | None
    error: str | None


class SuggestionAnswer(Answer):
    """A policy that money may be for, and why."""

    policy_id: UUID
    policy_number: str
    holder: str
    why: str


class RepeatedAnswer(Answer):
    """A payment that came before, which one in suspense may repeat."""

    id: UUID
    reference: str
    amount: Money
    received_on: Day
    status: str
    policy_number: str | None


class SuspenseAnswer(Answer):
    """A receipt that waits for its policy, with suggestions, the best first.

    `may_repeat` are payments that came before and agree with it. `sets_lapse_aside_of` is the lapsed policy that it names and within whose grace it came.
    """

    id: UUID
    reference: str
    amount: Money
    received_on: Day
    detail: str | None
    policy_number: str | None
    file_id: UUID | None
    suggestions: list[SuggestionAnswer]
    may_repeat: list[RepeatedAnswer]
    sets_lapse_aside_of: UUID | None


class BankReceiptAnswer(Answer):
    """A receipt and where it stands."""

    id: UUID
    reference: str
    amount: Money
    status: str
    policy_id: UUID | None


class MatchAnswer(BankReceiptAnswer):
    """A receipt after it was given to a policy. With `approval_id` nothing has been done yet."""

    approval_id: UUID | None


@endpoint(
    "POST",
    "/policies/<uuid:policy_id>/premium-reconciliation/upload",
    may=ReconciliationMay.UPLOAD,
    upload=UploadBody,
    answer=UploadAnswer,
    may_wait=True,
    tag=TAG,
)
def upload_policy_file(policy_id: UUID, body: UploadBody, sent: Sent):
    """Upload a bank's file about one policy."""
    return _upload(body, sent, policy_id)


@endpoint(
    "POST",
    "/premium-reconciliation/upload",
    may=ReconciliationMay.UPLOAD,
    upload=UploadBody,
    answer=UploadAnswer,
    may_wait=True,
    tag=TAG,
)
def upload_file(body: UploadBody, sent: Sent):
    """Upload a bank's file about any number of policies."""
    return _upload(body, sent, None)


@endpoint(
    "GET",
    "/premium-reconciliation/files",
    may=ReconciliationMay.VIEW,
    query=ListQuery,
    answer=list[FileAnswer],
    tag=TAG,
)
def list_reconciliation_files(query: ListQuery):
    """List files, newest first."""
    return listing(queries.list_files(db.session(), limit=query.limit, after=_after(query)))


@endpoint(
    "GET",
    "/premium-reconciliation/files/<uuid:file_id>",
    may=ReconciliationMay.VIEW,
    answer=UploadAnswer,
    tag=TAG,
)
def get_reconciliation_file(file_id: UUID):
    """Read a file with what became of each row."""
    return _answer(queries.get_file(db.session(), file_id))


@endpoint(
    "GET",
    "/suspense",
    may=ReconciliationMay.VIEW,
    query=ListQuery,
    answer=list[SuspenseAnswer],
    tag=TAG,
)
def list_suspense(query: ListQuery) -> Reply:
    """List money that waits for its policy, oldest first."""
    session = db.session()
    found = queries.list_suspense(session, limit=query.limit, after=_after(query))
    suggested = queries.suggest_policies(session, found.items)
    disproved = queries.find_lapses_disproved(session, found.items)
    repeated = queries.list_repeated(session, [item.id for item in found.items])
    return listing(
        found,
        lambda one: {
            **{
                name: getattr(one, name)
                for name in SuspenseAnswer.model_fields
                if name not in ("suggestions", "may_repeat", "sets_lapse_aside_of")
            },
            "suggestions": suggested[one.id],
            "may_repeat": repeated[one.id],
            "sets_lapse_aside_of": disproved.get(one.id),
        },
    )


@endpoint(
    "POST",
    "/suspense/<uuid:receipt_id>/match",
    may=ReconciliationMay.UPLOAD,
    body=MatchBody,
    answer=MatchAnswer,
    may_wait=True,
    tag=TAG,
)
def match_suspense(receipt_id: UUID, body: MatchBody) -> Reply:
    """Give money in suspense to a policy: it settles what is due, the rest is credit.

    Above the tenant's limit for a payment a second person is asked: 202 with `approval_id`.
    """
    done = services.match_suspense(receipt_id, body.policy_id, on=business_day(), now=clock.now())
    return _waiting_or_done(done.receipt, done.approval_id)


@endpoint(
    "POST",
    "/suspense/<uuid:receipt_id>/return",
    may=ReconciliationMay.UPLOAD,
    body=ReturnBody,
    answer=MatchAnswer,
    may_wait=True,
    tag=TAG,
)
def return_suspense(receipt_id: UUID, body: ReturnBody) -> Reply:
    """Pay money in suspense back to where it came from.

    Above the tenant's limit for a payment a second person is asked: 202 with `approval_id`.
    """
    done = services.return_suspense(
        receipt_id, reason=body.reason, on=business_day(), now=clock.now()
    )
    return _waiting_or_done(done.receipt, done.approval_id)


def _waiting_or_done(receipt: Receipt, approval_id: UUID | None) -> Reply:
    content = {name: getattr(receipt, name) for name in BankReceiptAnswer.model_fields}
    return Reply(content | {"approval_id": approval_id}, status=202 if approval_id else None)


@endpoint(
    "POST",
    "/suspense/<uuid:receipt_id>/same-payment",
    may=ReconciliationMay.UPLOAD,
    body=SamePaymentBody,
    answer=BankReceiptAnswer,
    tag=TAG,
)
def drop_repeated_payment(receipt_id: UUID, body: SamePaymentBody):
    """Say that money in suspense is a payment that came before: it leaves the books."""
    return services.drop_repeated(
        receipt_id, body.receipt_id, reason=body.reason, on=business_day(), now=clock.now()
    )


@endpoint(
    "POST",
    "/premium-reconciliation/files/<uuid:file_id>/rows/<int:line>/other-money",
    may=ReconciliationMay.UPLOAD,
    body=OtherMoneyBody,
    answer=FileRowAnswer,
    tag=TAG,
)
def post_other_money(file_id: UUID, line: int, body: OtherMoneyBody):
    """Say that a row that was taken for a duplicate is other money: it is posted."""
    row = services.post_other_money(
        file_id, line, reason=body.reason, on=business_day(), now=clock.now()
    )
    return {name: getattr(row, name) for name in FileRowAnswer.model_fields}


def _upload(body: UploadBody, sent: Sent, policy_id: UUID | None) -> Reply:
    on, now = business_day(), clock.now()
    file = services.preview_upload(
        sent.content, sent.name, policy_id, on=on, now=now, commit=body.commit
    )
    if file.status is FileStatus.COMMITTED:
        return Reply(_answer(file, is_repeated=True))
    if body.commit:
        file = services.post_uploaded(file, on=on, now=now)
    return Reply(_answer(file), status=202 if file.status is FileStatus.COMMITTING else None)


def _answer(file: ReconciliationFile, *, is_repeated: bool = False) -> dict[str, Any]:
    rows = list(_rows(file, is_repeated))
    totals = queries.count_again(file) if is_repeated else file.totals
    money = queries.get_file_money(db.session(), file.id)
    if is_repeated:
        money = queries.money_again(money)
    return {
        "file_id": file.id,
        "file_hash": file.file_hash,
        "format": file.format,
        "encoding": file.reading.get("encoding"),
        "notes": file.reading.get("notes", []),
        "status": file.status,
        "rows": rows,
        "totals": totals,
        "money": money,
        "committed": None
        if file.status is FileStatus.COMMITTING
        else file.status is FileStatus.COMMITTED,
    }


def _rows(file: ReconciliationFile, is_repeated: bool) -> Iterator[dict[str, Any]]:
    for row in queries.read_rows(db.session(), file.id):
        is_again = is_repeated and row.verdict not in queries.NO_MONEY
        yield {
            "line": row.line,
            "verdict": RowVerdict.DUPLICATE if is_again else row.verdict,
            "detail": queries.REPEATED if is_again else row.detail,
            "policy_number": row.policy_number,
            "amount": row.amount,
            "line_type": row.line_type,
            "bank_reference": row.bank_reference,
            "caution": row.caution,
        }


def _after(query: ListQuery) -> UUID | None:
    return decode_cursor(query.cursor, 1, UUID)[0] if query.cursor else None
