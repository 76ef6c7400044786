"""Policies on screen."""

from insurance.policies.permissions import PoliciesMay
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("policies", __name__, "/policies")
RAIL = (
    RailEntry(
        "Policies",
        "policies.index",
        PoliciesMay.VIEW,
        "file-text",
        group="Serve",
        place=30,
        key="p",
    ),
)
