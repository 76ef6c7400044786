"""Month-end on screen: runs, their plan, progress and result; index tables and escalation."""

from insurance.core.permissions import May
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("month_end", __name__, "/month-end")
RAIL = (
    RailEntry(
        "Month-end",
        "month_end.index",
        May.MONTH_END_VIEW,
        "calendar",
        group="Money",
        place=50,
        key="m",
    ),
)
