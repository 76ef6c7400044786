"""An area registers itself: adding one touches its own folders and files, and nothing else."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLANTED = {
    "insurance/parcels/__init__.py": '"""Parcels."""\n',
    "insurance/parcels/models.py": """
from sqlalchemy.orm import Mapped

from insurance.core.db import TenantRecord

class Parcel(TenantRecord):
    __tablename__ = "parcels"
    label: Mapped[str]
""",
    "insurance/blueprints/parcels/__init__.py": """
from insurance.organizations.permissions import DashboardMay
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("parcels", __name__, "/parcels")
RAIL = (RailEntry("Parcels", "parcels.index", DashboardMay.VIEW, "book", group="Serve", place=5),)
""",
    "insurance/blueprints/parcels/index.py": """
from insurance.blueprints.parcels import bp
from insurance.organizations.permissions import DashboardMay
from insurance.web.access import requires

@bp.get("")
@requires(DashboardMay.VIEW)
def index():
    return "parcels"
""",
    "insurance/jobs/parcels.py": """
from insurance.jobs.periodic import Periodic

def send_parcels() -> None:
    pass

PERIODIC = (Periodic(60, send_parcels),)
""",
    "insurance/api/parcels.py": '''
from insurance.api.edge import endpoint
from insurance.organizations.permissions import DashboardMay

@endpoint("GET", "/parcels", may=DashboardMay.VIEW, answer=list[str], tag="Parcels")
def list_parcels():
    """Return nothing."""
    return []
''',
}
_LOOK = """
import json
from insurance.app import create_app
from insurance.core.db import Base
from insurance.core.settings import load_settings
from insurance.jobs.schedule import PERIODIC
import os

app = create_app(load_settings(os.environ))
print(json.dumps({
    "rail": [entry.name for entry in app.extensions["rail"]],
    "addresses": [rule.rule for rule in app.url_map.iter_rules()],
    "jobs": [job.name for job in PERIODIC],
    "tables": sorted(Base.metadata.tables),
}))
"""


def test_an_area_is_found_by_its_folders_alone(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "insurance", tmp_path / "insurance")
    before = _look(tmp_path)
    for name, source in PLANTED.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    after = _look(tmp_path)

    added = {what: set(after[what]) - set(before[what]) for what in before}
    assert added == {
        "rail": {"Parcels"},
        "addresses": {"/<slug:org>/parcels", "/api/v1/parcels", "/api/parcels"},
        "jobs": {"parcels.send_parcels"},
        "tables": {"ins.parcels"},
    }
    assert after["rail"][:2] == ["Home", "Parcels"], "in its place of its group"


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
