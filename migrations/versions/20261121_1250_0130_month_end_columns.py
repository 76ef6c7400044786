"""the rows of a month-end plan kept by column, and its effects known by step and policy

Revision ID: 0130
Revises: 0104
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0130'
down_revision = '0104'


def upgrade() -> None:
    op.drop_constraint('month_end_effects_pk', 'month_end_effects', schema='ins', type_='primary')
    op.drop_constraint('month_end_effects_once_key', 'month_end_effects', schema='ins', type_='unique')
    op.drop_column('month_end_effects', 'id', schema='ins')
    op.drop_column('month_end_effects', 'rows', schema='ins')
    # A plan from before lists no rows any more: it is worked out again as it is applied.
    op.add_column('month_end_effects', sa.Column('has_rows', sa.Boolean(), nullable=False, server_default=sa.false()), schema='ins')
    op.alter_column('month_end_effects', 'has_rows', server_default=None, schema='ins')
    op.create_primary_key('month_end_effects_pk', 'month_end_effects', ['org_id', 'run_id', 'step', 'policy_id', 'period'], schema='ins')
    op.create_table('month_end_rows',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('chunk', sa.BigInteger(), nullable=False),
    sa.Column('target', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('items', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'run_id', 'chunk', 'target', 'name', name=op.f('month_end_rows_pk')),
    schema='ins'
    )
    op.protect_table('ins.month_end_rows', 'append_only')
    op.create_foreign_key(op.f('month_end_rows_run_id_fk'), 'month_end_rows', 'month_end_runs', ['org_id', 'run_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')


def downgrade() -> None:
    op.drop_table('month_end_rows', schema='ins')
    op.drop_constraint('month_end_effects_pk', 'month_end_effects', schema='ins', type_='primary')
    op.drop_column('month_end_effects', 'has_rows', schema='ins')
    op.add_column('month_end_effects', sa.Column('rows', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True), schema='ins')
    op.add_column('month_end_effects', sa.Column('id', sa.Uuid(), nullable=False, server_default=sa.text('gen_random_uuid()')), schema='ins')
    op.alter_column('month_end_effects', 'id', server_default=None, schema='ins')
    op.create_unique_constraint('month_end_effects_once_key', 'month_end_effects', ['org_id', 'run_id', 'policy_id', 'step', 'period'], schema='ins')
    op.create_primary_key('month_end_effects_pk', 'month_end_effects', ['org_id', 'id'], schema='ins')
