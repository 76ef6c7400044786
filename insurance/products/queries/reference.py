"""Classes of business, benefit types and the tenant's own categories."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from insurance.core.errors import NotFoundError
from insurance.core.tenancy import current_org
from insurance.organizations.models import (
    AllowedBenefit,
    BenefitType,
    Category,
    LicensedClass,
    ProductClass,
)
from insurance.products.models import (
    ProductCategory,
)


@dataclass(frozen=True, slots=True)
class ClassChoice:
    """A class of business, and whether the organization's licence names it."""

    id: UUID
    code: str
    name: str
    category: Category
    is_licensed: bool


def list_categories(session: Session) -> Sequence[ProductCategory]:
    """Return the organization's product categories by name."""
    return session.scalars(
        select(ProductCategory)
        .where(ProductCategory.org_id == current_org())
        .order_by(ProductCategory.category_name, ProductCategory.id)
    ).all()


def find_category(session: Session, category_id: UUID) -> ProductCategory | None:
    """Return a category, or None."""
    return session.scalar(
        select(ProductCategory).where(
            ProductCategory.org_id == current_org(), ProductCategory.id == category_id
        )
    )


def get_category(session: Session, category_id: UUID) -> ProductCategory:
    """Return a category."""
    category = find_category(session, category_id)
    if category is None:
        raise NotFoundError("There is no such category.")
    return category


def list_classes(session: Session) -> list[ClassChoice]:
    """Return every class of business and whether the licence names it."""
    rows = session.execute(
        select(
            ProductClass.id,
            ProductClass.code,
            ProductClass.name,
            ProductClass.category,
            LicensedClass.class_code.is_not(None),
        )
        .outerjoin(
            LicensedClass,
            and_(
                LicensedClass.class_code == ProductClass.code,
                LicensedClass.org_id == current_org(),
            ),
        )
        .order_by(ProductClass.display_order)
    )
    return [ClassChoice(*row) for row in rows]


def find_class(
    session: Session, *, code: str = "", class_id: UUID | None = None
) -> ClassChoice | None:
    """Return a class by its code or its id."""
    return next((c for c in list_classes(session) if c.code == code or c.id == class_id), None)


def list_allowed_benefits(session: Session, class_code: str) -> Sequence[BenefitType]:
    """Return the benefit types that a class may contain."""
    return session.scalars(
        select(BenefitType)
        .join(AllowedBenefit, AllowedBenefit.benefit_type_code == BenefitType.code)
        .where(AllowedBenefit.class_code == class_code)
        .order_by(BenefitType.display_order)
    ).all()


def benefit_type_ids(session: Session) -> dict[str, UUID]:
    """Return the id of every benefit type by its code."""
    rows = session.execute(select(BenefitType.code, BenefitType.id))
    return dict(rows.all())
