"""lapse rules in dated versions, holds, and proof of notices

Revision ID: 0060
Revises: 0050
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0060'
down_revision = '0050'


def upgrade() -> None:
    op.create_table('lapse_rules',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('grace_period_days', sa.BigInteger(), nullable=False),
    sa.Column('grace_period_type', sa.Enum('CALENDAR', 'BUSINESS', name='gracetype', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('monthly_grace_days', sa.BigInteger(), nullable=False),
    sa.Column('quarterly_grace_days', sa.BigInteger(), nullable=False),
    sa.Column('half_yearly_grace_days', sa.BigInteger(), nullable=False),
    sa.Column('annual_grace_days', sa.BigInteger(), nullable=False),
    sa.Column('reminder_schedule', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('auto_reinstate_if_paid_within_days', sa.BigInteger(), nullable=False),
    sa.Column('max_reinstatement_period_days', sa.BigInteger(), nullable=False),
    sa.Column('reinstatement_requires_medical_after_days', sa.BigInteger(), nullable=True),
    sa.Column('send_sms_reminders', sa.Boolean(), nullable=False),
    sa.Column('send_email_reminders', sa.Boolean(), nullable=False),
    sa.Column('requires_notice', sa.Boolean(), nullable=False),
    sa.Column('tolerance', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('effective_from', sa.Date(), nullable=False),
    sa.Column('effective_to', sa.Date(), nullable=True),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    postgresql.ExcludeConstraint((sa.column('org_id'), '='), (sa.column('product_id'), '='), (sa.text('daterange(effective_from, effective_to)'), '&&'), using='gist', name='lapse_rules_dates_excl'),
    sa.CheckConstraint('effective_from < effective_to', name=op.f('lapse_rules_not_empty_check')),
    sa.CheckConstraint('tolerance >= 0', name=op.f('lapse_rules_tolerance_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('lapse_rules_pk')),
    schema='ins'
    )
    op.protect_table('ins.lapse_rules', 'tenant')
    op.create_table('lapse_holds',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('placed_on', sa.Date(), nullable=False),
    sa.Column('expires_on', sa.Date(), nullable=False),
    sa.Column('placed_by', sa.Text(), nullable=False),
    sa.Column('placed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('released_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('released_by', sa.Text(), nullable=True),
    sa.CheckConstraint('placed_on < expires_on', name=op.f('lapse_holds_not_empty_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('lapse_holds_pk')),
    schema='ins'
    )
    op.protect_table('ins.lapse_holds', 'tenant')
    op.create_table('premium_notices',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('premium_line_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Enum('REMINDER', 'NON_PAYMENT', name='noticekind', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('days_before', sa.BigInteger(), nullable=False),
    sa.Column('recipient', sa.Text(), nullable=False),
    sa.Column('mail_id', sa.Uuid(), nullable=True),
    sa.Column('sent_on', sa.Date(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('premium_notices_pk')),
    sa.UniqueConstraint('org_id', 'premium_line_id', 'kind', 'days_before', 'recipient', name='premium_notices_once_key'),
    schema='ins'
    )
    op.protect_table('ins.premium_notices', 'tenant')
    op.create_index('lapse_rules_product_ix', 'lapse_rules', ['org_id', 'product_id', 'effective_from'], unique=False, schema='ins')
    op.create_index('lapse_holds_policy_ix', 'lapse_holds', ['org_id', 'policy_id', 'expires_on'], unique=False, schema='ins')
    op.create_index('premium_notices_mail_ix', 'premium_notices', ['org_id', 'mail_id'], unique=False, schema='ins')
    op.create_index('premium_notices_policy_ix', 'premium_notices', ['org_id', 'policy_id', 'sent_on'], unique=False, schema='ins')
    op.create_foreign_key(op.f('lapse_rules_product_id_fk'), 'lapse_rules', 'products', ['org_id', 'product_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins', ondelete='CASCADE')
    op.create_foreign_key(op.f('lapse_holds_policy_id_fk'), 'lapse_holds', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('premium_notices_mail_id_fk'), 'premium_notices', 'mails', ['org_id', 'mail_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('premium_notices_premium_line_id_fk'), 'premium_notices', 'premium_lines', ['org_id', 'premium_line_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('premium_notices_policy_id_fk'), 'premium_notices', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')


def downgrade() -> None:
    op.drop_index('premium_notices_policy_ix', table_name='premium_notices', schema='ins')
    op.drop_index('premium_notices_mail_ix', table_name='premium_notices', schema='ins')
    op.drop_table('premium_notices', schema='ins')
    op.drop_index('lapse_holds_policy_ix', table_name='lapse_holds', schema='ins')
    op.drop_table('lapse_holds', schema='ins')
    op.drop_index('lapse_rules_product_ix', table_name='lapse_rules', schema='ins')
    op.drop_table('lapse_rules', schema='ins')
