"""whether quotes on a product version that was replaced are priced again

Revision ID: replaced_quotes_1
Revises: launch_1
"""

import sqlalchemy as sa
from alembic import op

revision = "replaced_quotes_1"
down_revision = "launch_1"


def upgrade() -> None:
    op.add_column(
        "organizations",
        sa.Column(
            "replaced_quotes_are_repriced", sa.Boolean(), nullable=False, server_default=sa.false()
        ),
        schema="ins",
    )
    op.alter_column(
        "organizations", "replaced_quotes_are_repriced", server_default=None, schema="ins"
    )


def downgrade() -> None:
    op.drop_column("organizations", "replaced_quotes_are_repriced", schema="ins")
