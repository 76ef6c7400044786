"""mails may carry one attachment, forgotten once it has left

Revision ID: 0041
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0030"


def upgrade() -> None:
    op.add_column("mails", sa.Column("attachment_name", sa.Text()), schema="ins")
    op.add_column("mails", sa.Column("attachment", sa.LargeBinary()), schema="ins")


def downgrade() -> None:
    op.drop_column("mails", "attachment", schema="ins")
    op.drop_column("mails", "attachment_name", schema="ins")
