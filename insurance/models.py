"""Every table, imported once so that the metadata is whole for migrations and the linter."""

from importlib import import_module
from pathlib import Path

import insurance.core.counts
import insurance.core.idempotency
import insurance.core.jobs
import insurance.core.new_records
import insurance.core.numbering  # noqa: F401

for _models in sorted(Path(__file__).parent.glob("*/models.py")):
    import_module(f"insurance.{_models.parent.name}.models")
