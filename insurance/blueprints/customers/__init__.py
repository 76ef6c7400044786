"""Customers on screen."""

from insurance.core.permissions import May
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("customers", __name__, "/customers")
RAIL = (
    RailEntry(
        "Customers",
        "customers.index",
        May.CUSTOMERS_VIEW,
        "users",
        group="Serve",
        place=10,
        key="c",
    ),
)
