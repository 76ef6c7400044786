"""Files that banks sent, row by row, with what became of each."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import TenantRecord, tenant_key
from insurance.core.money import ZERO
from insurance.reconciliation.rules import FileFormat, LineType, RowVerdict


class FileStatus(StrEnum):
    """How far a file is."""

    UPLOADED = "UPLOADED"
    PREVIEWED = "PREVIEWED"
    COMMITTING = "COMMITTING"
    COMMITTED = "COMMITTED"
    FAILED = "FAILED"


class RowState(StrEnum):
    """Whether a row has been posted."""

    PENDING = "PENDING"
    POSTED = "POSTED"
    SKIPPED = "SKIPPED"
    ERROR = "ERROR"


class ReconciliationFile(TenantRecord):
    """A file, known by its hash within the organization, or within one policy.

    `rows_done` counts the rows that were posted or passed over; `totals` gives rows and amount by
    verdict; `reading` what was found out while reading, such as the encoding, the sheet and the
    balances. What is short by no more than `tolerance` rand is written off.
    """

    __tablename__ = "reconciliation_files"
    __table_args__ = (
        Index(
            "reconciliation_files_hash_key",
            "org_id",
            "file_hash",
            unique=True,
            postgresql_where=text("policy_id IS NULL"),
        ),
        UniqueConstraint(
            "org_id", "policy_id", "file_hash", name="reconciliation_files_policy_hash_key"
        ),
        tenant_key("policies", "policy_id"),
        CheckConstraint("rows_done BETWEEN 0 AND row_count", name="rows_done"),
        CheckConstraint("tolerance >= 0", name="tolerance"),
    )

    file_hash: Mapped[str]
    name: Mapped[str]
    format: Mapped[FileFormat]
    policy_id: Mapped[UUID | None]
    status: Mapped[FileStatus]
    row_count: Mapped[int]
    rows_done: Mapped[int]
    last_line: Mapped[int] = mapped_column(default=0)
    totals: Mapped[dict[str, Any]]
    reading: Mapped[dict[str, Any]] = mapped_column(default=dict)
    tolerance: Mapped[Decimal] = mapped_column(default=ZERO)
    uploaded_at: Mapped[datetime]
    uploaded_by: Mapped[str]
    committed_at: Mapped[datetime | None]
    committed_by: Mapped[str | None]
    error: Mapped[str | None]

    @property
    def money(self) -> Decimal:
        """Return what the file brings in, in rand."""
        brought = (RowVerdict.MATCHED, RowVerdict.PARTIAL, RowVerdict.OVERPAID, RowVerdict.SUSPENSE)
        return sum((self.amount_of(verdict) for verdict in brought), ZERO)

    def amount_of(self, verdict: RowVerdict) -> Decimal:
        """Return the amount of the rows with a verdict, in rand."""
        return Decimal(self.totals.get(verdict, {}).get("amount", "0.00"))

    def rows_of(self, verdict: RowVerdict) -> int:
        """Return how many rows have a verdict."""
        return int(self.totals.get(verdict, {}).get("rows", 0))


class ReconciliationMapping(TenantRecord):
    """What the columns mean in files with this heading: `columns` gives each field's column.

    `heading_key` is the heading in one text: an organization explains a heading once.
    """

    __tablename__ = "reconciliation_mappings"
    __table_args__ = (
        UniqueConstraint("org_id", "name"),
        UniqueConstraint("org_id", "heading_key"),
    )

    name: Mapped[str]
    heading: Mapped[list[Any]]
    heading_key: Mapped[str]
    columns: Mapped[dict[str, Any]]
    is_month_first: Mapped[bool]
    saved_at: Mapped[datetime]
    saved_by: Mapped[str]


class ReconciliationRow(TenantRecord):
    """A row of a file: its text as it stood there, what was read, and what became of it.

    `bank_reference` is the bank's own number of the movement within its account.
    `is_receipt`: it says that money came in. `occurrence` counts the rows of the file that are
    alike in payer, day, amount and reference (or in the bank's own number). A duplicate names the
    receipt that it repeats, `known_receipt_id`, where there is one.
    """

    __tablename__ = "reconciliation_rows"
    __table_args__ = (
        UniqueConstraint("org_id", "file_id", "line", name="reconciliation_rows_line_key"),
        Index("reconciliation_rows_verdict_ix", "org_id", "file_id", "verdict", "line"),
        Index(
            "reconciliation_rows_receipt_ix",
            "org_id",
            "receipt_id",
            postgresql_where=text("receipt_id IS NOT NULL"),
        ),
        tenant_key("reconciliation_files", "file_id"),
        tenant_key("receipts", "receipt_id"),
        Index(
            "reconciliation_rows_known_receipt_ix",
            "org_id",
            "known_receipt_id",
            postgresql_where=text("known_receipt_id IS NOT NULL"),
        ),
        tenant_key("receipts", "known_receipt_id"),
    )

    file_id: Mapped[UUID]
    line: Mapped[int]
    policy_number: Mapped[str]
    due_text: Mapped[str]
    paid_text: Mapped[str]
    amount_text: Mapped[str]
    reference: Mapped[str]
    status_text: Mapped[str]
    reason_code: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    bank_reference: Mapped[str | None]
    line_type: Mapped[LineType] = mapped_column(default=LineType.PREMIUM)
    caution: Mapped[str] = mapped_column(default="")
    occurrence: Mapped[int]
    is_receipt: Mapped[bool]
    amount: Mapped[Decimal | None]
    verdict: Mapped[RowVerdict]
    detail: Mapped[str]
    receipt_id: Mapped[UUID | None]
    known_receipt_id: Mapped[UUID | None]
    state: Mapped[RowState]
