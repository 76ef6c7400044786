"""The start page."""

from insurance.core.permissions import May
from insurance.web.navigation import Entry

RAIL = (Entry("Home", "dashboard.show", May.DASHBOARD_VIEW, "home", group="", place=10, key="h"),)
