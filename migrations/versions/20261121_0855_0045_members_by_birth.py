"""find the policies that insure one life

Revision ID: 0045
Revises: 0100
"""

from alembic import op

revision = "0045"
down_revision = "0100"


def upgrade() -> None:
    op.create_index(
        "policy_members_birth_ix", "policy_members", ["org_id", "date_of_birth"], schema="ins"
    )


def downgrade() -> None:
    op.drop_index("policy_members_birth_ix", table_name="policy_members", schema="ins")
