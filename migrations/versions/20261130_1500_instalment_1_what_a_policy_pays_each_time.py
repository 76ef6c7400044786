"""what a policy pays each time is a column

Revision ID: instalment_1
Revises: rise_notices_1
"""

import sqlalchemy as sa
from alembic import op

revision = "instalment_1"
down_revision = "rise_notices_1"


def upgrade() -> None:
    op.add_column("policies", sa.Column("instalment", sa.Numeric(18, 2)), schema="ins")
    op.execute(
        "UPDATE ins.policies SET instalment = CAST(rating->>'instalment' AS numeric),"
        " rating = rating - 'instalment'"
    )
    op.alter_column("policies", "instalment", nullable=False, schema="ins")
    op.create_check_constraint("instalment", "policies", "instalment >= 0", schema="ins")


def downgrade() -> None:
    op.execute(
        "UPDATE ins.policies"
        " SET rating = rating || jsonb_build_object('instalment', CAST(instalment AS text))"
    )
    op.drop_column("policies", "instalment", schema="ins")
