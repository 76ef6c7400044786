"""within how many days a child can be named who is covered from birth

Revision ID: newborn_1
Revises: replaced_quotes_1
"""

import sqlalchemy as sa
from alembic import op

revision = "newborn_1"
down_revision = "replaced_quotes_1"


def upgrade() -> None:
    op.add_column(
        "product_versions",
        sa.Column("newborn_cover_days", sa.BigInteger(), nullable=False, server_default="0"),
        schema="ins",
    )


def downgrade() -> None:
    op.drop_column("product_versions", "newborn_cover_days", schema="ins")
