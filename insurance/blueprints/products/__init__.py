"""Screens of products, their parts, rate tables and categories."""

from insurance.core.permissions import May
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("products", __name__, "/products")
RAIL = (
    RailEntry(
        "Products",
        "products.index",
        May.PRODUCTS_VIEW,
        "packages",
        group="Build",
        place=10,
        key="b",
    ),
    RailEntry(
        "Rate tables", "products.rate_tables", May.PRODUCTS_VIEW, "table", group="Build", place=20
    ),
)
