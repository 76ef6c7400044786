"""a holder's refusal of rises as a thing of its own

Revision ID: 0104
Revises: 0103
"""

import sqlalchemy as sa
from alembic import op

revision = '0104'
down_revision = '0103'


def upgrade() -> None:
    op.create_table('escalation_refusals',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('refused_from', sa.Date(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_by', sa.Text(), nullable=False),
    sa.Column('withdrawn_from', sa.Date(), nullable=True),
    sa.Column('withdrawn_reason', sa.Text(), nullable=True),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('withdrawn_by', sa.Text(), nullable=True),
    sa.CheckConstraint('withdrawn_from > refused_from', name=op.f('escalation_refusals_withdrawn_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('escalation_refusals_pk')),
    schema='ins'
    )
    op.protect_table('ins.escalation_refusals', 'tenant')
    op.create_index('escalation_refusals_open_key', 'escalation_refusals', ['org_id', 'policy_id'], unique=True, schema='ins', postgresql_where=sa.text('withdrawn_from IS NULL'))
    op.create_index('escalation_refusals_policy_ix', 'escalation_refusals', ['org_id', 'policy_id'], unique=False, schema='ins')
    op.create_foreign_key(op.f('escalation_refusals_policy_id_fk'), 'escalation_refusals', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')


def downgrade() -> None:
    op.drop_table('escalation_refusals', schema='ins')
