"""What the product endpoints share: field types, and which version is meant."""

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field

from insurance.api.edge import Answer, Query
from insurance.core.db import db
from insurance.products import queries
from insurance.products.models import (
    Product,
    ProductVersion,
)
from insurance.web.parsing import Words


def _whole(value: Any) -> Any:
    """Read 20.0 as 20: both are the same whole number in JSON."""
    is_whole = isinstance(value, Decimal) and value == value.to_integral_value()
    return int(value) if is_whole else value


Whole = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=0, le=100_000)]
Edits = Annotated[
    int,
    BeforeValidator(_whole),
    Field(strict=True, ge=1, le=2**31, description="The version you saw"),
]
Code = Annotated[Words, Field(max_length=60)]
Name = Annotated[Words, Field(min_length=1, max_length=200)]
Prose = Annotated[Words, Field(max_length=4000)]
Level = Annotated[Words, Field(min_length=1, max_length=60)]


class VersionQuery(Query):
    """Which version is read: the one that counts, unless its number is given."""

    version: int | None = Field(None, ge=1, le=100_000, description="Number of the version")


def wanted_version(product_id: UUID, number: int | None) -> tuple[Product, ProductVersion]:
    """Return a product and the version with a number, or the one that counts."""
    session = db.session()
    product = queries.get_product(session, product_id)
    if number is not None:
        return product, queries.get_numbered_version(session, product_id, number)
    return product, queries.get_current_version(session, product_id)


def place(product: Product, version: ProductVersion) -> dict[str, Any]:
    """Return where a part of a version belongs."""
    return {
        "product_id": product.id,
        "product_version_number": version.number,
        "product_version_status": version.status,
    }


def columns(record: Any, answer: type[Answer]) -> dict[str, Any]:
    """Return the columns of a record that an answer has."""
    return {name: getattr(record, name) for name in answer.model_fields if hasattr(record, name)}
