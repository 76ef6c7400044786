"""the start page shows how the book stood a month before

Revision ID: portfolio_days_1
Revises: alerts_1
"""

import sqlalchemy as sa
from alembic import op

revision = "portfolio_days_1"
down_revision = "alerts_1"


def upgrade() -> None:
    op.create_table(
        "portfolio_days",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("active_policies", sa.BigInteger(), nullable=False),
        sa.Column("monthly_premium", sa.Numeric(18, 2), nullable=False),
        sa.Column("cover", sa.Numeric(18, 2), nullable=False),
        sa.Column("customers", sa.BigInteger(), nullable=False),
        sa.Column("quotes", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "day", name=op.f("portfolio_days_pk")),
        schema="ins",
    )
    op.protect_table("ins.portfolio_days", "tenant")


def downgrade() -> None:
    op.drop_table("portfolio_days", schema="ins")
