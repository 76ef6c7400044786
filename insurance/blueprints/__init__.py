"""The screens: one module each, form and route together."""

from importlib import import_module

from flask import Flask

_BLUEPRINTS = (
    "health",
    "identity.sign_in",
    "identity.links",
    "identity.security",
    "identity.second_factor",
    "dashboard.show",
    "search",
    "customers",
    "quotes",
    "policies",
    "claims",
    "approvals",
    "ledger",
    "month_end",
    "debit_orders",
    "reconciliation",
    "lapses",
    "products",
    "organizations.organizations",
    "organizations.settings",
    "organizations.people",
    "organizations.api_keys",
    "organizations.mail",
    "audit_logs",
)


def register(app: Flask) -> None:
    """Register every screen's blueprint."""
    modules = [import_module(f"insurance.blueprints.{name}") for name in _BLUEPRINTS]
    # Several modules may share a blueprint; it is registered once all of them are loaded.
    for blueprint in dict.fromkeys(module.bp for module in modules):
        app.register_blueprint(blueprint)
