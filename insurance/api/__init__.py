"""The JSON API, under /api/v1 and the same under /api."""

from importlib import import_module

from flask import Flask
from flask_wtf import CSRFProtect

from insurance.api.edge import blueprint_at

_AREAS = (
    "auth",
    "reference",
    "organizations",
    "products",
    "customers",
    "quotes",
    "policies",
    "claims",
    "claims_reports",
    "lapses",
    "premiums",
    "lifecycle",
    "approvals",
    "endorsements",
    "ledger",
    "debit_orders",
    "reconciliation",
    "reconciliation_mappings",
    "month_end",
    "dashboard",
    "audit_logs",
    "mails",
)


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Publish every area's endpoints, and the documentation."""
    for area in _AREAS:
        import_module(f"insurance.api.{area}")
    for prefix, name in (("/api/v1", "api_v1"), ("/api", "api")):
        blueprint = blueprint_at(prefix, name)
        csrf.exempt(blueprint)
        app.register_blueprint(blueprint)
    from insurance.api import docs

    app.register_blueprint(docs.bp)
