"""Mandates to debit an account, a tenant's own holidays, and debit-order runs with their items."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import TenantRecord, tenant_key
from insurance.debit_orders.rules import Convention, Exclusion, ItemStatus, MandateStatus


class Mandate(TenantRecord):
    """The authority to debit an account for a policy. A policy has at most one active one."""

    __tablename__ = "debit_order_mandates"
    __table_args__ = (
        Index(
            "debit_order_mandates_active_key",
            "org_id",
            "policy_id",
            unique=True,
            postgresql_where=text("status = 'ACTIVE'"),
        ),
        Index("debit_order_mandates_policy_ix", "org_id", "policy_id"),
        Index("debit_order_mandates_customer_ix", "org_id", "customer_id"),
        Index("debit_order_mandates_account_ix", "org_id", "bank_account_id"),
        tenant_key("policies", "policy_id"),
        tenant_key("customers", "customer_id"),
        tenant_key("customer_bank_accounts", "bank_account_id"),
        CheckConstraint("max_amount > 0", name="max_amount"),
        CheckConstraint("collection_day BETWEEN 1 AND 31", name="collection_day"),
        CheckConstraint("status <> 'ACTIVE' OR signed_on IS NOT NULL", name="signed"),
        CheckConstraint("status <> 'CANCELLED' OR cancelled_at IS NOT NULL", name="cancelled"),
    )

    policy_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    bank_account_id: Mapped[UUID]
    status: Mapped[MandateStatus]
    signed_on: Mapped[date | None]
    max_amount: Mapped[Decimal | None]
    convention: Mapped[Convention]
    collection_day: Mapped[int | None]
    created_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None]


class TenantHoliday(TenantRecord):
    """A day on which a tenant's banks differ from the official holidays.

    Closed though it is no holiday, or working (`is_working`) though it is one.
    """

    __tablename__ = "tenant_holidays"
    __table_args__ = (UniqueConstraint("org_id", "day", name="tenant_holidays_day_key"),)

    day: Mapped[date]
    name: Mapped[str]
    is_working: Mapped[bool] = mapped_column(default=False)


class DebitRunStatus(StrEnum):
    """How far a run is."""

    DRAFT = "DRAFT"
    RELEASED = "RELEASED"
    RESULTS_IN = "RESULTS_IN"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"


class DebitOrderRun(TenantRecord):
    """The debits of one action date. Whoever prepared it cannot release it.

    `window_from` and `window_to` are the nominal days it covers; count and total are those of the
    items that are debited.
    """

    __tablename__ = "debit_order_runs"
    __table_args__ = (
        UniqueConstraint("org_id", "number", name="debit_order_runs_number_key"),
        Index("debit_order_runs_status_ix", "org_id", "status", "id"),
        CheckConstraint("released_by <> created_by", name="second_person"),
        CheckConstraint(
            "status IN ('DRAFT', 'CANCELLED') OR (released_by IS NOT NULL"
            " AND released_at IS NOT NULL AND file_hash IS NOT NULL AND exporter IS NOT NULL)",
            name="released",
        ),
        CheckConstraint("window_from <= window_to", name="window_not_empty"),
    )

    number: Mapped[str]
    action_date: Mapped[date]
    window_from: Mapped[date]
    window_to: Mapped[date]
    status: Mapped[DebitRunStatus]
    item_count: Mapped[int]
    total: Mapped[Decimal]
    file_hash: Mapped[str | None]
    exporter: Mapped[str | None]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    released_by: Mapped[UUID | None]
    released_at: Mapped[datetime | None]


class DebitOrderItem(TenantRecord):
    """One premium in a run: to be debited, or left out with its reason.

    A premium is in at most one item that may still bring its money.
    """

    __tablename__ = "debit_order_items"
    __table_args__ = (
        UniqueConstraint("org_id", "reference", name="debit_order_items_reference_key"),
        Index(
            "debit_order_items_line_key",
            "org_id",
            "premium_line_id",
            unique=True,
            postgresql_where=text("status NOT IN ('UNPAID', 'EXCLUDED')"),
        ),
        Index("debit_order_items_reference_ix", "org_id", "reference_key"),
        Index(
            "debit_order_items_in_flight_ix",
            "org_id",
            "policy_id",
            postgresql_where=text("status = 'SUBMITTED'"),
        ),
        Index("debit_order_items_run_ix", "org_id", "run_id", "status", "id"),
        Index("debit_order_items_day_ix", "org_id", "action_date", "id"),
        Index("debit_order_items_policy_ix", "org_id", "policy_id"),
        Index("debit_order_items_premium_line_ix", "org_id", "premium_line_id"),
        Index("debit_order_items_mandate_ix", "org_id", "mandate_id"),
        tenant_key("debit_order_runs", "run_id"),
        tenant_key("policies", "policy_id"),
        tenant_key("premium_lines", "premium_line_id"),
        tenant_key("debit_order_mandates", "mandate_id"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("(status = 'EXCLUDED') = (exclusion IS NOT NULL)", name="left_out"),
        CheckConstraint(
            "status = 'EXCLUDED' OR (mandate_id IS NOT NULL AND reference IS NOT NULL)",
            name="debited",
        ),
        CheckConstraint("length(reference) <= 30", name="reference_length"),
    )

    run_id: Mapped[UUID]
    policy_id: Mapped[UUID]
    premium_line_id: Mapped[UUID]
    mandate_id: Mapped[UUID | None]
    amount: Mapped[Decimal]
    reference: Mapped[str | None]
    reference_key: Mapped[str | None]
    action_date: Mapped[date]
    status: Mapped[ItemStatus]
    exclusion: Mapped[Exclusion | None]
    reason_code: Mapped[str | None]
