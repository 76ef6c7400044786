"""The import contracts hold for every area without naming it, and areas keep their order."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
AREAS = {path.parent.name for path in (ROOT / "insurance").glob("*/permissions.py")} - {"core"}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the product that may be broken."""
    folder = tmp_path_factory.mktemp("contracts")
    shutil.copytree(ROOT / "insurance", folder / "insurance")
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint_imports(folder: Path) -> str:
    """Return what is wrong with the imports of a copy of the product; nothing where they are kept."""
    found = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if found.returncode == 0 else found.stdout + found.stderr


@pytest.mark.parametrize(
    ("module", "imported", "broken"),
    [
        ("ledger/planted.py", "insurance.policies.models", "no area imports one"),
        ("billing/planted.py", "insurance.claims.queries", "no area imports one"),
        ("core/planted.py", "insurance.audit_logs.models", "no area imports one"),
        ("claims/planted.py", "insurance.app", "no area imports one"),
        ("claims/planted.py", "insurance.web.html", "only the edges"),
        ("quotes/planted.py", "insurance.api.edge", "only the edges"),
        ("jobs/planted.py", "insurance.blueprints", "only the edges"),
        ("month_end/planted.py", "wtforms", "only the edges"),
        ("web/planted.py", "insurance.blueprints.search", "edges > web"),
        ("lapses/rules.py", "insurance.core.clock", "rules know no"),
    ],
)
def test_a_planted_import_breaks_its_contract(
    copied: Path, module: str, imported: str, broken: str
) -> None:
    path = copied / "insurance" / module
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\nimport {imported}\n")
    try:
        found = lint_imports(copied)
    finally:
        path.unlink() if before is None else path.write_text(before)

    assert re.search(rf"{broken}.* BROKEN", found), found


def test_the_contracts_name_no_order_of_areas() -> None:
    contracts = (ROOT / "pyproject.toml").read_text()

    assert {area for area in AREAS if f'"insurance.{area}"' in contracts} == set()


def test_areas_import_only_those_before_them_in_the_map() -> None:
    found = re.search(r"^Areas from the ground up: (.+?)\.", (ROOT / "README.md").read_text(), re.M)
    assert found is not None
    order = found[1].split(", ")
    graph = grimp.build_graph("insurance")

    upward = graph.find_illegal_dependencies_for_layers(
        layers=tuple(f"insurance.{area}" for area in reversed(order))
    )

    assert {area for area in order if not (ROOT / "insurance" / area).is_dir()} == set()
    assert {(one.importer, one.imported) for one in upward} == set()
