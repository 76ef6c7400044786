"""Every row that a change of policies leaves: one writer, for one policy and for thousands."""

from insurance.policies.changes.change import Happening, HeldPolicy, PolicyChange
from insurance.policies.changes.contents import (
    new_layers,
    new_values,
    sums_of_benefits,
    write_sums,
)
from insurance.policies.changes.figures import IN_FORCE, count_changes
from insurance.policies.changes.planned import PLANNED_CHANGES, PlannedChanges
from insurance.policies.changes.rows import ChangeRows, rows_of
from insurance.policies.changes.writing import write_changes, write_events

__all__ = [
    "PLANNED_CHANGES",
    "IN_FORCE",
    "ChangeRows",
    "Happening",
    "HeldPolicy",
    "PlannedChanges",
    "PolicyChange",
    "count_changes",
    "new_layers",
    "new_values",
    "rows_of",
    "sums_of_benefits",
    "write_changes",
    "write_events",
    "write_sums",
]
