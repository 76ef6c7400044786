"""Screens of lapse rules, arrears and holds."""

from insurance.core.permissions import May
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("lapses", __name__, "/lapses")
RAIL = (
    RailEntry(
        "Arrears and lapses", "lapses.index", May.LAPSES_VIEW, "clock", group="Money", place=10
    ),
    RailEntry(
        "Lapse rules", "lapses.rules", May.LAPSES_VIEW, "list-details", group="Build", place=30
    ),
)
