"""Products made and edited; terms change in draft versions only."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.db import constraint_of, transaction
from insurance.core.errors import ConflictError, DomainError, raise_all
from insurance.core.text import slug_of
from insurance.products import queries, validity
from insurance.products.models import (
    PricingMethod,
    Product,
    ProductStatus,
    ProductVersion,
    RateBasis,
    VersionStatus,
)
from insurance.products.services.facts import (
    HEADER_FIELDS,
    TERM_FIELDS,
    EditMode,
    NewProduct,
    NewRate,
    NewRateTable,
)
from insurance.products.services.launching import launch_draft, refuse_alone
from insurance.products.services.rate_tables import add_rate_table
from insurance.products.services.snapshots import assign, refuse_stale, snapshot_both
from insurance.products.services.versions import mark_author, open_draft


def create_product(facts: NewProduct, *, now: datetime) -> Product:
    """Make a product with its first draft; launch it at once where the facts ask for that."""
    with transaction() as session:
        if facts.is_active:
            refuse_alone(session)
        product = Product(status=ProductStatus.DRAFT, version=1, created_at=now, updated_at=now)
        assign(product, _header(session, facts))
        draft = ProductVersion(number=1, status=VersionStatus.DRAFT, drafted_by=[], created_at=now)
        mark_author(draft)
        assign(
            draft, asdict(facts.terms) | {"modal_loadings": _loadings(facts.terms.modal_loadings)}
        )
        raise_all(_bad_terms(session, draft, facts.terms.modal_loadings))
        session.add(product)
        _flush(session, product)
        draft.product_id = product.id
        if facts.rate_rows:
            _price_by_rows(session, product, draft, facts.rate_rows, now)
        session.add(draft)
        session.flush()
        record(
            session,
            action="products.create",
            resource="products",
            resource_id=product.id,
            after=snapshot_both(product, draft),
        )
        if facts.is_active:
            launch_draft(session, product, draft, now, hint=_ACTIVE_HINT)
    return product


_ACTIVE_HINT = (
    "The product was not created, because is_active is true and these checks fail."
    " Create it as a draft, complete it and launch it."
)


def edit_product(
    product_id: UUID,
    changes: Mapping[str, Any],
    *,
    rate_rows: list[NewRate] | None = None,
    mode: EditMode = EditMode.AUTO,
    version: int | None = None,
    now: datetime,
) -> Product:
    """Change a product's particulars at once and its terms in a draft. `version` is the one seen.

    A launched version stays as it is: AUTO and CLONE copy it into a new draft.
    """
    with transaction() as session:
        product = queries.get_product(session, product_id, lock=True)
        header = {name: value for name, value in changes.items() if name in HEADER_FIELDS}
        terms = {name: value for name, value in changes.items() if name in TERM_FIELDS}
        seen = queries.find_draft(session, product.id) or queries.get_current_version(
            session, product.id
        )
        before = snapshot_both(product, seen)
        refuse_stale("product", before, changes, product.version, version)
        if header:
            _change_header(session, product, header)
            if seen.status is VersionStatus.DRAFT:
                mark_author(seen)
        changed = seen
        if terms or rate_rows or mode is not EditMode.AUTO:
            changed = open_draft(session, product, mode, now)
            _change_terms(session, product, changed, terms, rate_rows, now)
        product.version += 1
        product.updated_at = now
        _flush(session, product)
        record(
            session,
            action="products.edit",
            resource="products",
            resource_id=product.id,
            before=before,
            after=snapshot_both(product, changed),
        )
    return product


def _header(session: Session, facts: NewProduct) -> dict[str, Any]:
    header = {
        "name": facts.name,
        "slug": facts.slug or slug_of(facts.name),
        "description": facts.description,
        "category_id": facts.category_id,
        "class_code": validity.class_of(facts.product_type, facts.class_code),
        "product_type": facts.product_type or facts.class_code,
    }
    _check_header(session, header)
    return header


def _change_header(session: Session, product: Product, header: dict[str, Any]) -> None:
    if "product_type" in header and "class_code" not in header:
        header["class_code"] = validity.class_of(header["product_type"], "")
    fixed = [name for name in ("slug", "class_code", "product_type") if name in header]
    moved = [name for name in fixed if header[name] != getattr(product, name)]
    if moved and queries.was_ever_launched(session, product.id):
        raise ConflictError(
            "The class, the type and the slug of a product stay as they were at its first launch.",
            field=moved[0],
        )
    current = {name: getattr(product, name) for name in HEADER_FIELDS}
    _check_header(session, current | header)
    with session.no_autoflush:
        assign(product, header)


def _check_header(session: Session, header: Mapping[str, Any]) -> None:
    """Check a product's particulars together, and its class against its category."""
    problems = []
    if not header["name"].strip():
        problems.append(DomainError("Enter a name.", field="name"))
    if not validity.SLUG.fullmatch(header["slug"]):
        problems.append(
            DomainError(
                "Use small letters, digits and dashes, such as funeral-family.", field="slug"
            )
        )
    found = queries.find_class(session, code=header["class_code"] or "")
    if found is None:
        problems.append(
            DomainError(
                "Name a class of business, or a product type that belongs to one.",
                field="class_code" if not header["product_type"] else "product_type",
            )
        )
    else:
        problems += _bad_type(session, header["product_type"], found)
        if header["category_id"] is not None:
            problems += _bad_category(session, header["category_id"], found.code)
    raise_all(problems)


