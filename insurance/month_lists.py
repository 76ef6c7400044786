"""Every list that month-end makes, imported once so that a run finds them all."""

from importlib import import_module
from pathlib import Path

for _lists in sorted(Path(__file__).parent.glob("*/month_lists.py")):
    import_module(f"insurance.{_lists.parent.name}.month_lists")
