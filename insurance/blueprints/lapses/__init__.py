"""Screens of lapse rules, arrears and holds."""

from insurance.lapses.permissions import LapsesMay
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("lapses", __name__, "/lapses")
RAIL = (
    RailEntry(
        "Arrears and lapses",
        "lapses.index",
        LapsesMay.VIEW,
        "clock",
        group="Money",
        place=10,
        works=(
            LapsesMay.EDIT,
            LapsesMay.HOLD,
        ),
    ),
    RailEntry(
        "Lapse rules",
        "lapses.rules",
        LapsesMay.VIEW,
        "list-details",
        group="Build",
        place=30,
        works=(LapsesMay.EDIT,),
    ),
)
