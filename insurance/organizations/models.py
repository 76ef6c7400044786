"""Tenants with their settings, and the reference lists all tenants share."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import (
    CONTROL_SCHEMA,
    ControlRecord,
    Rate,
    ReferenceRecord,
    TenantRecord,
    TenantTable,
)
from insurance.core.permissions import Role


class OrganizationKind(StrEnum):
    """The platform's own organization, or an insurer."""

    PLATFORM = "PLATFORM"
    INSURER = "INSURER"


class LicenceType(StrEnum):
    """The licence an insurer holds (Insurance Act 18 of 2017)."""

    LIFE = "LIFE"
    NON_LIFE = "NON_LIFE"
    MICRO = "MICRO"


class Category(StrEnum):
    """The table of Schedule 2 that a class stands in."""

    LIFE = "LIFE"
    NON_LIFE = "NON_LIFE"


class Organization(TenantTable):
    """A tenant. `version` counts its edits. A payment above `payment_limit` takes two people.

    `launch_needs_second_person` asks for two at the launch of a product, too.
    `replaced_quotes_are_repriced`: a quote on a product version that was replaced since is priced
    again before it is accepted, else it keeps its price until it expires.
    """

    __tablename__ = "organizations"
    __table_args__ = (
        CheckConstraint("(kind = 'PLATFORM') = (licence_type IS NULL)", name="insurer_has_licence"),
        CheckConstraint("session_idle_minutes BETWEEN 5 AND 720", name="idle_minutes"),
        CheckConstraint("payment_limit > 0", name="payment_limit"),
        CheckConstraint("number_searches_per_hour BETWEEN 1 AND 1000", name="number_searches"),
    )

    kind: Mapped[OrganizationKind]
    name: Mapped[str]
    slug: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    licence_type: Mapped[LicenceType | None]
    currency: Mapped[str] = mapped_column(default="ZAR")
    timezone: Mapped[str] = mapped_column(default="Africa/Johannesburg")
    requires_mfa: Mapped[bool] = mapped_column(default=False)
    session_idle_minutes: Mapped[int] = mapped_column(default=30)
    payment_limit: Mapped[Decimal] = mapped_column(default=Decimal("100000.00"))
    number_searches_per_hour: Mapped[int] = mapped_column(default=30)
    launch_needs_second_person: Mapped[bool] = mapped_column(default=False)
    replaced_quotes_are_repriced: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class LicensedClass(TenantTable):
    """A class of business the licence names."""

    __tablename__ = "licensed_classes"
    __table_args__ = (Index("licensed_classes_class_code_ix", "org_id", "class_code"),)

    class_code: Mapped[str] = mapped_column(
        ForeignKey("ins.product_classes.code"), primary_key=True
    )


class ListView(TenantRecord):
    """What somebody keeps of a list: what narrows it, its order, its columns, under a name.

    `list_name` is the list's screen, `asked` the parameters of its address. A shared one is for
    everybody, and what people of its `role` see where they ask for nothing.
    """

    __tablename__ = "list_views"
    __table_args__ = (
        UniqueConstraint("org_id", "list_name", "user_id", "name"),
        Index(
            "list_views_role_key",
            "org_id",
            "list_name",
            "role",
            unique=True,
            postgresql_where=text("role IS NOT NULL"),
        ),
        CheckConstraint("role IS NULL OR is_shared", name="shared_with_role"),
    )

    list_name: Mapped[str]
    user_id: Mapped[UUID]
    name: Mapped[str]
    asked: Mapped[dict[str, Any]]
    is_shared: Mapped[bool]
    role: Mapped[Role | None]
    saved_at: Mapped[datetime]


class OrganizationEntry(ControlRecord):
    """The directory of all organizations: how a slug leads to a tenant.

    It repeats the settings that every request needs, so that one query signs a request in;
    `grant_changes` holds a role, a permission and whether it is granted, for each change of those.
    """

    __tablename__ = "org_directory"
    __table_args__ = (UniqueConstraint("slug"), {"schema": CONTROL_SCHEMA})

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str]
    name: Mapped[str]
    kind: Mapped[OrganizationKind]
    licence_type: Mapped[LicenceType | None]
    timezone: Mapped[str]
    currency: Mapped[str]
    requires_mfa: Mapped[bool]
    session_idle_minutes: Mapped[int]
    grant_changes: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime]


class ProductClass(ReferenceRecord):
    """A class of insurance business (Insurance Act 18 of 2017, Schedule 2)."""

    __tablename__ = "product_classes"
    __table_args__ = (UniqueConstraint("code", name="product_classes_code_key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    category: Mapped[Category]
    act_reference: Mapped[str]
    display_order: Mapped[int]


class BenefitType(ReferenceRecord):
    """A kind of benefit."""

    __tablename__ = "benefit_types"
    __table_args__ = (UniqueConstraint("code", name="benefit_types_code_key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    display_order: Mapped[int]


class AllowedBenefit(ReferenceRecord):
    """A benefit type that a class may contain."""

    __tablename__ = "allowed_benefits"

    class_code: Mapped[str] = mapped_column(
        ForeignKey("ins.product_classes.code"), primary_key=True
    )
    benefit_type_code: Mapped[str] = mapped_column(
        ForeignKey("ins.benefit_types.code"), primary_key=True
    )


class DatedParameter(ReferenceRecord):
    """An amount or period set by law, in force from a day: VAT rate, funeral cover cap, grace."""

    __tablename__ = "dated_parameters"

    code: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    value: Mapped[Decimal] = mapped_column(Rate)
    source: Mapped[str]
