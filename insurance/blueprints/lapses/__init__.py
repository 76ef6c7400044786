"""Screens of lapse rules, arrears and holds."""

from insurance.core.permissions import May
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import Entry

bp = tenant_blueprint("lapses", __name__, "/lapses")
RAIL = (
    Entry("Arrears and lapses", "lapses.index", May.LAPSES_VIEW, "clock", group="Money", place=10),
    Entry("Lapse rules", "lapses.rules", May.LAPSES_VIEW, "list-details", group="Build", place=30),
)
