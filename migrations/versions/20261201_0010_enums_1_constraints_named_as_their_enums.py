"""the values of an enum are limited by a constraint of the enum's name

Revision ID: enums_1
Revises: approvals_2
"""

from alembic import op

revision = "enums_1"
down_revision = "approvals_2"

_RENAMED = (
    ("debit_order_runs", "runstatus", "debitrunstatus"),
    ("reconciliation_rows", "verdict", "rowverdict"),
)


def upgrade() -> None:
    for table, old, new in _RENAMED:
        _rename(table, old, new)


def downgrade() -> None:
    for table, old, new in _RENAMED:
        _rename(table, new, old)


def _rename(table: str, old: str, new: str) -> None:
    op.execute(
        f"ALTER TABLE ins.{table} RENAME CONSTRAINT {table}_{old}_check TO {table}_{new}_check"
    )
