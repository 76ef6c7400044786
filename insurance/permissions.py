"""Every permission, imported once so that keys, the people page and the tests know them all."""

from importlib import import_module
from pathlib import Path

for _permissions in sorted(Path(__file__).parent.glob("*/permissions.py")):
    import_module(f"insurance.{_permissions.parent.name}.permissions")
