"""Policies on screen."""

from insurance.core.permissions import May
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("policies", __name__, "/policies")
RAIL = (
    RailEntry(
        "Policies",
        "policies.index",
        May.POLICIES_VIEW,
        "file-text",
        group="Serve",
        place=30,
        key="p",
    ),
)
