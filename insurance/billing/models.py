"""The premium schedule of a policy, what came in for it, and what it was allocated to."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import TenantRecord, tenant_key


class LineStatus(StrEnum):
    """Whether a premium is still owed."""

    PENDING = "PENDING"
    PAID = "PAID"
    OVERDUE = "OVERDUE"
    CANCELLED = "CANCELLED"


class LineKind(StrEnum):
    """Why a line is owed."""

    PREMIUM = "PREMIUM"
    ADJUSTMENT = "ADJUSTMENT"


class PremiumLine(TenantRecord):
    """The premium of one period, or what a change of cover adds to the next debit.

    Partly paid, it stays PENDING or OVERDUE. A premium line without `posted_at` has not been
    charged yet and follows the cover; a charged one stays as it is. `sequence` counts the lines
    of a kind. `whole_days` is set where the period only bridges to a new due day.
    """

    __tablename__ = "premium_lines"
    __table_args__ = (
        UniqueConstraint(
            "org_id", "policy_id", "kind", "sequence", name="premium_lines_sequence_key"
        ),
        Index("premium_lines_due_ix", "org_id", "status", "due_date", "policy_id"),
        Index(
            "premium_lines_prepaid_ix",
            "org_id",
            "due_date",
            "policy_id",
            postgresql_where=text("status = 'PAID' AND posted_at IS NULL"),
        ),
        tenant_key("policies", "policy_id"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("paid_amount BETWEEN 0 AND amount", name="paid_amount"),
        CheckConstraint(
            "status <> 'PAID' OR (paid_amount = amount AND paid_date IS NOT NULL)", name="paid"
        ),
    )

    policy_id: Mapped[UUID]
    kind: Mapped[LineKind] = mapped_column(
        default=LineKind.PREMIUM, server_default=LineKind.PREMIUM.value
    )
    sequence: Mapped[int]
    due_date: Mapped[date]
    period_end: Mapped[date]
    amount: Mapped[Decimal]
    paid_amount: Mapped[Decimal]
    status: Mapped[LineStatus]
    paid_date: Mapped[date | None]
    payment_reference: Mapped[str | None]
    posted_at: Mapped[datetime | None]
    whole_days: Mapped[int | None]

    @property
    def is_fixed(self) -> bool:
        """Tell whether a premium was charged or paid for its period, so that it stays."""
        is_held = self.posted_at is not None or self.paid_amount > 0
        return self.kind is LineKind.PREMIUM and is_held and self.status is not LineStatus.CANCELLED

    @property
    def outstanding(self) -> Decimal:
        """Return what is still owed."""
        return self.amount - self.paid_amount


class ReceiptKind(StrEnum):
    """What brought the credit: money, or a decision of the insurer."""

    PAYMENT = "PAYMENT"
    CREDIT_NOTE = "CREDIT_NOTE"
    WAIVER = "WAIVER"
    WRITE_OFF = "WRITE_OFF"


class ReceiptStatus(StrEnum):
    """Where a receipt stands."""

    POSTED = "POSTED"
    SUSPENSE = "SUSPENSE"
    REVERSED = "REVERSED"


class Receipt(TenantRecord):
    """Credit for a policy; without a policy it waits in suspense.

    A payment is one movement of money: known by the bank's own number of it where there is one,
    else by who paid, the day, the amount and the reference. `occurrence` counts the payments that
    agree in all of these. `payer_key` and `reference_key` are what the movement named, as it is
    compared (`plain_reference`). `beside_id` is the payment beside which a rest is written off.
    """

    __tablename__ = "receipts"
    __table_args__ = (
        Index(
            "receipts_movement_key",
            "org_id",
            "payer_key",
            "reference_key",
            "received_on",
            "amount",
            "occurrence",
            unique=True,
            postgresql_where=text("kind = 'PAYMENT' AND bank_reference IS NULL"),
        ),
        Index(
            "receipts_bank_movement_key",
            "org_id",
            "bank_reference",
            "payer_key",
            "received_on",
            "amount",
            "occurrence",
            unique=True,
            postgresql_where=text("bank_reference IS NOT NULL"),
        ),
        Index(
            "receipts_own_reference_key",
            "org_id",
            "reference",
            unique=True,
            postgresql_where=text("kind <> 'PAYMENT' AND beside_id IS NULL"),
        ),
        Index(
            "receipts_reference_ix",
            "org_id",
            "reference_key",
            "payer_key",
            "received_on",
            "amount",
        ),
        Index(
            "receipts_beside_ix",
            "org_id",
            "beside_id",
            postgresql_where=text("beside_id IS NOT NULL"),
        ),
        Index("receipts_policy_ix", "org_id", "policy_id", "id"),
        Index(
            "receipts_suspense_ix",
            "org_id",
            "id",
            postgresql_where=text("status = 'SUSPENSE'"),
        ),
        tenant_key("policies", "policy_id"),
        tenant_key("receipts", "beside_id"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("occurrence > 0", name="occurrence"),
        CheckConstraint("(policy_id IS NULL) <= (status <> 'POSTED')", name="policy_known"),
    )

    reference: Mapped[str]
    reference_key: Mapped[str]
    payer_key: Mapped[str]
    bank_reference: Mapped[str | None]
    occurrence: Mapped[int]
    beside_id: Mapped[UUID | None]
    kind: Mapped[ReceiptKind]
    status: Mapped[ReceiptStatus]
    policy_id: Mapped[UUID | None]
    amount: Mapped[Decimal]
    received_on: Mapped[date]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
    detail: Mapped[str | None]
    reversed_on: Mapped[date | None]
    reason_code: Mapped[str | None]


class Allocation(TenantRecord):
    """What a receipt settled of a line; without a line it went back to the holder as a refund.

    Appended; a negative one takes an earlier one back.
    """

    __tablename__ = "allocations"
    __table_args__ = (
        Index("allocations_receipt_ix", "org_id", "receipt_id"),
        Index("allocations_line_ix", "org_id", "premium_line_id"),
        tenant_key("receipts", "receipt_id"),
        tenant_key("premium_lines", "premium_line_id"),
        CheckConstraint("amount <> 0", name="amount"),
    )

    receipt_id: Mapped[UUID]
    premium_line_id: Mapped[UUID | None]
    amount: Mapped[Decimal]
    allocated_on: Mapped[date]
