"""premiums paid ahead are found for a stretch of policies

Revision ID: paid_ahead_1
Revises: grants_1
"""

import sqlalchemy as sa
from alembic import op

revision = "paid_ahead_1"
down_revision = "grants_1"


def _index_again(*columns: str) -> None:
    op.drop_index("premium_lines_prepaid_ix", table_name="premium_lines", schema="ins")
    op.create_index(
        "premium_lines_prepaid_ix",
        "premium_lines",
        ["org_id", *columns],
        unique=False,
        schema="ins",
        postgresql_where=sa.text("status = 'PAID' AND posted_at IS NULL"),
    )


def upgrade() -> None:
    _index_again("due_date", "policy_id")


def downgrade() -> None:
    _index_again("due_date")
