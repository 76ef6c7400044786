"""Month-end runs with their chunks and effects, what they left out, and how premiums escalate."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import AppendOnly, Rate, TenantRecord, TenantTable, tenant_key
from insurance.products.models import ProjectionType


class RunStatus(StrEnum):
    """How far a run is. A plan is frozen once it is approved."""

    PLANNING = "PLANNING"
    PLANNED = "PLANNED"
    APPROVED = "APPROVED"
    APPLYING = "APPLYING"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_EXCEPTIONS = "COMPLETED_WITH_EXCEPTIONS"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class StepCode(StrEnum):
    """What a run can do, in the order it does it.

    Anniversaries come first, so that what falls due from an anniversary on is charged as raised.
    """

    ANNIVERSARIES = "ANNIVERSARIES"
    EXTEND_SCHEDULES = "EXTEND_SCHEDULES"
    POST_PREMIUMS = "POST_PREMIUMS"
    MARK_OVERDUE = "MARK_OVERDUE"
    WAITING_ENDED = "WAITING_ENDED"
    RENEWALS_DUE = "RENEWALS_DUE"
    CLAIMS_CLOCKS = "CLAIMS_CLOCKS"
    EXPIRIES = "EXPIRIES"
    LAPSE_CANDIDATES = "LAPSE_CANDIDATES"
    LAPSES = "LAPSES"


class ChunkKind(StrEnum):
    """A stretch of the book, or policies that a list named: those end one by one."""

    BOOK = "BOOK"
    LIST = "LIST"


class ExceptionKind(StrEnum):
    """Why a policy was not done: it failed, somebody changed it, or something is missing."""

    FAILED = "FAILED"
    CHANGED = "CHANGED"
    BLOCKED = "BLOCKED"


class MonthEndRun(TenantRecord):
    """A month-end: a plan, and what became of it. `book` is M of "N of M"; `hash` its effects'.

    A follow-up (`follows_id`) takes up what another left out. What it writes has later
    ids than its own.
    """

    __tablename__ = "month_end_runs"
    __table_args__ = (
        Index(
            "month_end_runs_one_key",
            "org_id",
            unique=True,
            postgresql_where=text("status IN ('PLANNING', 'APPLYING')"),
        ),
        Index("month_end_runs_follows_ix", "org_id", "follows_id"),
        tenant_key("month_end_runs", "follows_id"),
        CheckConstraint("policies BETWEEN 0 AND book", name="policies"),
        CheckConstraint("limit_policies > 0", name="limit"),
    )

    process_date: Mapped[date]
    status: Mapped[RunStatus]
    dry_run: Mapped[bool]
    steps: Mapped[list[Any]]
    limit_policies: Mapped[int | None]
    close_month: Mapped[bool]
    follows_id: Mapped[UUID | None]
    policies: Mapped[int]
    book: Mapped[int]
    hash: Mapped[str | None]
    totals: Mapped[dict[str, Any]] = mapped_column(default=dict)
    error: Mapped[str | None]
    requested_at: Mapped[datetime]
    requested_by: Mapped[str]
    requested_by_id: Mapped[UUID | None]
    planned_at: Mapped[datetime | None]
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    comment: Mapped[str | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class MonthEndChunk(TenantRecord):
    """Some thousands of policies of a run: planned in one transaction, applied in another."""

    __tablename__ = "month_end_chunks"
    __table_args__ = (
        UniqueConstraint("org_id", "run_id", "number", name="month_end_chunks_number_key"),
        tenant_key("month_end_runs", "run_id"),
    )

    run_id: Mapped[UUID]
    number: Mapped[int]
    kind: Mapped[ChunkKind]
    first_policy: Mapped[UUID]
    last_policy: Mapped[UUID]
    policies: Mapped[int]
    hash: Mapped[str | None]
    totals: Mapped[dict[str, Any]] = mapped_column(default=dict)
    done: Mapped[dict[str, Any]] = mapped_column(default=dict)
    planned_at: Mapped[datetime | None]
    applied_at: Mapped[datetime | None]


class MonthEndEffect(AppendOnly, TenantTable):
    """What a run does to a policy, before and after. Appended, never changed.

    `period` is the anniversary, or the run's day. Whether it was done the chunk and the
    exceptions say. Where the plan does not list its rows (`has_rows`), it leans on what other steps
    write, and is worked out again when it is applied.
    """

    __tablename__ = "month_end_effects"
    __table_args__ = (tenant_key("month_end_runs", "run_id"),)

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    step: Mapped[StepCode] = mapped_column(primary_key=True)
    policy_id: Mapped[UUID] = mapped_column(primary_key=True)
    period: Mapped[date] = mapped_column(primary_key=True)
    chunk: Mapped[int]
    policy_number: Mapped[str]
    product_id: Mapped[UUID]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    amount: Mapped[Decimal]
    has_rows: Mapped[bool]


class MonthEndRows(AppendOnly, TenantTable):
    """A column of the rows that a chunk's effects write to a table. Appended, never changed.

    `items` is an array as PostgreSQL writes it: some thousands of rows are then a few values. It is
    not compressed, which would take longer than to write it.
    """

    __tablename__ = "month_end_rows"
    __table_args__ = (tenant_key("month_end_runs", "run_id"),)

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    chunk: Mapped[int] = mapped_column(primary_key=True)
    target: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    items: Mapped[str]


class MonthEndException(TenantRecord):
    """A policy that a run left out, with the reason. A follow-up takes it up."""

    __tablename__ = "month_end_exceptions"
    __table_args__ = (
        UniqueConstraint("org_id", "run_id", "policy_id", name="month_end_exceptions_once_key"),
        Index("month_end_exceptions_followed_ix", "org_id", "followed_by_id", "policy_id"),
        tenant_key("month_end_runs", "run_id"),
        tenant_key("month_end_runs", "followed_by_id"),
        tenant_key("policies", "policy_id"),
        Index("month_end_exceptions_policy_ix", "org_id", "policy_id"),
    )

    run_id: Mapped[UUID]
    policy_id: Mapped[UUID]
    policy_number: Mapped[str]
    kind: Mapped[ExceptionKind]
    error: Mapped[str]
    noted_at: Mapped[datetime]
    followed_by_id: Mapped[UUID | None]


class MonthEndWatermark(TenantTable):
    """The last month whose month-end was done in full for a policy."""

    __tablename__ = "month_end_watermarks"
    __table_args__ = (tenant_key("policies", "policy_id"),)

    policy_id: Mapped[UUID] = mapped_column(primary_key=True)
    closed_through: Mapped[date]


class MonthEndSetting(TenantTable):
    """What an organization allows: applying without a second person, planning ahead.

    `mail_to` hears of runs that end or fail; `plans_itself`: each month's plan is made unasked.
    """

    __tablename__ = "month_end_settings"

    may_apply_unapproved: Mapped[bool] = mapped_column(default=False)
    days_ahead: Mapped[int] = mapped_column(default=31)
    mail_to: Mapped[str | None]
    plans_itself: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)


class PackKind(StrEnum):
    """The forms of a month-end pack."""

    XLSX = "xlsx"
    PDF = "pdf"


class MonthEndPack(TenantRecord):
    """The sheets of a run that ended, as they were made then."""

    __tablename__ = "month_end_packs"
    __table_args__ = (
        UniqueConstraint("org_id", "run_id", "kind", name="month_end_packs_once_key"),
        tenant_key("month_end_runs", "run_id"),
    )

    run_id: Mapped[UUID]
    kind: Mapped[PackKind]
    content: Mapped[bytes]
    sha256: Mapped[str]
    made_at: Mapped[datetime]


class IndexValue(TenantRecord):
    """The yearly rise of an index, such as CPI, in per cent for a month, and where it was read."""

    __tablename__ = "index_values"
    __table_args__ = (
        UniqueConstraint("org_id", "index_code", "month", name="index_values_month_key"),
        CheckConstraint("extract(day FROM month) = 1", name="month"),
    )

    index_code: Mapped[str]
    month: Mapped[date]
    value: Mapped[Decimal] = mapped_column(Rate)
    source: Mapped[str]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]


class EscalationRule(TenantRecord):
    """How premiums escalate from a day on: of a policy, a version, a product, or the tenant.

    The narrowest and then the newest holds. Rates are in per cent. A holder's refusal goes before
    every rule.
    """

    __tablename__ = "escalation_rules"
    __table_args__ = (
        Index("escalation_rules_product_ix", "org_id", "product_id"),
        Index("escalation_rules_version_ix", "org_id", "product_version_id"),
        Index("escalation_rules_policy_ix", "org_id", "policy_id"),
        tenant_key("products", "product_id"),
        tenant_key("product_versions", "product_version_id"),
        tenant_key("policies", "policy_id"),
        CheckConstraint(
            "num_nonnulls(product_id, product_version_id, policy_id) <= 1", name="level"
        ),
        CheckConstraint("floor <= cap", name="floor"),
    )

    product_id: Mapped[UUID | None]
    product_version_id: Mapped[UUID | None]
    policy_id: Mapped[UUID | None]
    type: Mapped[ProjectionType]
    valid_from: Mapped[date]
    index_code: Mapped[str] = mapped_column(default="CPI")
    lag_months: Mapped[int] = mapped_column(default=3)
    floor: Mapped[Decimal | None] = mapped_column(Rate)
    cap: Mapped[Decimal | None] = mapped_column(Rate)
    fixed_rate: Mapped[Decimal | None] = mapped_column(Rate)
    cover_rate: Mapped[Decimal] = mapped_column(Rate, default=Decimal(0))
    steps: Mapped[dict[str, Any]] = mapped_column(default=dict)
    rates_by_age: Mapped[bool] = mapped_column(default=False)
    reviews: Mapped[dict[str, Any]] = mapped_column(default=dict)
    requires_notice: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str | None]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]


class EscalationRefusal(TenantRecord):
    """A holder refuses rises from a day on, until the day from which they take them again."""

    __tablename__ = "escalation_refusals"
    __table_args__ = (
        Index(
            "escalation_refusals_open_key",
            "org_id",
            "policy_id",
            unique=True,
            postgresql_where=text("withdrawn_from IS NULL"),
        ),
        Index("escalation_refusals_policy_ix", "org_id", "policy_id"),
        tenant_key("policies", "policy_id"),
        CheckConstraint("withdrawn_from > refused_from", name="withdrawn"),
    )

    policy_id: Mapped[UUID]
    refused_from: Mapped[date]
    reason: Mapped[str]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
    withdrawn_from: Mapped[date | None]
    withdrawn_reason: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]

    def holds_on(self, day: date) -> bool:
        """Tell whether the holder refuses the rise of a day."""
        return self.refused_from <= day and (
            self.withdrawn_from is None or day < self.withdrawn_from
        )


class EscalationNotice(TenantRecord):
    """What a holder was told of a rise before it took effect.

    `evidence`, the number of a registered letter or of a file, is the proof; older rows have none.
    """

    __tablename__ = "escalation_notices"
    __table_args__ = (
        UniqueConstraint("org_id", "policy_id", "anniversary", name="escalation_notices_once_key"),
        tenant_key("policies", "policy_id"),
    )

    policy_id: Mapped[UUID]
    anniversary: Mapped[date]
    sent_on: Mapped[date]
    recipient: Mapped[str]
    evidence: Mapped[str | None]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
