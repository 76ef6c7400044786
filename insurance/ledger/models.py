"""Accounts and transfers. One transfer is one debit, one credit and one positive amount."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import AppendOnly, TenantRecord, TenantTable, tenant_key
from insurance.core.figures import Grain


class AccountKind(StrEnum):
    """Which side of the books an account stands on."""

    ASSET = "ASSET"
    LIABILITY = "LIABILITY"
    INCOME = "INCOME"
    EXPENSE = "EXPENSE"


class LedgerAccount(TenantTable):
    """An account of a tenant's chart, known by its code."""

    __tablename__ = "ledger_accounts"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[AccountKind]


class LedgerClose(AppendOnly, TenantRecord):
    """A day through which the books were closed, or reopened to. The newest row holds.

    Append-only. `sequence` counts a tenant's rows; no `closed_through` means that nothing is closed.
    """

    __tablename__ = "ledger_closes"
    __table_args__ = (
        UniqueConstraint("org_id", "sequence"),
        CheckConstraint("reopens OR closed_through IS NOT NULL", name="closes_something"),
    )

    sequence: Mapped[int]
    closed_through: Mapped[date | None]
    closed_at: Mapped[datetime]
    closed_by: Mapped[str]
    reason: Mapped[str]
    reopens: Mapped[bool]


class TransferType(StrEnum):
    """What happened."""

    PREMIUM_DUE = "PREMIUM_DUE"
    PREMIUM_VAT = "PREMIUM_VAT"
    PREMIUM_RECEIVED = "PREMIUM_RECEIVED"
    ADJUSTMENT = "ADJUSTMENT"
    CREDIT_NOTE = "CREDIT_NOTE"
    CREDIT_RECEIVED = "CREDIT_RECEIVED"
    CREDIT_APPLIED = "CREDIT_APPLIED"
    SUSPENSE_RECEIVED = "SUSPENSE_RECEIVED"
    SUSPENSE_MATCHED = "SUSPENSE_MATCHED"
    WAIVER = "WAIVER"
    WRITE_OFF = "WRITE_OFF"
    REFUND_DUE = "REFUND_DUE"
    REFUND_PAID = "REFUND_PAID"
    REVERSAL = "REVERSAL"
    CLAIM_RESERVED = "CLAIM_RESERVED"
    CLAIM_RELEASED = "CLAIM_RELEASED"
    CLAIM_PAID = "CLAIM_PAID"
    CLAIM_RECOVERED = "CLAIM_RECOVERED"


class LedgerTransfer(AppendOnly, TenantRecord):
    """Money from one account to another. Never changed: a correction is a linked reversal."""

    __tablename__ = "ledger_transfers"
    __table_args__ = (
        ForeignKeyConstraint(
            ["org_id", "debit_account"],
            ["ins.ledger_accounts.org_id", "ins.ledger_accounts.code"],
        ),
        ForeignKeyConstraint(
            ["org_id", "credit_account"],
            ["ins.ledger_accounts.org_id", "ins.ledger_accounts.code"],
        ),
        ForeignKeyConstraint(
            ["org_id", "reverses_id"],
            ["ins.ledger_transfers.org_id", "ins.ledger_transfers.id"],
        ),
        tenant_key("policies", "policy_id"),
        tenant_key("premium_lines", "premium_line_id"),
        tenant_key("receipts", "receipt_id"),
        UniqueConstraint("org_id", "reverses_id"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("debit_account <> credit_account", name="two_accounts"),
        Index("ledger_transfers_policy_ix", "org_id", "policy_id", "id"),
        Index("ledger_transfers_debit_ix", "org_id", "debit_account", "effective_date"),
        Index("ledger_transfers_credit_ix", "org_id", "credit_account", "effective_date"),
        Index("ledger_transfers_line_ix", "org_id", "premium_line_id"),
        Index(
            "ledger_transfers_receipt_ix",
            "org_id",
            "receipt_id",
            postgresql_where=text("receipt_id IS NOT NULL"),
        ),
        Index(
            "ledger_transfers_refund_key",
            "org_id",
            "reference",
            unique=True,
            postgresql_where=text("type = 'REFUND_PAID' AND policy_id IS NOT NULL"),
        ),
    )

    journal_id: Mapped[UUID]
    posted_at: Mapped[datetime]
    effective_date: Mapped[date]
    type: Mapped[TransferType]
    description: Mapped[str]
    debit_account: Mapped[str]
    credit_account: Mapped[str]
    amount: Mapped[Decimal]
    policy_id: Mapped[UUID | None]
    premium_line_id: Mapped[UUID | None]
    receipt_id: Mapped[UUID | None]
    reference: Mapped[str | None]
    request_id: Mapped[str | None]
    reverses_id: Mapped[UUID | None]


class UncountedTransfers(TenantRecord):
    """Transfers that are not in the sums that are kept of the ledger yet.

    Written in the transaction that posts them, deleted in the one that counts them; so sums and
    what is left here are the whole ledger at every moment, whenever a transaction commits.
    """

    __tablename__ = "ledger_uncounted"

    transfer_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))


class LedgerFigure(TenantTable):
    """What went from one account to another on a day or in a month, in rand: sums that are kept.

    They have every transfer but those in `ledger_uncounted`.
    """

    __tablename__ = "ledger_figures"

    grain: Mapped[Grain] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    debit_account: Mapped[str] = mapped_column(primary_key=True)
    credit_account: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[Decimal]
