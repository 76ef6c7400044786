"""Bank files on screen: uploaded, looked at, posted, reported; and money in suspense."""

from insurance.reconciliation.permissions import ReconciliationMay
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("reconciliation", __name__, "/reconciliation")
RAIL = (
    RailEntry(
        "Reconciliation",
        "reconciliation.index",
        ReconciliationMay.VIEW,
        "upload",
        group="Money",
        place=30,
        works=(ReconciliationMay.UPLOAD,),
    ),
    RailEntry(
        "Suspense",
        "reconciliation.suspense",
        ReconciliationMay.VIEW,
        "coins",
        group="Money",
        place=40,
        works=(ReconciliationMay.UPLOAD,),
    ),
)
