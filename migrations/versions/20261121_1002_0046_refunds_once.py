"""pay a refund once for its reference

Revision ID: 0046
Revises: 0101
"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0101"


def upgrade() -> None:
    op.create_index(
        "ledger_transfers_refund_key",
        "ledger_transfers",
        ["org_id", "reference"],
        unique=True,
        schema="ins",
        postgresql_where=sa.text("type = 'REFUND_PAID' AND policy_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ledger_transfers_refund_key", table_name="ledger_transfers", schema="ins")
