"""From the address of a screen its module, its template and its test can be computed.

`/<org>/claims/documents/<id>/review` is `claims.review_document`. Its folder is the blueprint's,
`claims`; what an organization has without a folder of its own (people, mail) is in `organizations`.

- module: named like the endpoint; else the first word of the address that is a module; else
  `act.py` for what is done to a record, where there is one; else `show.py`, or `index.py` where
  the address names no record
- template: `templates/claims/` and the endpoint's name; else the module's, also in the singular
- test: a file of `tests/claims/` (or of `browser`, `house`) has the address in it
"""

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from flask import Flask
from werkzeug.routing import Rule

ROOT = Path(__file__).resolve().parents[2]
SCREENS = ROOT / "insurance/blueprints"
TEMPLATES = ROOT / "insurance/templates"
TESTS = ROOT / "tests"
_SHARED = "organizations"
_BORROWED = {
    "claims.decide": "claims/show.html",
    "customers.create": "customers/edit.html",
    "policies.change_object": "policies/endorse.html",
}
"""Screens that are shown by a template they share with another."""
_PACKAGE = "insurance.blueprints."


class Screen(NamedTuple):
    """A page that can be opened: its endpoint, its address, and the module it stands in."""

    blueprint: str
    name: str
    address: str
    methods: set[str]
    module: str

    @property
    def folder(self) -> str:
        """Return the folder of its module and tests."""
        return self.blueprint if (SCREENS / self.blueprint).is_dir() else _SHARED

    @property
    def words(self) -> list[str]:
        """Return the fixed words of its address."""
        parts = self.address.split("/")
        return [part.replace("-", "_") for part in parts if part and part[0] != "<"]

    @property
    def is_of_a_record(self) -> bool:
        """Tell whether the address names a record."""
        return bool(re.search(r"<(?!slug:org)", self.address))


@pytest.fixture(scope="module")
def screens(app: Flask) -> list[Screen]:
    """Return the screens of organizations; the product's own are few and public."""
    return [
        _screen(app, rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/<slug:org>/") and "GET" in (rule.methods or ())
    ]


def _screen(app: Flask, rule: Rule) -> Screen:
    view = inspect.unwrap(app.view_functions[rule.endpoint])
    blueprint, name = rule.endpoint.split(".")
    return Screen(
        blueprint,
        name,
        rule.rule.removeprefix("/<slug:org>"),
        rule.methods or set(),
        view.__module__.removeprefix(_PACKAGE).replace(".", "/"),
    )


def test_the_module_of_a_screen_follows_from_its_address(screens: list[Screen]) -> None:
    astray = [
        f"{screen.blueprint}.{screen.name} {screen.address}: {screen.module}, not {module}"
        for screen in screens
        if (module := _module_of(screen)) != screen.module
    ]

    assert astray == [], "\n".join(astray)


def test_the_template_of_a_screen_follows_from_its_name(screens: list[Screen]) -> None:
    astray = []
    for screen in screens:
        shown = _templates_of(screen.module, screen.name)
        if shown and not shown & set(_templates_wanted(screen)):
            astray.append(f"{screen.blueprint}.{screen.name} ({screen.module}): {sorted(shown)}")

    assert astray == [], "\n".join(astray)


def test_every_screen_is_opened_by_a_test_of_its_area(screens: list[Screen]) -> None:
    unopened = [
        f"{screen.blueprint}.{screen.name} {screen.address}"
        for screen in screens
        if not re.search(_as_written(screen.address), _tests_of(screen.folder))
    ]

    assert unopened == [], "\n".join(unopened)


def _module_of(screen: Screen) -> str:
    folder = SCREENS / screen.folder
    if (SCREENS / f"{screen.blueprint}.py").is_file():
        return screen.blueprint
    candidates = [screen.name, *screen.words]
    if screen.is_of_a_record and "POST" in screen.methods:
        candidates.append("act")
    candidates.append("show" if screen.is_of_a_record else "index")
    return next(
        (f"{screen.folder}/{name}" for name in candidates if (folder / f"{name}.py").is_file()),
        "nowhere",
    )


def _templates_wanted(screen: Screen) -> Iterator[str]:
    module = screen.module.split("/")[-1]
    singular = re.sub(r"s$", "", re.sub(r"ies$", "y", module))
    for name in (screen.name, module, singular):
        yield f"{screen.blueprint}/{name}.html"
    if shared := _BORROWED.get(f"{screen.blueprint}.{screen.name}"):
        yield shared


@cache
def _functions_of(module: str) -> dict[str, ast.AST]:
    tree = ast.parse((SCREENS / f"{module}.py").read_text())
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def _templates_of(module: str, view: str) -> set[str]:
    """Return the templates that a view names, itself or in what it calls of its module."""
    functions = _functions_of(module)
    found: set[str] = set()
    waiting, seen = [view], set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in functions:
            continue
        seen.add(name)
        for node in ast.walk(functions[name]):
            if isinstance(node, ast.Name):
                waiting.append(node.id)
            if isinstance(node, ast.Constant) and str(node.value).endswith(".html"):
                found.add(str(node.value))
    return found


def _as_written(address: str) -> str:
    """Return how an address stands in a test: the last two words after the area or a parameter.

    Where it ends in a parameter, what is before that one, and something filled in.
    """
    *before, after = re.split(r"<[^>]+>|^/[a-z-]+(?=/[a-z-]+(?:/|$))", address)
    if after:
        return r"[\"'/}]" + re.escape("/".join(after.strip("/").split("/")[-2:])) + r"[\"'?#]"
    return re.escape(before[-1]) + r"[{\w]"


@cache
def _tests_of(folder: str) -> str:
    files = [path for name in (folder, "browser", "house") for path in (TESTS / name).glob("*.py")]
    return "\n".join(path.read_text() for path in files)
