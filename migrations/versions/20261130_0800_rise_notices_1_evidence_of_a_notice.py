"""evidence of a notice of a rise

Revision ID: rise_notices_1
Revises: stillbirth_1
"""

import sqlalchemy as sa
from alembic import op

revision = "rise_notices_1"
down_revision = "stillbirth_1"


def upgrade() -> None:
    op.add_column(
        "escalation_notices", sa.Column("evidence", sa.Text(), nullable=True), schema="ins"
    )


def downgrade() -> None:
    op.drop_column("escalation_notices", "evidence", schema="ins")
