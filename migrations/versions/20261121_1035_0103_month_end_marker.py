"""a run's own id says which rows came after it

Revision ID: 0103
Revises: 0091
"""

import sqlalchemy as sa
from alembic import op

revision = '0103'
down_revision = '0091'


def upgrade() -> None:
    op.drop_column('month_end_runs', 'marker', schema='ins')


def downgrade() -> None:
    op.add_column('month_end_runs', sa.Column('marker', sa.Uuid(), nullable=True), schema='ins')
