"""Taking a file in: stored row by row with its verdicts; nothing is posted."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Table, delete
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.bulk import write_rows
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import DomainError
from insurance.core.ids import new_id
from insurance.core.money import ZERO
from insurance.core.tenancy import current_org
from insurance.organizations.queries import get_organization
from insurance.policies.queries import get_policy
from insurance.reconciliation import queries
from insurance.reconciliation.models import (
    FileStatus,
    ReconciliationFile,
    ReconciliationRow,
    RowState,
)
from insurance.reconciliation.readers import read_file
from insurance.reconciliation.rules import (
    Fault,
    KnownPolicy,
    RawRow,
    Row,
    RowDecision,
    RowVerdict,
    amount_of,
    find_amount,
    ignore,
    is_about_money,
    is_premium,
    read_row,
)
from insurance.reconciliation.services.postings import start_commit

CHUNK = 5_000
ROWS_AT_MOST = 200_000
MOST_TOLERANCE = Decimal("5.00")
_LONGEST_KEPT = 200
_ROWS: Table = ReconciliationRow.__table__  # type: ignore[assignment]
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_REPLACEABLE = (FileStatus.UPLOADED, FileStatus.PREVIEWED)


def preview_upload(
    content: bytes,
    name: str,
    policy_id: UUID | None = None,
    *,
    on: date,
    now: datetime,
    tolerance: Decimal = ZERO,
    commit: bool = False,
) -> ReconciliationFile:
    """Store a file with a verdict for each row; `policy_id` makes it a file of one policy alone.

    The same file again is the same record: decided anew while nothing of it has been posted, left
    alone after that. With `commit` its posting is asked for in the same transaction, so that it
    happens whatever becomes of the caller. Raises DomainError at `file` for what is no such file,
    ConflictError with who and how far for one that is being posted.
    """
    if not ZERO <= tolerance <= MOST_TOLERANCE:
        raise DomainError(f"At most {MOST_TOLERANCE} rand is written off.", field="tolerance")
    with transaction() as session:
        only = _only(session, policy_id)
        digest = hashlib.sha256(content).hexdigest()
        file = queries.find_file(session, digest, policy_id)
        if file is not None and file.status not in _REPLACEABLE:
            return file
        reading = read_file(
            content,
            policy_number=only.number if only else None,
            currency=get_organization(session).currency,
            mappings=queries.list_known_mappings(session),
        )
        if file is None:
            file = ReconciliationFile(id=new_id(), file_hash=digest, policy_id=policy_id)
            file.row_count = 0
            session.add(file)
        else:
            _forget_rows(session, file.id)
        _describe(file, name, reading.format, tolerance, now)
        session.flush()
        file.row_count = _write(session, file, reading.rows, only, on)
        file.reading = reading.facts.shown()
        file.totals = queries.count_verdicts(session, file.id)
        file.status = FileStatus.PREVIEWED
        if commit:
            start_commit(session, file, now=now)
        record(
            session,
            action="reconciliation.upload",
            resource="reconciliation_files",
            resource_id=file.id,
            after={
                "name": file.name,
                "file_hash": digest,
                "format": file.format,
                "totals": file.totals,
            },
        )
        return file


def _only(session: Session, policy_id: UUID | None) -> KnownPolicy | None:
    if policy_id is None:
        return None
    policy = get_policy(session, policy_id)
    return KnownPolicy(policy.id, policy.policy_number, policy.status.value)


def _describe(
    file: ReconciliationFile, name: str, format_: Any, tolerance: Decimal, now: datetime
) -> None:
    # What a browser calls a file may be a path; only its last part is a name.
    file.name = storable(re.split(r"[/\\]", name)[-1]) or "file"
    file.format = format_
    file.status = FileStatus.UPLOADED
    file.rows_done = 0
    file.totals, file.reading = {}, {}
    file.tolerance = tolerance
    file.uploaded_at = now
    file.uploaded_by = current_actor().email


def _forget_rows(session: Session, file_id: UUID) -> None:
    session.execute(
        delete(ReconciliationRow)
        .where(ReconciliationRow.org_id == current_org(), ReconciliationRow.file_id == file_id)
        .execution_options(synchronize_session=False)
    )


def _write(
    session: Session,
    file: ReconciliationFile,
    raws: Iterator[RawRow],
    only: KnownPolicy | None,
    on: date,
) -> int:
    """Decide and store every row, a chunk at a time; return their number."""
    standing, count = queries.new_standing(session, file), 0
    seen: Counter[tuple[object, ...]] = Counter()
    while chunk := list(islice(raws, CHUNK)):
        count += len(chunk)
        if count > ROWS_AT_MOST:
            raise DomainError(f"A file has at most {ROWS_AT_MOST} rows.", field="file")
        read = [_counted(read_row(raw, on=on), seen) if is_premium(raw) else None for raw in chunk]
        sound = [row for row in read if isinstance(row, Row)]
        queries.extend_standing(session, standing, sound, on, file_id=file.id)
        records = []
        for raw, row in zip(chunk, read, strict=True):
            if row is None:
                records.append(_record(file.id, raw, None, ignore(raw), RowState.SKIPPED))
            elif isinstance(row, Row):
                decision = standing.take(row, on=on, tolerance=file.tolerance, only=only)
                records.append(_record(file.id, raw, row, decision, RowState.PENDING))
            else:
                words = "; ".join(f"{fault.field}: {fault.message}" for fault in row)
                decision = RowDecision(RowVerdict.ERROR, words)
                records.append(_record(file.id, raw, None, decision, RowState.ERROR))
        write_rows(session, _ROWS, records)
    return count


def _counted(row: Row | list[Fault], seen: Counter[tuple[object, ...]]) -> Row | list[Fault]:
    """Return a row with its number among those of its file that are alike."""
    if not isinstance(row, Row):
        return row
    alike = row.alike
    seen[alike] += 1
    return replace(row, occurrence=seen[alike]) if seen[alike] > 1 else row


def _record(
    file_id: UUID, raw: RawRow, row: Row | None, decision: RowDecision, state: RowState
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "file_id": file_id,
        "line": raw.line,
        "policy_number": row.policy_number if row else storable(raw.policy_number),
        "due_text": storable(raw.due_date),
        "paid_text": storable(raw.paid_date),
        "amount_text": storable(raw.amount),
        "reference": row.reference if row else storable(raw.reference),
        "status_text": storable(raw.status),
        "reason_code": storable(raw.reason_code),
        "description": storable(raw.description),
        "bank_reference": storable(raw.bank_reference) if raw.bank_reference else None,
        "line_type": raw.line_type,
        "caution": raw.caution,
        "occurrence": row.occurrence if row else 1,
        "is_receipt": is_about_money(raw),
        "amount": row.amount if row else find_amount(raw) if is_premium(raw) else amount_of(raw),
        "verdict": decision.verdict,
        "detail": decision.detail,
        "state": state,
    }


def storable(text: str) -> str:
    """Return the text of a file as a database keeps it: printable, and not endless."""
    plain = text.strip()[:_LONGEST_KEPT]
    return plain if plain.isprintable() else _UNPRINTABLE.sub("\ufffd", plain)
