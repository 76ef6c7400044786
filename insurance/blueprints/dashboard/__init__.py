"""The start page."""

from insurance.core.permissions import May
from insurance.web.navigation import RailEntry

RAIL = (
    RailEntry("Home", "dashboard.show", May.DASHBOARD_VIEW, "home", group="", place=10, key="h"),
)
