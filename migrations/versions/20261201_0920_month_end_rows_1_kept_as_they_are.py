"""rows of a plan are kept as they are: to compress them took longer than to write them

Revision ID: month_end_rows_1
Revises: correspondence_1
"""

from alembic import op

revision = "month_end_rows_1"
down_revision = "correspondence_1"


def upgrade() -> None:
    op.execute("ALTER TABLE ins.month_end_rows ALTER COLUMN items SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("ALTER TABLE ins.month_end_rows ALTER COLUMN items SET STORAGE EXTENDED")
