"""The import contracts name every area, and every area's rules."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
AREAS = {f"insurance.{path.parent.name}" for path in (ROOT / "insurance").glob("*/models.py")}
BESIDE = {"insurance.documents"}
"""Areas that own no table."""


def _contract(name: str) -> dict[str, list[str]]:
    return next(one for one in LINTER["contracts"] if one["name"].startswith(name))


def test_every_area_stands_at_its_height() -> None:
    layers = {part.strip() for layer in _contract("edges")["layers"] for part in layer.split("|")}

    assert layers >= AREAS | BESIDE


def test_no_area_may_know_http_or_templates() -> None:
    assert set(_contract("areas")["source_modules"]) == AREAS | BESIDE


def test_the_rules_of_every_area_are_held_to_be_pure() -> None:
    assert "insurance.*.rules" in _contract("rules")["source_modules"]
