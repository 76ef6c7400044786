"""The start page."""

from insurance.organizations.permissions import DashboardMay
from insurance.web.navigation import RailEntry

RAIL = (
    RailEntry("Home", "dashboard.show", DashboardMay.VIEW, "home", group="", place=10, key="h"),
)
