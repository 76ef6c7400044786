"""Every kind of record with correspondence, imported once so that screens and API know them all."""

from importlib import import_module
from pathlib import Path

for _kind in sorted(Path(__file__).parent.glob("*/record_kind.py")):
    import_module(f"insurance.{_kind.parent.name}.record_kind")
