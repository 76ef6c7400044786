"""The screens: one module each, form and route together."""

from importlib import import_module

from flask import Flask

_BLUEPRINTS = (
    "health",
    "identity.sign_in",
    "identity.links",
    "identity.security",
    "dashboard.show",
    "search",
    "customers",
    "quotes",
    "policies",
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
    for name in _BLUEPRINTS:
        module = import_module(f"insurance.blueprints.{name}")
        if module.bp.name not in app.blueprints:
            app.register_blueprint(module.bp)
