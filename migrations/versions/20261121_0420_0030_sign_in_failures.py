"""failed sign-ins are counted per address, known or not

Revision ID: 0030
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "sign_in_failures",
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address_hash", name="sign_in_failures_pk"),
        schema="cp",
    )
    op.protect_table("cp.sign_in_failures", "control")
    op.create_index(
        "sign_in_failures_tried_ix", "sign_in_failures", ["last_tried_at"], schema="cp"
    )
    op.drop_column("users", "failed_logins", schema="cp")
    op.drop_column("users", "locked_until", schema="cp")


def downgrade() -> None:
    op.add_column(
        "users", sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True), schema="cp"
    )
    op.add_column(
        "users",
        sa.Column("failed_logins", sa.BigInteger(), server_default="0", nullable=False),
        schema="cp",
    )
    op.drop_table("sign_in_failures", schema="cp")
