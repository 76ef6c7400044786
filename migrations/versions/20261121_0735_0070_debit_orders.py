"""debit orders

Revision ID: 0070
Revises: 0043
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0070'
down_revision = '0043'


def upgrade() -> None:

    op.create_table('debit_order_runs',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Text(), nullable=False),
    sa.Column('action_date', sa.Date(), nullable=False),
    sa.Column('window_from', sa.Date(), nullable=False),
    sa.Column('window_to', sa.Date(), nullable=False),
    sa.Column('status', sa.Enum('DRAFT', 'RELEASED', 'RESULTS_IN', 'CLOSED', 'CANCELLED', name='runstatus', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('item_count', sa.BigInteger(), nullable=False),
    sa.Column('total', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('file_hash', sa.Text(), nullable=True),
    sa.Column('exporter', sa.Text(), nullable=True),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('released_by', sa.Uuid(), nullable=True),
    sa.Column('released_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("status IN ('DRAFT', 'CANCELLED') OR (released_by IS NOT NULL AND released_at IS NOT NULL AND file_hash IS NOT NULL AND exporter IS NOT NULL)", name=op.f('debit_order_runs_released_check')),
    sa.CheckConstraint('released_by <> created_by', name=op.f('debit_order_runs_second_person_check')),
    sa.CheckConstraint('window_from <= window_to', name=op.f('debit_order_runs_window_not_empty_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('debit_order_runs_pk')),
    sa.UniqueConstraint('org_id', 'number', name='debit_order_runs_number_key'),
    schema='ins'
    )
    op.protect_table('ins.debit_order_runs', 'tenant')
    op.create_table('tenant_holidays',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('is_working', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('tenant_holidays_pk')),
    sa.UniqueConstraint('org_id', 'day', name='tenant_holidays_day_key'),
    schema='ins'
    )
    op.protect_table('ins.tenant_holidays', 'tenant')
    op.create_table('debit_order_mandates',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('bank_account_id', sa.Uuid(), nullable=False),
    sa.Column('status', sa.Enum('PENDING', 'ACTIVE', 'SUSPENDED', 'CANCELLED', name='mandatestatus', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('signed_on', sa.Date(), nullable=True),
    sa.Column('max_amount', sa.Numeric(precision=18, scale=2), nullable=True),
    sa.Column('convention', sa.Enum('PRECEDING', 'FOLLOWING', name='convention', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('collection_day', sa.BigInteger(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('cancelled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('cancel_reason', sa.Text(), nullable=True),
    sa.CheckConstraint("status <> 'ACTIVE' OR signed_on IS NOT NULL", name=op.f('debit_order_mandates_signed_check')),
    sa.CheckConstraint("status <> 'CANCELLED' OR cancelled_at IS NOT NULL", name=op.f('debit_order_mandates_cancelled_check')),
    sa.CheckConstraint('collection_day BETWEEN 1 AND 31', name=op.f('debit_order_mandates_collection_day_check')),
    sa.CheckConstraint('max_amount > 0', name=op.f('debit_order_mandates_max_amount_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('debit_order_mandates_pk')),
    schema='ins'
    )
    op.protect_table('ins.debit_order_mandates', 'tenant')
    op.create_table('debit_order_items',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('premium_line_id', sa.Uuid(), nullable=False),
    sa.Column('mandate_id', sa.Uuid(), nullable=True),
    sa.Column('amount', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('reference', sa.Text(), nullable=True),
    sa.Column('action_date', sa.Date(), nullable=False),
    sa.Column('status', sa.Enum('INCLUDED', 'EXCLUDED', 'SUBMITTED', 'PAID', 'UNPAID', name='itemstatus', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('exclusion', sa.Enum('NO_MANDATE', 'MANDATE_NOT_ACTIVE', 'ABOVE_MAXIMUM', 'UNPAID_BEFORE', 'CHANGED_SINCE', 'RUN_CANCELLED', name='exclusion', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('reason_code', sa.Text(), nullable=True),
    sa.CheckConstraint("(status = 'EXCLUDED') = (exclusion IS NOT NULL)", name=op.f('debit_order_items_left_out_check')),
    sa.CheckConstraint("status = 'EXCLUDED' OR (mandate_id IS NOT NULL AND reference IS NOT NULL)", name=op.f('debit_order_items_debited_check')),
    sa.CheckConstraint('amount > 0', name=op.f('debit_order_items_amount_check')),
    sa.CheckConstraint('length(reference) <= 30', name=op.f('debit_order_items_reference_length_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('debit_order_items_pk')),
    sa.UniqueConstraint('org_id', 'reference', name='debit_order_items_reference_key'),
    schema='ins'
    )
    op.protect_table('ins.debit_order_items', 'tenant')
    op.create_index('debit_order_runs_status_ix', 'debit_order_runs', ['org_id', 'status', 'id'], unique=False, schema='ins')
    op.create_index('debit_order_mandates_account_ix', 'debit_order_mandates', ['org_id', 'bank_account_id'], unique=False, schema='ins')
    op.create_index('debit_order_mandates_active_key', 'debit_order_mandates', ['org_id', 'policy_id'], unique=True, schema='ins', postgresql_where=sa.text("status = 'ACTIVE'"))
    op.create_index('debit_order_mandates_customer_ix', 'debit_order_mandates', ['org_id', 'customer_id'], unique=False, schema='ins')
    op.create_index('debit_order_mandates_policy_ix', 'debit_order_mandates', ['org_id', 'policy_id'], unique=False, schema='ins')
    op.create_index('debit_order_items_line_key', 'debit_order_items', ['org_id', 'premium_line_id'], unique=True, schema='ins', postgresql_where=sa.text("status NOT IN ('UNPAID', 'EXCLUDED')"))
    op.create_index('debit_order_items_mandate_ix', 'debit_order_items', ['org_id', 'mandate_id'], unique=False, schema='ins')
    op.create_index('debit_order_items_policy_ix', 'debit_order_items', ['org_id', 'policy_id'], unique=False, schema='ins')
    op.create_index('debit_order_items_premium_line_ix', 'debit_order_items', ['org_id', 'premium_line_id'], unique=False, schema='ins')
    op.create_index('debit_order_items_run_ix', 'debit_order_items', ['org_id', 'run_id', 'status', 'id'], unique=False, schema='ins')
    op.create_foreign_key(op.f('debit_order_mandates_bank_account_id_fk'), 'debit_order_mandates', 'customer_bank_accounts', ['org_id', 'bank_account_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('debit_order_mandates_policy_id_fk'), 'debit_order_mandates', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('debit_order_mandates_customer_id_fk'), 'debit_order_mandates', 'customers', ['org_id', 'customer_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('debit_order_items_run_id_fk'), 'debit_order_items', 'debit_order_runs', ['org_id', 'run_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('debit_order_items_premium_line_id_fk'), 'debit_order_items', 'premium_lines', ['org_id', 'premium_line_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('debit_order_items_policy_id_fk'), 'debit_order_items', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('debit_order_items_mandate_id_fk'), 'debit_order_items', 'debit_order_mandates', ['org_id', 'mandate_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')



def downgrade() -> None:

    op.drop_index('debit_order_items_run_ix', table_name='debit_order_items', schema='ins')
    op.drop_index('debit_order_items_premium_line_ix', table_name='debit_order_items', schema='ins')
    op.drop_index('debit_order_items_policy_ix', table_name='debit_order_items', schema='ins')
    op.drop_index('debit_order_items_mandate_ix', table_name='debit_order_items', schema='ins')
    op.drop_index('debit_order_items_line_key', table_name='debit_order_items', schema='ins', postgresql_where=sa.text("status NOT IN ('UNPAID', 'EXCLUDED')"))
    op.drop_table('debit_order_items', schema='ins')
    op.drop_index('debit_order_mandates_policy_ix', table_name='debit_order_mandates', schema='ins')
    op.drop_index('debit_order_mandates_customer_ix', table_name='debit_order_mandates', schema='ins')
    op.drop_index('debit_order_mandates_active_key', table_name='debit_order_mandates', schema='ins', postgresql_where=sa.text("status = 'ACTIVE'"))
    op.drop_index('debit_order_mandates_account_ix', table_name='debit_order_mandates', schema='ins')
    op.drop_table('debit_order_mandates', schema='ins')
    op.drop_table('tenant_holidays', schema='ins')
    op.drop_index('debit_order_runs_status_ix', table_name='debit_order_runs', schema='ins')
    op.drop_table('debit_order_runs', schema='ins')

