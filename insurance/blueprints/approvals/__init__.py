"""Requests for a second person on screen."""

from insurance.approvals.permissions import ApprovalsMay
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("approvals", __name__, "/approvals")
RAIL = (
    RailEntry(
        "Approvals", "approvals.index", ApprovalsMay.VIEW, "check", group="Control", place=20
    ),
)
