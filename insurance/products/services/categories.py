"""A tenant's own grouping of products."""

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.db import constraint_of, transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.products import queries, validity
from insurance.products.models import ProductCategory
from insurance.products.services.facts import NewCategory
from insurance.products.services.snapshots import snapshot


def create_category(facts: NewCategory, *, now: datetime) -> ProductCategory:
    """Add a category under a class of business."""
    with transaction() as session:
        category = ProductCategory(
            class_code=_class_code(session, facts),
            category_code=facts.category_code,
            category_name=facts.category_name,
            description=facts.description,
            target_market=facts.target_market,
            created_at=now,
        )
        validity.check_code(category.category_code, "category_code")
        session.add(category)
        _flush(session, category)
        record(
            session,
            action="product_categories.create",
            resource="product_categories",
            resource_id=category.id,
            after=snapshot(category),
        )
    return category


def _class_code(session: Session, facts: NewCategory) -> str:
    field = "class_code" if facts.class_code else "product_class_id"
    found = queries.find_class(session, code=facts.class_code, class_id=facts.product_class_id)
    if found is None or facts.product_class_id not in (None, found.id):
        raise DomainError("There is no such class of business.", field=field)
    return found.code


def _flush(session: Session, category: ProductCategory) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        if constraint_of(error) == "product_categories_category_code_key":
            raise ConflictError(
                f"There is already a category {category.category_code}.", field="category_code"
            ) from error
        raise
