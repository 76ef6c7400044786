"""debits by the day for which they were sent

Revision ID: debits_by_day_1
Revises: senders_1
"""

from alembic import op

revision = "debits_by_day_1"
down_revision = "senders_1"


def upgrade() -> None:
    op.create_index(
        "debit_order_items_day_ix",
        "debit_order_items",
        ["org_id", "action_date", "id"],
        schema="ins",
    )


def downgrade() -> None:
    op.drop_index("debit_order_items_day_ix", table_name="debit_order_items", schema="ins")