def _bad_type(
    session: Session, product_type: str, product_class: queries.ClassChoice
) -> list[DomainError]:
    """Refuse a life type in a non-life class and the other way round."""
    if not validity.CODE.fullmatch(product_type):
        problem = "Use capital letters, digits and underscores, such as TERM_LIFE."
        return [DomainError(problem, field="product_type")]
    usual = queries.find_class(session, code=validity.class_of(product_type, "") or "")
    if usual is None or usual.category is product_class.category:
        return []
    return [
        DomainError(
            f"{product_type} is {usual.category} business, {product_class.code} is"
            f" {product_class.category}.",
            field="product_type",
        )
    ]


def _bad_category(session: Session, category_id: UUID, class_code: str) -> list[DomainError]:
    category = queries.find_category(session, category_id)
    if category is None:
        return [DomainError("There is no such category.", field="category_id")]
    if category.class_code != class_code:
        return [
            DomainError(
                f"{category.category_name} is a category of {category.class_code},"
                f" not of {class_code}.",
                field="category_id",
            )
        ]
    return []


def _change_terms(
    session: Session,
    product: Product,
    draft: ProductVersion,
    terms: dict[str, Any],
    rate_rows: list[NewRate] | None,
    now: datetime,
) -> None:
    loadings = terms.get("modal_loadings", {})
    with session.no_autoflush:
        assign(draft, terms)
        if "modal_loadings" in terms:
            draft.modal_loadings = _loadings(loadings)
        raise_all(_bad_terms(session, draft, loadings))
    if rate_rows:
        _price_by_rows(session, product, draft, rate_rows, now)


def _price_by_rows(
    session: Session,
    product: Product,
    draft: ProductVersion,
    rows: Any,
    now: datetime,
) -> None:
    """Bind the version to a new table made of a simple product's rows."""
    if draft.pricing_method is not PricingMethod.RATE_TABLE:
        raise DomainError(
            "Rates are only read where the pricing method is RATE_TABLE.", field="rate_table"
        )
    table = add_rate_table(
        session,
        NewRateTable(
            table_code=f"{product.slug}-rates"[:60],
            table_name=f"{product.name} rates",
            rate_basis=RateBasis.PER_MILLE,
            rating_factors=("age", "gender"),
            entries=rows,
        ),
        now,
    )
    draft.rate_table_id = table.id


def _loadings(loadings: Mapping[str, Any]) -> dict[str, str]:
    """Return modal loadings as they are stored: per cent as text, so no digit is lost."""
    return {frequency: str(percent) for frequency, percent in loadings.items()}


def _bad_terms(
    session: Session, draft: ProductVersion, loadings: Mapping[str, Any]
) -> list[DomainError]:
    problems = validity.check_terms(draft) + validity.check_modal_loadings(loadings)
    table_id = draft.rate_table_id
    if table_id is not None and not queries.find_rate_tables(session, [table_id]):
        problems.append(DomainError("There is no such rate table.", field="rate_table_id"))
    return problems


def _flush(session: Session, product: Product) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        if constraint_of(error) == "products_slug_key":
            raise ConflictError(
                f"There is already a product with the slug {product.slug}.", field="slug"
            ) from error
        raise
