"""Month-end on screen: runs, their plan, progress and result; index tables and escalation."""

from insurance.month_end.permissions import MonthEndMay
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("month_end", __name__, "/month-end")
RAIL = (
    RailEntry(
        "Month-end",
        "month_end.index",
        MonthEndMay.VIEW,
        "calendar",
        group="Money",
        place=50,
        key="m",
        works=(
            MonthEndMay.RUN,
            MonthEndMay.APPROVE,
        ),
    ),
)
