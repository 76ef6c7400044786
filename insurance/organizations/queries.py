"""Reading organizations, the directory, reference lists and dated parameters."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from insurance.core.errors import NotFoundError
from insurance.core.paging import Page, decode_cursor, page_of
from insurance.core.reading import constant, read_rows
from insurance.core.tenancy import current_org
from insurance.organizations.models import (
    AllowedBenefit,
    BenefitType,
    DatedParameter,
    Organization,
    OrganizationEntry,
    OrganizationKind,
    ProductClass,
)

_PAYMENT_LIMIT = constant("SELECT payment_limit FROM ins.organizations WHERE org_id = :org")


def get_organization(session: Session, *, lock: bool = False) -> Organization:
    """Return the organization in scope."""
    found = session.get(Organization, current_org(), with_for_update=lock or None)
    if found is None:
        raise NotFoundError
    return found


def payment_limit(session: Session) -> Decimal:
    """Return the amount in rand above which a payment takes two people."""
    session.flush()
    rows = read_rows(session, _PAYMENT_LIMIT, {"org": current_org()})
    if not rows:
        raise NotFoundError
    return rows[0][0]  # type: ignore[no-any-return]


def local_day(session: Session, moment: datetime) -> date:
    """Return the day of a moment in the time zone of the organization in scope."""
    return moment.astimezone(ZoneInfo(get_organization(session).timezone)).date()


def get_insurer(session: Session, *, lock: bool = False) -> Organization:
    """Return the organization in scope, which must be an insurer. Raises NotFoundError."""
    found = get_organization(session, lock=lock)
    if found.kind is not OrganizationKind.INSURER:
        raise NotFoundError
    return found


def list_directory(
    session: Session,
    *,
    only: Sequence[UUID] | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[OrganizationEntry]:
    """Return the insurers on the platform, by name; `only` narrows to some."""
    query = (
        select(OrganizationEntry)
        .where(OrganizationEntry.kind == OrganizationKind.INSURER)
        .order_by(OrganizationEntry.name, OrganizationEntry.slug)
        .limit(limit + 1)
    )
    if only is not None:
        query = query.where(OrganizationEntry.org_id.in_(only))
    if cursor:
        query = query.where(
            tuple_(OrganizationEntry.name, OrganizationEntry.slug) > tuple(decode_cursor(cursor, 2))
        )
    return page_of(session.scalars(query).all(), limit, lambda entry: (entry.name, entry.slug))


def list_entries(session: Session) -> Sequence[OrganizationEntry]:
    """Return every organization of the directory, the platform's own first, then by age."""
    return session.scalars(select(OrganizationEntry).order_by(OrganizationEntry.org_id)).all()


def find_entry(session: Session, slug: str) -> OrganizationEntry | None:
    """Return an organization's directory entry by its slug."""
    return session.scalars(
        select(OrganizationEntry).where(OrganizationEntry.slug == slug)
    ).one_or_none()


def get_entry(session: Session, org_id: UUID) -> OrganizationEntry:
    """Return an organization's directory entry. Raises NotFoundError."""
    entry = session.get(OrganizationEntry, org_id)
    if entry is None:
        raise NotFoundError
    return entry


_LICENSED = constant(
    "SELECT class_code FROM ins.licensed_classes WHERE org_id = :org ORDER BY class_code"
)


def list_licensed_classes(session: Session) -> list[str]:
    """Return the codes of the classes the licence in scope names."""
    session.flush()
    return [row[0] for row in read_rows(session, _LICENSED, {"org": current_org()})]


def list_product_classes(session: Session) -> Sequence[ProductClass]:
    """Return every class of business, in the order of the Act."""
    return session.scalars(select(ProductClass).order_by(ProductClass.display_order)).all()


def list_benefit_types(session: Session, class_code: str | None = None) -> Sequence[BenefitType]:
    """Return benefit types: all, or those a class may contain."""
    query = select(BenefitType).order_by(BenefitType.display_order)
    if class_code is not None:
        query = query.join(
            AllowedBenefit, AllowedBenefit.benefit_type_code == BenefitType.code
        ).where(AllowedBenefit.class_code == class_code)
    return session.scalars(query).all()


def find_parameter(session: Session, code: str, on: date) -> Decimal:
    """Return a dated parameter as in force on a day. Raises NotFoundError where there is none."""
    value = session.scalars(
        select(DatedParameter.value)
        .where(DatedParameter.code == code, DatedParameter.valid_from <= on)
        .order_by(DatedParameter.valid_from.desc())
        .limit(1)
    ).one_or_none()
    if value is None:
        raise NotFoundError(f"There is no {code} on {on}.")
    return value
