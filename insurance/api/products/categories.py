"""A tenant's own grouping of products."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from insurance.api.edge import Answer, Body, Reply, created, endpoint
from insurance.api.products.shared import Code, Name, Prose, columns
from insurance.core import clock
from insurance.core.db import db
from insurance.products import queries, services
from insurance.products.models import (
    ProductCategory,
    TargetMarket,
)
from insurance.products.permissions import ProductsMay


class NewCategoryBody(Body):
    """A product category; its class by id or by code."""

    product_class_id: UUID | None = None
    class_code: Code = ""
    category_code: Code
    category_name: Name
    description: Prose = ""
    target_market: TargetMarket = TargetMarket.RETAIL


class CategoryAnswer(Answer):
    """A tenant's own grouping of products under a class."""

    id: UUID
    product_class_id: UUID
    class_code: str
    category_code: str
    category_name: str
    description: str
    target_market: TargetMarket
    created_at: datetime


@endpoint("GET", "/product-categories", may=ProductsMay.VIEW,
          answer=list[CategoryAnswer], tag="Product categories")  # fmt: skip
def list_product_categories() -> list[dict[str, Any]]:
    """List product categories by name."""
    session = db.session()
    classes = {class_.code: class_.id for class_ in queries.list_classes(session)}
    return [_category(category, classes) for category in queries.list_categories(session)]


@endpoint("POST", "/product-categories", may=ProductsMay.EDIT, body=NewCategoryBody,
          answer=CategoryAnswer, status=201, tag="Product categories")  # fmt: skip
def create_product_category(body: NewCategoryBody) -> Reply:
    """Create a product category."""
    facts = services.NewCategory(**body.model_dump(exclude={"org_id"}))
    category = services.create_category(facts, now=clock.now())
    classes = {class_.code: class_.id for class_ in queries.list_classes(db.session())}
    return created(_category(category, classes), "get_product_category", category_id=category.id)


@endpoint("GET", "/product-categories/<uuid:category_id>", may=ProductsMay.VIEW,
          answer=CategoryAnswer, tag="Product categories")  # fmt: skip
def get_product_category(category_id: UUID) -> dict[str, Any]:
    """Read a product category."""
    session = db.session()
    classes = {class_.code: class_.id for class_ in queries.list_classes(session)}
    return _category(queries.get_category(session, category_id), classes)


def _category(category: ProductCategory, classes: Mapping[str, UUID]) -> dict[str, Any]:
    return columns(category, CategoryAnswer) | {"product_class_id": classes[category.class_code]}
