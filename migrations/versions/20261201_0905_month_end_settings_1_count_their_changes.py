"""settings of month-end count their changes, so that who saves second is told

Revision ID: month_end_settings_1
Revises: drafts_1
"""

import sqlalchemy as sa
from alembic import op

revision = "month_end_settings_1"
down_revision = "drafts_1"


def upgrade() -> None:
    op.add_column(
        "month_end_settings",
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        schema="ins",
    )
    op.alter_column("month_end_settings", "version", server_default=None, schema="ins")


def downgrade() -> None:
    op.drop_column("month_end_settings", "version", schema="ins")
