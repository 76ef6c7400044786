"""An area registers itself: adding one touches its own folders and files, and nothing else."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.architecture.test_contracts import lint_imports

ROOT = Path(__file__).resolve().parents[2]
PLANTED = {
    "insurance/parcels/__init__.py": '"""Parcels."""\n',
    "insurance/parcels/permissions.py": '''
from insurance.core.permissions import Permission, Role

class ParcelsMay(Permission):
    """What may be done with parcels."""

    VIEW = "parcels.view", Role.MANAGER
''',
    "insurance/parcels/models.py": """
from sqlalchemy.orm import Mapped

from insurance.core.db import TenantRecord

class Parcel(TenantRecord):
    __tablename__ = "parcels"
    label: Mapped[str]
""",
    "insurance/blueprints/parcels/__init__.py": """
from insurance.parcels.permissions import ParcelsMay
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("parcels", __name__, "/parcels")
RAIL = (RailEntry("Parcels", "parcels.index", ParcelsMay.VIEW, "book", group="Serve", place=5),)
""",
    "insurance/blueprints/parcels/index.py": """
from insurance.blueprints.parcels import bp
from insurance.parcels.permissions import ParcelsMay
from insurance.web.access import requires

@bp.get("")
@requires(ParcelsMay.VIEW)
def index():
    return "parcels"
""",
    "insurance/parcels/month_lists.py": """
from insurance.core.month_ends import month_list

@month_list("PARCELS_LATE")
def late(session, month):
    return ()
""",
    "insurance/jobs/parcels.py": """
from insurance.jobs.periodic import Periodic

def send_parcels() -> None:
    pass

PERIODIC = (Periodic(60, send_parcels),)
""",
    "insurance/api/parcels.py": '''
from insurance.api.edge import endpoint
from insurance.parcels.permissions import ParcelsMay

@endpoint("GET", "/parcels", may=ParcelsMay.VIEW, answer=list[str], tag="Parcels")
def list_parcels():
    """Return nothing."""
    return []
''',
}
_LOOK = """
import json
import os
from uuid import uuid4
from flask import g
from insurance.api.edge import ENDPOINTS
from insurance.app import create_app
from insurance.core.context import Actor
from insurance.core.db import Base
from insurance.core.errors import ForbiddenError
from insurance.core.month_ends import list_of
from insurance.core.permissions import Role, list_permissions
from insurance.core.settings import load_settings
from insurance.jobs.schedule import PERIODIC
from insurance.web.access import identity_of

app = create_app(load_settings(os.environ))

def answer(role):
    actor = Actor(user_id=uuid4(), roles=frozenset({role}))
    with app.test_request_context():
        g.identity = identity_of(actor)
        try:
            return app.view_functions["parcels.index"]()
        except ForbiddenError:
            return "refused"

print(json.dumps({
    "rail": [entry.name for entry in app.extensions["rail"]],
    "addresses": [rule.rule for rule in app.url_map.iter_rules()],
    "jobs": [job.name for job in PERIODIC],
    "tables": sorted(Base.metadata.tables),
    "lists": [step for step in ("RENEWALS_DUE", "PARCELS_LATE") if list_of(step)],
    "granted": [f"{one.value} to {role.value}" for one in list_permissions() for role in one.roles],
    "demanded": [f"{one.may} for {one.path}" for one in ENDPOINTS],
    "answers": [
        f"{answer(role)} to {role.value}"
        for role in (Role.MANAGER, Role.AGENT)
        if "parcels.index" in app.view_functions
    ],
}))
"""


def test_an_area_is_found_by_its_folders_alone(tmp_path: Path) -> None:
    _copy_to(tmp_path)
    before = _look(tmp_path)
    _plant(tmp_path)
    after = _look(tmp_path)

    added = {what: set(after[what]) - set(before[what]) for what in before}
    assert added == {
        "rail": {"Parcels"},
        "addresses": {"/<slug:org>/parcels", "/api/v1/parcels", "/api/parcels"},
        "jobs": {"parcels.send_parcels"},
        "tables": {"ins.parcels"},
        "lists": {"PARCELS_LATE"},
        "granted": {"parcels.view to manager"},
        "demanded": {"parcels.view for /parcels"},
        "answers": {"parcels to manager", "refused to agent"},
    }
    assert after["rail"][:2] == ["Home", "Parcels"], "in its place of its group"
    assert all("parcels" in name for name in PLANTED), "nothing else is edited"
    assert lint_imports(tmp_path) == ""


def test_the_contracts_hold_for_a_planted_area_that_breaks_them(tmp_path: Path) -> None:
    _copy_to(tmp_path)
    _plant(tmp_path)
    (tmp_path / "insurance/parcels/rules.py").write_text("import sqlalchemy\n")
    (tmp_path / "insurance/parcels/queries.py").write_text(
        "import insurance.web.html\nimport insurance.ledger.models\n"
    )
    (tmp_path / "insurance/ledger/planted.py").write_text("import insurance.parcels.models\n")

    found = lint_imports(tmp_path)

    for broken in ("rules know no", "only the edges", "no area imports one"):
        assert re.search(rf"{broken}.* BROKEN", found), found


def _copy_to(folder: Path) -> None:
    shutil.copytree(ROOT / "insurance", folder / "insurance")
    shutil.copy(ROOT / "pyproject.toml", folder)


def _plant(folder: Path) -> None:
    for name, source in PLANTED.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)


def _look(folder: Path) -> dict[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", _LOOK],
        cwd=folder,
        env={"INSURANCE_MODE": "test", "INSURANCE_INSTANCE": str(folder / "instance")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found
