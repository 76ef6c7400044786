"""entry ages of spouses, children, parents and extended family on a product version

Revision ID: role_ages_1
Revises: notices_1
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "role_ages_1"
down_revision = "notices_1"


def upgrade() -> None:
    op.add_column(
        "product_versions",
        sa.Column(
            "role_ages",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            server_default=sa.text("'{}'::jsonb"),
        ),
        schema="ins",
    )


def downgrade() -> None:
    op.drop_column("product_versions", "role_ages", schema="ins")
