"""days of cooling off, limits that need a second person, and withdrawn requests

Revision ID: 0044
Revises: 0070
"""

from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0070"

_SINCE = date(2018, 1, 1)
_PARAMETERS = (
    ("cooling_off_days_life", "31", "LT PPR rule 4"),
    ("cooling_off_days_non_life", "14", "ST PPR rule 4"),
    ("refund_approval_limit", "5000", "Two people decide: refunds above this, in rand"),
    ("backdating_approval_days", "30", "Two people decide: dated back further than this"),
    ("renewal_lead_days", "30", "Renewals are offered so many days before the term ends"),
)
_STATUSES = "'WAITING', 'APPROVED', 'REJECTED', 'VOID'"
_CHECK = "approval_requests_approvalstatus_check"


def _status_check(statuses: str) -> None:
    op.execute(f"ALTER TABLE ins.approval_requests DROP CONSTRAINT {_CHECK}")
    op.execute(
        f"ALTER TABLE ins.approval_requests ADD CONSTRAINT {_CHECK} CHECK (status IN ({statuses}))"
    )


def upgrade() -> None:
    _status_check(f"{_STATUSES}, 'WITHDRAWN'")
    op.create_index(
        "approval_requests_once_key",
        "approval_requests",
        ["org_id", "action", "resource_id"],
        unique=True,
        schema="ins",
        postgresql_where=sa.text("status = 'WAITING'"),
    )
    parameters = sa.table(
        "dated_parameters",
        sa.column("code", sa.Text),
        sa.column("valid_from", sa.Date),
        sa.column("value", sa.Numeric),
        sa.column("source", sa.Text),
        schema="ins",
    )
    op.bulk_insert(
        parameters,
        [
            {"code": code, "valid_from": _SINCE, "value": Decimal(value), "source": source}
            for code, value, source in _PARAMETERS
        ],
    )


def downgrade() -> None:
    gone = sa.text("DELETE FROM ins.dated_parameters WHERE code = :code")
    for code, _value, _source in _PARAMETERS:
        op.execute(gone.bindparams(code=code))
    op.drop_index("approval_requests_once_key", table_name="approval_requests", schema="ins")
    op.execute("UPDATE ins.approval_requests SET status = 'VOID' WHERE status = 'WITHDRAWN'")
    _status_check(_STATUSES)
