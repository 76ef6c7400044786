"""Bank files on screen: uploaded, looked at, posted, reported; and money in suspense."""

from insurance.core.permissions import May
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("reconciliation", __name__, "/reconciliation")
RAIL = (
    RailEntry(
        "Reconciliation",
        "reconciliation.index",
        May.RECONCILIATION_VIEW,
        "upload",
        group="Money",
        place=30,
    ),
    RailEntry(
        "Suspense",
        "reconciliation.suspense",
        May.RECONCILIATION_VIEW,
        "coins",
        group="Money",
        place=40,
    ),
)
