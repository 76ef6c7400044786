"""Customers on screen."""

from insurance.customers.permissions import CustomersMay
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("customers", __name__, "/customers")
RAIL = (
    RailEntry(
        "Customers",
        "customers.index",
        CustomersMay.VIEW,
        "users",
        group="Serve",
        place=10,
        key="c",
    ),
)
