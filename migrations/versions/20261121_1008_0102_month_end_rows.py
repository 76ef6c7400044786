"""the rows that month-end's effects write

Revision ID: 0102
Revises: 0046
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0102'
down_revision = '0046'


def upgrade() -> None:
    op.add_column('month_end_effects', sa.Column('rows', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True), schema='ins')


def downgrade() -> None:
    op.drop_column('month_end_effects', 'rows', schema='ins')
