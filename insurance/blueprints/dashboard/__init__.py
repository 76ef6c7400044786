"""The start page, and whether the platform works."""

from insurance.organizations.permissions import DashboardMay, HealthMay, OrganizationsMay
from insurance.web.navigation import RailEntry

RAIL = (
    RailEntry("Home", "dashboard.show", DashboardMay.VIEW, "home", group="", place=10, key="h"),
    RailEntry(
        "Platform health",
        "dashboard.health",
        HealthMay.VIEW,
        "shield-check",
        group="Control",
        place=80,
        works=(OrganizationsMay.VIEW,),
    ),
)
