"""Lapse rules in dated versions, holds that stop a lapse, and proof of what the holder was told."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import TenantRecord, TenantTable, tenant_key


class GraceType(StrEnum):
    """Which days of grace count."""

    CALENDAR = "CALENDAR"
    BUSINESS = "BUSINESS"


class LapseRule(TenantRecord):
    """The grace and reinstatement terms of a product from one day up to, not including, another.

    The rule in force on a premium's due date applies to it. `version` counts edits.
    """

    __tablename__ = "lapse_rules"
    __table_args__ = (
        ExcludeConstraint(
            ("org_id", "="),
            ("product_id", "="),
            (text("daterange(effective_from, effective_to)"), "&&"),
            name="lapse_rules_dates_excl",
        ),
        Index("lapse_rules_product_ix", "org_id", "product_id", "effective_from"),
        tenant_key("products", "product_id", ondelete="CASCADE"),
        CheckConstraint("effective_from < effective_to", name="not_empty"),
        CheckConstraint("tolerance >= 0", name="tolerance"),
    )

    product_id: Mapped[UUID]
    grace_period_days: Mapped[int]
    grace_period_type: Mapped[GraceType]
    monthly_grace_days: Mapped[int]
    quarterly_grace_days: Mapped[int]
    half_yearly_grace_days: Mapped[int]
    annual_grace_days: Mapped[int]
    reminder_schedule: Mapped[list[Any]]
    auto_reinstate_if_paid_within_days: Mapped[int]
    max_reinstatement_period_days: Mapped[int]
    reinstatement_requires_medical_after_days: Mapped[int | None]
    send_sms_reminders: Mapped[bool]
    send_email_reminders: Mapped[bool]
    requires_notice: Mapped[bool]
    tolerance: Mapped[Decimal]
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class LapseHold(TenantRecord):
    """A reason not to lapse a policy from `placed_on` up to, not including, `expires_on`."""

    __tablename__ = "lapse_holds"
    __table_args__ = (
        Index("lapse_holds_policy_ix", "org_id", "policy_id", "expires_on"),
        tenant_key("policies", "policy_id"),
        CheckConstraint("placed_on < expires_on", name="not_empty"),
    )

    policy_id: Mapped[UUID]
    reason: Mapped[str]
    placed_on: Mapped[date]
    expires_on: Mapped[date]
    placed_by: Mapped[str]
    placed_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    released_by: Mapped[str | None]


class NoticeKind(StrEnum):
    """A courtesy before the due date, or the notice that the law wants before a lapse."""

    REMINDER = "REMINDER"
    NON_PAYMENT = "NON_PAYMENT"


class PremiumNotice(TenantRecord):
    """What a holder was told about a premium, once a kind, day and recipient.

    With `mail_id` the mail is the proof once it has left. Without, a person recorded a letter, and
    its registered number or a file of it is the proof.
    """

    __tablename__ = "premium_notices"
    __table_args__ = (
        UniqueConstraint(
            "org_id",
            "premium_line_id",
            "kind",
            "days_before",
            "recipient",
            name="premium_notices_once_key",
        ),
        Index("premium_notices_policy_ix", "org_id", "policy_id", "sent_on"),
        Index("premium_notices_mail_ix", "org_id", "mail_id"),
        tenant_key("policies", "policy_id"),
        tenant_key("premium_lines", "premium_line_id"),
        tenant_key("mails", "mail_id"),
    )

    policy_id: Mapped[UUID]
    premium_line_id: Mapped[UUID]
    kind: Mapped[NoticeKind]
    days_before: Mapped[int]
    recipient: Mapped[str]
    mail_id: Mapped[UUID | None]
    sent_on: Mapped[date]
    registered_number: Mapped[str | None]
    file_key: Mapped[str | None]
    file_name: Mapped[str | None]
    sha256: Mapped[str | None]


class ArrearsList(TenantTable):
    """When the policies in arrears of a large book were last listed, and how many stood where."""

    __tablename__ = "arrears_lists"

    business_day: Mapped[date]
    taken_at: Mapped[datetime]
    counts: Mapped[dict[str, Any]]


class ArrearsEntry(TenantTable):
    """A policy in the list of those in arrears. What it owes is read when it is shown."""

    __tablename__ = "arrears_entries"
    __table_args__ = (Index("arrears_entries_date_ix", "org_id", "lapse_date", "policy_id"),)

    is_blocked: Mapped[bool] = mapped_column(primary_key=True)
    lapse_date: Mapped[date] = mapped_column(primary_key=True)
    policy_id: Mapped[UUID] = mapped_column(primary_key=True)
