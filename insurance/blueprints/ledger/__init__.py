"""The ledger on screen."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("ledger", __name__, "/ledger")

from insurance.blueprints.ledger import periods, statement, trial_balance  # noqa: E402, F401
