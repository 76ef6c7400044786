"""The JSON API, under /api/v1 and the same under /api."""

from importlib import import_module
from pkgutil import walk_packages

from flask import Flask
from flask_wtf import CSRFProtect

from insurance.api.edge import blueprint_at


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Publish the endpoints of every module here, and the documentation."""
    for module in walk_packages(__path__, f"{__name__}."):
        import_module(module.name)
    for prefix, name in (("/api/v1", "api_v1"), ("/api", "api")):
        blueprint = blueprint_at(prefix, name)
        csrf.exempt(blueprint)
        app.register_blueprint(blueprint)
    from insurance.api import docs

    app.register_blueprint(docs.bp)
