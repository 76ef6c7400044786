"""Products as lists show them, and one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    ScalarSelect,
    Select,
    and_,
    case,
    func,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import Session, aliased

from insurance.core.errors import DomainError, NotFoundError
from insurance.core.paging import DEFAULT_LIMIT, Page, decode_cursor, page_of
from insurance.core.reading import read_rows
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.organizations.models import (
    Category,
    ProductClass,
)
from insurance.products.models import (
    Product,
    ProductBenefit,
    ProductCategory,
    ProductStatus,
    ProductVersion,
    VersionStatus,
)


@dataclass(frozen=True, slots=True)
class ProductLine:
    """A product as a list shows it, with the version that counts: launched, else the newest."""

    product: Product
    version: ProductVersion
    class_name: str
    class_category: Category
    category_name: str | None
    benefits: int
    draft_number: int | None


def list_products(
    session: Session,
    *,
    status: ProductStatus | None = None,
    class_code: str | None = None,
    category_id: UUID | None = None,
    search: str = "",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[ProductLine]:
    """Return products by name."""
    wanted = _product_lines()
    if status is not None:
        wanted = wanted.where(Product.status == status)
    if class_code is not None:
        wanted = wanted.where(Product.class_code == class_code)
    if category_id is not None:
        wanted = wanted.where(Product.category_id == category_id)
    if search:
        wanted = wanted.where(_names_contain(search))
    if cursor is not None:
        name, product_id = _read_position(cursor)
        wanted = wanted.where(tuple_(Product.name, Product.id) > (name, product_id))
    rows = session.execute(wanted.order_by(Product.name, Product.id).limit(limit + 1)).all()
    lines = [ProductLine(*row) for row in rows]
    return page_of(lines, limit, lambda line: (line.product.name, line.product.id))


def _product_lines() -> Select[Product, ProductVersion, str, Category, str, int, int]:
    """Select each product with its version that counts, in one statement."""
    return (
        select(
            Product,
            ProductVersion,
            ProductClass.name,
            ProductClass.category,
            ProductCategory.category_name,
            _benefit_count(),
            _draft_number(),
        )
        .select_from(Product)
        .join(
            ProductVersion,
            and_(
                ProductVersion.org_id == Product.org_id,
                ProductVersion.id == _version_that_counts(),
            ),
        )
        .join(ProductClass, ProductClass.code == Product.class_code)
        .outerjoin(
            ProductCategory,
            and_(
                ProductCategory.org_id == Product.org_id, ProductCategory.id == Product.category_id
            ),
        )
        .where(Product.org_id == current_org())
    )


def _version_that_counts() -> ScalarSelect[UUID]:
    best = aliased(ProductVersion)
    ranks = {VersionStatus.LAUNCHED: 0, VersionStatus.DRAFT: 1}
    return (
        select(best.id)
        .where(best.org_id == Product.org_id, best.product_id == Product.id)
        .order_by(case(ranks, value=best.status, else_=2), best.number.desc())
        .limit(1)
        .correlate(Product)
        .scalar_subquery()
    )


def _benefit_count() -> ScalarSelect[int]:
    return (
        select(func.count())
        .where(
            ProductBenefit.org_id == ProductVersion.org_id,
            ProductBenefit.product_version_id == ProductVersion.id,
        )
        .correlate(ProductVersion)
        .scalar_subquery()
    )


def _draft_number() -> ScalarSelect[int]:
    draft = aliased(ProductVersion)
    return (
        select(draft.number)
        .where(
            draft.org_id == Product.org_id,
            draft.product_id == Product.id,
            draft.status == VersionStatus.DRAFT,
        )
        .correlate(Product)
        .scalar_subquery()
    )


def _names_contain(search: str) -> ColumnElement[bool]:
    """Match a part of the name or slug. A tenant has few products, so no index is needed."""
    part = search.casefold()
    return or_(func.strpos(func.lower(Product.name), part) > 0, func.strpos(Product.slug, part) > 0)


def _read_position(cursor: str) -> tuple[str, UUID]:
    name, product_id = decode_cursor(cursor, 2)
    try:
        return name, UUID(product_id)
    except ValueError as error:
        raise DomainError("This page link is not valid.", field="cursor") from error


def count_products(session: Session) -> dict[ProductStatus, int]:
    """Return how many products have each status."""
    found = dict(read_rows(session, _STATUSES, {"org": current_org()}))
    return {status: found.get(status, 0) for status in ProductStatus}


def get_product(session: Session, product_id: UUID, *, lock: bool = False) -> Product:
    """Return a product, locked for a change of it or of anything in its versions."""
    return get_record(session, Product, product_id, lock=lock, called="product")


def get_product_line(session: Session, product_id: UUID) -> ProductLine:
    """Return a product with its class, category and the version that counts."""
    row = session.execute(_product_lines().where(Product.id == product_id)).first()
    if row is None:
        raise NotFoundError("There is no such product.")
    return ProductLine(*row)


def list_product_names(session: Session) -> Sequence[Row[Any]]:
    """Return (id, name) of the organization's products by name, for choosing one."""
    return session.execute(_NAMES, {"org": current_org()}).all()


_STATUSES = "SELECT status, count(*) FROM ins.products WHERE org_id = %(org)s GROUP BY status"
_NAMES = text("SELECT id, name FROM ins.products WHERE org_id = :org ORDER BY name, id LIMIT 500")
