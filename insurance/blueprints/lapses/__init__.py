"""Screens of lapse rules, arrears and holds."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("lapses", __name__, "/lapses")

from insurance.blueprints.lapses import holds, index, notices, products, rules  # noqa: E402, F401
