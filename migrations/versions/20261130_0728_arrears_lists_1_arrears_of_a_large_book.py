"""the policies in arrears of a large book, listed by a job

Revision ID: arrears_lists_1
Revises: lives_1
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = 'arrears_lists_1'
down_revision = 'lives_1'


def upgrade() -> None:
    op.create_table('arrears_lists',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('counts', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('org_id', name=op.f('arrears_lists_pk')),
    schema='ins'
    )
    op.protect_table('ins.arrears_lists', 'tenant')
    op.create_table('arrears_entries',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('is_blocked', sa.Boolean(), nullable=False),
    sa.Column('lapse_date', sa.Date(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'is_blocked', 'lapse_date', 'policy_id', name=op.f('arrears_entries_pk')),
    schema='ins'
    )
    op.protect_table('ins.arrears_entries', 'tenant')
    op.create_index('arrears_entries_date_ix', 'arrears_entries', ['org_id', 'lapse_date', 'policy_id'], unique=False, schema='ins')


def downgrade() -> None:
    op.drop_table('arrears_entries', schema='ins')
    op.drop_table('arrears_lists', schema='ins')
