"""Screens of claims."""

from insurance.core.permissions import May
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("claims", __name__, "/claims")
RAIL = (
    RailEntry(
        "Claims",
        "claims.index",
        May.CLAIMS_VIEW,
        "clipboard-list",
        group="Serve",
        place=40,
        key="l",
    ),
    RailEntry(
        "Claims reports", "claims.reports", May.CLAIMS_REPORTS, "receipt", group="Know", place=10
    ),
    RailEntry(
        "Loss ratio", "claims.loss_ratio", May.CLAIMS_REPORTS, "chart-bar", group="Know", place=20
    ),
)
