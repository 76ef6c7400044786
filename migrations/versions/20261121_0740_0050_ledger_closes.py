"""months whose books are closed

Revision ID: 0050
Revises: 0042
"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0042"


def upgrade() -> None:
    op.create_table(
        "ledger_closes",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("closed_through", sa.Date(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reopens", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "reopens OR closed_through IS NOT NULL",
            name=op.f("ledger_closes_closes_something_check"),
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("ledger_closes_pk")),
        sa.UniqueConstraint("org_id", "sequence", name=op.f("ledger_closes_sequence_key")),
        schema="ins",
    )
    op.protect_table("ins.ledger_closes", "append_only")


def downgrade() -> None:
    op.drop_table("ledger_closes", schema="ins")
