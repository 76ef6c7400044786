"""Quotes: a request, its price, and everything needed to price it again to the cent."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import TenantRecord, tenant_key


class QuoteStatus(StrEnum):
    """Where an offer stands. It is expired by its date, not by a job."""

    QUOTED = "quoted"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class Quote(TenantRecord):
    """An offer. It pins the product version; rate tables never change once they exist."""

    __tablename__ = "quotes"
    __table_args__ = (
        UniqueConstraint("org_id", "quote_number"),
        Index("quotes_status_ix", "org_id", "status", "id"),
        Index("quotes_customer_ix", "org_id", "customer_id", "id"),
        Index("quotes_premium_ix", "org_id", "monthly_premium", "id"),
        Index("quotes_expiry_ix", "org_id", "expires_on", "id"),
        Index("quotes_version_ix", "org_id", "product_version_id"),
        Index("quotes_product_ix", "org_id", "product_id", "id"),
        Index("quotes_comparison_ix", "org_id", "comparison_id"),
        tenant_key("products", "product_id"),
        tenant_key("product_versions", "product_version_id"),
        tenant_key("customers", "customer_id"),
        CheckConstraint("monthly_premium >= 0", name="premium"),
    )

    quote_number: Mapped[str]
    status: Mapped[QuoteStatus]
    product_id: Mapped[UUID]
    product_version_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    comparison_id: Mapped[UUID | None]
    age: Mapped[int | None]
    gender: Mapped[str | None]
    sum_assured: Mapped[Decimal]
    term_years: Mapped[int]
    monthly_premium: Mapped[Decimal]
    annual_premium: Mapped[Decimal]
    request: Mapped[dict[str, Any]]
    benefit_premiums: Mapped[list[Any]]
    insured_lives: Mapped[list[Any]]
    worksheet: Mapped[list[Any]]
    priced_on: Mapped[date]
    expires_on: Mapped[date]
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
