"""The ledger on screen."""

from insurance.core.permissions import May
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("ledger", __name__, "/ledger")
RAIL = (
    RailEntry("Ledger", "ledger.trial_balance", May.LEDGER_VIEW, "book", group="Money", place=60),
)
