"""Every kind of alert, imported once so that people can switch them and pages name them."""

from importlib import import_module
from pathlib import Path

for _kinds in sorted(Path(__file__).parent.glob("*/alert_kinds.py")):
    import_module(f"insurance.{_kinds.parent.name}.alert_kinds")
