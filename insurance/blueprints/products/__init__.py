"""Screens of products, their parts, rate tables and categories."""

from insurance.products.permissions import ProductsMay
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("products", __name__, "/products")
RAIL = (
    RailEntry(
        "Products",
        "products.index",
        ProductsMay.VIEW,
        "packages",
        group="Build",
        place=10,
        key="b",
        works=(ProductsMay.EDIT,),
    ),
    RailEntry(
        "Rate tables",
        "products.rate_tables",
        ProductsMay.VIEW,
        "table",
        group="Build",
        place=20,
        works=(ProductsMay.EDIT,),
    ),
)
