"""Two versions of a product beside each other."""

from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from flask import Response, request

from insurance.blueprints.products import bp
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.core.money import format_money
from insurance.core.permissions import May
from insurance.products import queries
from insurance.products.models import ProductVersion
from insurance.web.access import requires
from insurance.web.filters import rate, words
from insurance.web.html import page

_AMOUNTS = (
    "base_premium",
    "coverage_amount",
    "min_sum_assured",
    "max_sum_assured",
    "default_amount",
    "max_amount",
    "flat_premium",
)


@bp.get("/<uuid:product_id>/compare")
@requires(May.PRODUCTS_VIEW)
def compare(product_id: UUID) -> Response:
    """Show what differs between two versions, by default the two newest."""
    session = db.session()
    product = queries.get_product(session, product_id)
    versions = list(queries.list_versions(session, product_id))
    after = _numbered(versions, request.args.get("to"), versions[0])
    before = _numbered(versions, request.args.get("from"), versions[min(1, len(versions) - 1)])
    sections = queries.compare_versions(session, before, after)
    return page(
        "products/compare.html",
        part="comparison",
        product=product,
        versions=versions,
        before=before,
        after=after,
        sections=[
            (
                f"{words(section.kind)}: {section.title}"
                if section.kind != "terms"
                else section.title,
                [
                    (one.field, shown(one.field, one.before), shown(one.field, one.after))
                    for one in section.differences
                ],
            )
            for section in sections
        ],
    )


def shown(field: str, value: Any) -> str | None:
    """Return a value as a person reads it; None where there is none."""
    if value is None or value in ([], {}):
        return None
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, Enum):
        return words(value.value)
    if isinstance(value, Decimal):
        return format_money(value) if field in _AMOUNTS else rate(value)
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    if isinstance(value, dict):
        return ", ".join(f"{words(name)} {part}%" for name, part in value.items())
    return str(value)


def _numbered(
    versions: list[ProductVersion], number: str | None, default: ProductVersion
) -> ProductVersion:
    if number is None:
        return default
    for version in versions:
        if str(version.number) == number:
            return version
    raise NotFoundError("There is no such product version.")
