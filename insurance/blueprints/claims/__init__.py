"""Screens of claims."""

from insurance.claims.permissions import ClaimsMay, ClaimsReportsMay
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("claims", __name__, "/claims")
RAIL = (
    RailEntry(
        "Claims",
        "claims.index",
        ClaimsMay.VIEW,
        "clipboard-list",
        group="Serve",
        place=40,
        key="l",
        works=(
            ClaimsMay.SUBMIT,
            ClaimsMay.ASSESS,
            ClaimsMay.PAY,
        ),
    ),
    RailEntry(
        "Claims reports", "claims.reports", ClaimsReportsMay.VIEW, "receipt", group="Know", place=10
    ),
    RailEntry(
        "Loss ratio",
        "claims.loss_ratio",
        ClaimsReportsMay.VIEW,
        "chart-bar",
        group="Know",
        place=20,
    ),
)
