"""Files that banks sent, their rows and mappings."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, select
from sqlalchemy.orm import Session

from insurance.core.errors import ConflictError, NotFoundError
from insurance.core.listing import Listing, Wanted
from insurance.core.paging import Page, page_of
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.reconciliation.models import (
    FileStatus,
    ReconciliationFile,
    ReconciliationMapping,
    ReconciliationRow,
)
from insurance.reconciliation.readers import Mapping

_LAST_LINE = 2**31 - 1


def get_file(session: Session, file_id: UUID, *, lock: bool = False) -> ReconciliationFile:
    """Return a file, held if asked. Raises NotFoundError."""
    return get_record(session, ReconciliationFile, file_id, lock=lock)


def get_free_file(session: Session, file_id: UUID) -> ReconciliationFile:
    """Return a file, held. Raises ConflictError with who and how far while a chunk is posted."""
    seen = get_file(session, file_id)
    free = session.scalars(
        select(ReconciliationFile)
        .where(ReconciliationFile.org_id == current_org(), ReconciliationFile.id == file_id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if free is None:
        raise being_posted(seen)
    return free


def being_posted(file: ReconciliationFile) -> ConflictError:
    """Return the refusal to touch a file that is being posted."""
    return ConflictError(
        f"This file is being posted for {file.committed_by}: {file.rows_done} of {file.row_count}"
        " rows are done.",
        field="file",
        detail={
            "file_id": str(file.id),
            "file_status": file.status.value,
            "committed_by": file.committed_by,
            "rows_done": file.rows_done,
            "row_count": file.row_count,
        },
    )


def find_file(
    session: Session, file_hash: str, policy_id: UUID | None
) -> ReconciliationFile | None:
    """Return the file that has this hash in this scope, held.

    Raises ConflictError with who and how far while it is being posted.
    """
    query = select(ReconciliationFile).where(
        ReconciliationFile.org_id == current_org(),
        ReconciliationFile.file_hash == file_hash,
        ReconciliationFile.policy_id.is_(None)
        if policy_id is None
        else ReconciliationFile.policy_id == policy_id,
    )
    # Looked at before it is held: its posting holds it for as long as a chunk takes.
    for statement in (query, query.with_for_update()):
        file = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
        if file is not None and file.status is FileStatus.COMMITTING:
            raise being_posted(file)
    return file


def list_files(
    session: Session, *, limit: int, after: UUID | None = None
) -> Page[ReconciliationFile]:
    """Return files, newest first."""
    query = select(ReconciliationFile).where(ReconciliationFile.org_id == current_org())
    if after is not None:
        query = query.where(ReconciliationFile.id < after)
    rows = session.scalars(query.order_by(ReconciliationFile.id.desc()).limit(limit + 1)).all()
    return page_of(rows, limit, lambda one: (one.id,))


def list_mappings(session: Session) -> list[ReconciliationMapping]:
    """Return the organization's mappings by name."""
    return list(
        session.scalars(
            select(ReconciliationMapping)
            .where(ReconciliationMapping.org_id == current_org())
            .order_by(ReconciliationMapping.name)
        )
    )


def get_mapping(session: Session, mapping_id: UUID) -> ReconciliationMapping:
    """Return a mapping. Raises NotFoundError."""
    return get_record(session, ReconciliationMapping, mapping_id)


def list_known_mappings(session: Session) -> list[Mapping]:
    """Return the organization's mappings as the readers take them."""
    return [
        Mapping(
            name=mapping.name,
            heading=tuple(mapping.heading),
            columns={
                mapping.heading.index(column): field for field, column in mapping.columns.items()
            },
            is_month_first=mapping.is_month_first,
        )
        for mapping in list_mappings(session)
    ]


class RowLine(NamedTuple):
    """A row of a file as a list shows it."""

    id: UUID
    line: int
    policy_number: str
    due_text: str
    paid_text: str
    amount_text: str
    amount: Decimal | None
    reference: str
    description: str
    status_text: str
    reason_code: str
    bank_reference: str | None
    is_receipt: bool
    verdict: str
    detail: str
    caution: str


def list_rows(session: Session, wanted: Wanted) -> Page[RowLine]:
    """Return rows of the file that narrows them, by line where no other order is wanted."""
    return _ROWS.read(session, wanted)


_ROWS = Listing(
    ReconciliationRow,
    RowLine,
    lambda page: select(*(getattr(page, name) for name in RowLine._fields)),
    orders={"line": ReconciliationRow.line, "amount": ReconciliationRow.amount},
    narrows={
        "file": ReconciliationRow.file_id == bindparam("file", type_=Uuid),
        "verdict": ReconciliationRow.verdict == bindparam("verdict", type_=Text),
        "policy": ReconciliationRow.policy_number == bindparam("policy", type_=Text),
        "reference": ReconciliationRow.reference == bindparam("reference", type_=Text),
    },
)


def get_row(session: Session, file_id: UUID, line: int) -> ReconciliationRow:
    """Return the row of a file that stood on a line. Raises NotFoundError."""
    if line > _LAST_LINE:
        raise NotFoundError
    found = session.scalars(
        select(ReconciliationRow).where(
            ReconciliationRow.org_id == current_org(),
            ReconciliationRow.file_id == file_id,
            ReconciliationRow.line == line,
        )
    ).one_or_none()
    if found is None:
        raise NotFoundError
    return found


def find_row_of(session: Session, receipt_id: UUID) -> ReconciliationRow | None:
    """Return the row of a file that brought a receipt in; None for one by hand."""
    return session.scalars(
        select(ReconciliationRow)
        .where(
            ReconciliationRow.org_id == current_org(),
            ReconciliationRow.receipt_id == receipt_id,
            ReconciliationRow.is_receipt,
        )
        .order_by(ReconciliationRow.id)
        .limit(1)
    ).one_or_none()


def find_row_repeating(session: Session, receipt_id: UUID) -> ReconciliationRow | None:
    """Return the first row of a posted file that was passed over as a receipt that came before."""
    return session.scalars(
        select(ReconciliationRow)
        .where(
            ReconciliationRow.org_id == current_org(),
            ReconciliationRow.known_receipt_id == receipt_id,
        )
        .order_by(ReconciliationRow.id)
        .limit(1)
    ).one_or_none()


def read_rows(session: Session, file_id: UUID, *, chunk: int = 5_000) -> Iterator[Any]:
    """Yield every row of a file in its order, a chunk at a time."""
    table = ReconciliationRow.__table__
    after = 0
    while True:
        found = session.execute(
            select(table)
            .where(
                table.c.org_id == current_org(), table.c.file_id == file_id, table.c.line > after
            )
            .order_by(table.c.line)
            .limit(chunk)
        ).all()
        yield from found
        if len(found) < chunk:
            return
        after = found[-1].line
