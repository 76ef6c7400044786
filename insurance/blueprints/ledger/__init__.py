"""The ledger on screen."""

from insurance.audit_logs.permissions import AuditMay
from insurance.ledger.permissions import LedgerMay
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("ledger", __name__, "/ledger")
RAIL = (
    RailEntry(
        "Ledger",
        "ledger.trial_balance",
        LedgerMay.VIEW,
        "book",
        group="Money",
        place=60,
        works=(
            LedgerMay.CLOSE,
            AuditMay.EXPORT,
        ),
    ),
)
