"""month-end packs, claims' clocks as a step, who hears of runs, plans made unasked

Revision ID: 0101
Revises: 0045
"""

import sqlalchemy as sa
from alembic import op

revision = '0101'
down_revision = '0045'

_STEPS = (
    "'ANNIVERSARIES', 'EXTEND_SCHEDULES', 'POST_PREMIUMS', 'MARK_OVERDUE', 'WAITING_ENDED',"
    " 'RENEWALS_DUE', 'EXPIRIES', 'LAPSE_CANDIDATES', 'LAPSES'"
)


def _step_check(steps: str) -> None:
    name = "month_end_effects_stepcode_check"
    op.execute(f"ALTER TABLE ins.month_end_effects DROP CONSTRAINT {name}")
    op.execute(f"ALTER TABLE ins.month_end_effects ADD CONSTRAINT {name} CHECK (step IN ({steps}))")


def upgrade() -> None:
    _step_check(f"{_STEPS}, 'CLAIMS_CLOCKS'")
    op.add_column('month_end_runs', sa.Column('marker', sa.Uuid(), nullable=True), schema='ins')
    op.add_column('month_end_settings', sa.Column('mail_to', sa.Text(), nullable=True), schema='ins')
    op.add_column('month_end_settings', sa.Column('plans_itself', sa.Boolean(), nullable=False, server_default=sa.false()), schema='ins')
    op.alter_column('month_end_settings', 'plans_itself', server_default=None, schema='ins')
    op.create_table('month_end_packs',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Enum('xlsx', 'pdf', name='packkind', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('month_end_packs_pk')),
    sa.UniqueConstraint('org_id', 'run_id', 'kind', name='month_end_packs_once_key'),
    schema='ins'
    )
    op.protect_table('ins.month_end_packs', 'tenant')
    op.create_foreign_key(op.f('month_end_packs_run_id_fk'), 'month_end_packs', 'month_end_runs', ['org_id', 'run_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')


def downgrade() -> None:
    op.drop_table('month_end_packs', schema='ins')
    op.drop_column('month_end_settings', 'plans_itself', schema='ins')
    op.drop_column('month_end_settings', 'mail_to', schema='ins')
    op.drop_column('month_end_runs', 'marker', schema='ins')
    op.execute("ALTER TABLE ins.month_end_effects DISABLE TRIGGER USER")
    op.execute("DELETE FROM ins.month_end_effects WHERE step = 'CLAIMS_CLOCKS'")
    op.execute("ALTER TABLE ins.month_end_effects ENABLE TRIGGER USER")
    _step_check(_STEPS)
