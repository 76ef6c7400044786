"""The screens: one module each, form and route together. A module in a folder here is found."""

from importlib import import_module
from pkgutil import walk_packages

from flask import Flask

from insurance.web.home import use_home
from insurance.web.navigation import use_entries


def register(app: Flask) -> None:
    """Register every screen's blueprint, and what the folders add to the rail and to home."""
    modules = [import_module(package.name) for package in walk_packages(__path__, f"{__name__}.")]
    # Several modules may share a blueprint; it is registered once all of them are loaded.
    for blueprint in dict.fromkeys(module.bp for module in modules if hasattr(module, "bp")):
        app.register_blueprint(blueprint)
    use_entries(app, [entry for module in modules for entry in getattr(module, "RAIL", ())])
    use_home(app, modules)
