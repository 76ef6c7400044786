"""month-end runs, index tables and how premiums escalate

Revision ID: 0100
Revises: 0090
"""

from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0100'
down_revision = '0090'

_TYPES = (
    "'CHANGE_COVER', 'ADD_MEMBER', 'REMOVE_MEMBER', 'CHANGE_BENEFICIARIES',"
    " 'CHANGE_PREMIUM_DUE_DAY', 'CHANGE_FREQUENCY', 'CHANGE_BANK_DETAILS', 'CORRECT_DETAILS'"
)
_PARAMETERS = (
    ("escalation_notice_days", "31", "PPR rule 11: notice of a change of premium"),
    ("escalation_floor_per_cent", "0", "Where nothing narrower says otherwise"),
    ("escalation_cap_per_cent", "10", "Where nothing narrower says otherwise"),
)


def _type_check(types: str) -> None:
    name = "endorsements_endorsementtype_check"
    op.execute(f"ALTER TABLE ins.endorsements DROP CONSTRAINT {name}")
    op.execute(f"ALTER TABLE ins.endorsements ADD CONSTRAINT {name} CHECK (type IN ({types}))")


def _add_parameters() -> None:
    parameters = sa.table(
        "dated_parameters",
        sa.column("code", sa.Text),
        sa.column("valid_from", sa.Date),
        sa.column("value", sa.Numeric),
        sa.column("source", sa.Text),
        schema="ins",
    )
    op.bulk_insert(
        parameters,
        [
            {"code": code, "valid_from": date(2018, 1, 1), "value": Decimal(value), "source": source}
            for code, value, source in _PARAMETERS
        ],
    )


def upgrade() -> None:
    _type_check(f"{_TYPES}, 'ANNIVERSARY'")
    _add_parameters()
    op.create_table('index_values',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('index_code', sa.Text(), nullable=False),
    sa.Column('month', sa.Date(), nullable=False),
    sa.Column('value', sa.Numeric(precision=18, scale=8), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_by', sa.Text(), nullable=False),
    sa.CheckConstraint('extract(day FROM month) = 1', name=op.f('index_values_month_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('index_values_pk')),
    sa.UniqueConstraint('org_id', 'index_code', 'month', name='index_values_month_key'),
    schema='ins'
    )
    op.protect_table('ins.index_values', 'tenant')
    op.create_table('month_end_runs',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('process_date', sa.Date(), nullable=False),
    sa.Column('status', sa.Enum('PLANNING', 'PLANNED', 'APPROVED', 'APPLYING', 'COMPLETED', 'COMPLETED_WITH_EXCEPTIONS', 'CANCELLED', 'FAILED', name='runstatus', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('dry_run', sa.Boolean(), nullable=False),
    sa.Column('steps', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('limit_policies', sa.BigInteger(), nullable=True),
    sa.Column('close_month', sa.Boolean(), nullable=False),
    sa.Column('follows_id', sa.Uuid(), nullable=True),
    sa.Column('policies', sa.BigInteger(), nullable=False),
    sa.Column('book', sa.BigInteger(), nullable=False),
    sa.Column('hash', sa.Text(), nullable=True),
    sa.Column('totals', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('requested_by', sa.Text(), nullable=False),
    sa.Column('requested_by_id', sa.Uuid(), nullable=True),
    sa.Column('planned_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('approved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('approved_by', sa.Text(), nullable=True),
    sa.Column('comment', sa.Text(), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('limit_policies > 0', name=op.f('month_end_runs_limit_check')),
    sa.CheckConstraint('policies BETWEEN 0 AND book', name=op.f('month_end_runs_policies_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('month_end_runs_pk')),
    schema='ins'
    )
    op.protect_table('ins.month_end_runs', 'tenant')
    op.create_table('month_end_settings',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('may_apply_unapproved', sa.Boolean(), nullable=False),
    sa.Column('days_ahead', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', name=op.f('month_end_settings_pk')),
    schema='ins'
    )
    op.protect_table('ins.month_end_settings', 'tenant')
    op.create_table('month_end_chunks',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Enum('BOOK', 'LIST', name='chunkkind', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('first_policy', sa.Uuid(), nullable=False),
    sa.Column('last_policy', sa.Uuid(), nullable=False),
    sa.Column('policies', sa.BigInteger(), nullable=False),
    sa.Column('hash', sa.Text(), nullable=True),
    sa.Column('totals', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('done', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('planned_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('applied_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('month_end_chunks_pk')),
    sa.UniqueConstraint('org_id', 'run_id', 'number', name='month_end_chunks_number_key'),
    schema='ins'
    )
    op.protect_table('ins.month_end_chunks', 'tenant')
    op.create_table('month_end_effects',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('chunk', sa.BigInteger(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('policy_number', sa.Text(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('step', sa.Enum('ANNIVERSARIES', 'EXTEND_SCHEDULES', 'POST_PREMIUMS', 'MARK_OVERDUE', 'WAITING_ENDED', 'RENEWALS_DUE', 'EXPIRIES', 'LAPSE_CANDIDATES', 'LAPSES', name='stepcode', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('period', sa.Date(), nullable=False),
    sa.Column('before', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('after', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('amount', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('month_end_effects_pk')),
    sa.UniqueConstraint('org_id', 'run_id', 'policy_id', 'step', 'period', name='month_end_effects_once_key'),
    schema='ins'
    )
    op.protect_table('ins.month_end_effects', 'append_only')
    op.create_table('escalation_notices',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('anniversary', sa.Date(), nullable=False),
    sa.Column('sent_on', sa.Date(), nullable=False),
    sa.Column('recipient', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_by', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('escalation_notices_pk')),
    sa.UniqueConstraint('org_id', 'policy_id', 'anniversary', name='escalation_notices_once_key'),
    schema='ins'
    )
    op.protect_table('ins.escalation_notices', 'tenant')
    op.create_table('escalation_rules',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=True),
    sa.Column('product_version_id', sa.Uuid(), nullable=True),
    sa.Column('policy_id', sa.Uuid(), nullable=True),
    sa.Column('type', sa.Enum('LEVEL', 'INDEXED', 'STEPPED', 'REVIEWABLE', name='projectiontype', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('index_code', sa.Text(), nullable=False),
    sa.Column('lag_months', sa.BigInteger(), nullable=False),
    sa.Column('floor', sa.Numeric(precision=18, scale=8), nullable=True),
    sa.Column('cap', sa.Numeric(precision=18, scale=8), nullable=True),
    sa.Column('fixed_rate', sa.Numeric(precision=18, scale=8), nullable=True),
    sa.Column('cover_rate', sa.Numeric(precision=18, scale=8), nullable=False),
    sa.Column('steps', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('rates_by_age', sa.Boolean(), nullable=False),
    sa.Column('reviews', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('requires_notice', sa.Boolean(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_by', sa.Text(), nullable=False),
    sa.CheckConstraint('floor <= cap', name=op.f('escalation_rules_floor_check')),
    sa.CheckConstraint('num_nonnulls(product_id, product_version_id, policy_id) <= 1', name=op.f('escalation_rules_level_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('escalation_rules_pk')),
    schema='ins'
    )
    op.protect_table('ins.escalation_rules', 'tenant')
    op.create_table('month_end_exceptions',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('policy_number', sa.Text(), nullable=False),
    sa.Column('kind', sa.Enum('FAILED', 'CHANGED', 'BLOCKED', name='exceptionkind', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('noted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('followed_by_id', sa.Uuid(), nullable=True),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('month_end_exceptions_pk')),
    sa.UniqueConstraint('org_id', 'run_id', 'policy_id', name='month_end_exceptions_once_key'),
    schema='ins'
    )
    op.protect_table('ins.month_end_exceptions', 'tenant')
    op.create_table('month_end_watermarks',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('closed_through', sa.Date(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'policy_id', name=op.f('month_end_watermarks_pk')),
    schema='ins'
    )
    op.protect_table('ins.month_end_watermarks', 'tenant')
    op.create_index('month_end_runs_follows_ix', 'month_end_runs', ['org_id', 'follows_id'], unique=False, schema='ins')
    op.create_index('month_end_runs_one_key', 'month_end_runs', ['org_id'], unique=True, schema='ins', postgresql_where=sa.text("status IN ('PLANNING', 'APPLYING')"))
    op.create_index('escalation_rules_policy_ix', 'escalation_rules', ['org_id', 'policy_id'], unique=False, schema='ins')
    op.create_index('escalation_rules_product_ix', 'escalation_rules', ['org_id', 'product_id'], unique=False, schema='ins')
    op.create_index('escalation_rules_version_ix', 'escalation_rules', ['org_id', 'product_version_id'], unique=False, schema='ins')
    op.create_index('month_end_exceptions_followed_ix', 'month_end_exceptions', ['org_id', 'followed_by_id', 'policy_id'], unique=False, schema='ins')
    op.create_index('month_end_exceptions_policy_ix', 'month_end_exceptions', ['org_id', 'policy_id'], unique=False, schema='ins')
    op.create_index('endorsements_anniversary_key', 'endorsements', ['org_id', 'policy_id', 'effective_date'], unique=True, schema='ins', postgresql_where=sa.text("type = 'ANNIVERSARY'"))
    op.create_index('premium_lines_prepaid_ix', 'premium_lines', ['org_id', 'due_date'], unique=False, schema='ins', postgresql_where=sa.text("status = 'PAID' AND posted_at IS NULL"))
    op.create_foreign_key(op.f('month_end_runs_follows_id_fk'), 'month_end_runs', 'month_end_runs', ['org_id', 'follows_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('month_end_chunks_run_id_fk'), 'month_end_chunks', 'month_end_runs', ['org_id', 'run_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('month_end_effects_run_id_fk'), 'month_end_effects', 'month_end_runs', ['org_id', 'run_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('escalation_notices_policy_id_fk'), 'escalation_notices', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('escalation_rules_product_version_id_fk'), 'escalation_rules', 'product_versions', ['org_id', 'product_version_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('escalation_rules_policy_id_fk'), 'escalation_rules', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('escalation_rules_product_id_fk'), 'escalation_rules', 'products', ['org_id', 'product_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('month_end_exceptions_run_id_fk'), 'month_end_exceptions', 'month_end_runs', ['org_id', 'run_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('month_end_exceptions_policy_id_fk'), 'month_end_exceptions', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('month_end_exceptions_followed_by_id_fk'), 'month_end_exceptions', 'month_end_runs', ['org_id', 'followed_by_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('month_end_watermarks_policy_id_fk'), 'month_end_watermarks', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')


def downgrade() -> None:
    op.execute("DELETE FROM ins.dated_parameters WHERE code LIKE 'escalation_%'")
    _type_check(_TYPES)
    op.drop_index('premium_lines_prepaid_ix', table_name='premium_lines', schema='ins', postgresql_where=sa.text("status = 'PAID' AND posted_at IS NULL"))
    op.drop_index('endorsements_anniversary_key', table_name='endorsements', schema='ins', postgresql_where=sa.text("type = 'ANNIVERSARY'"))
    op.drop_table('month_end_watermarks', schema='ins')
    op.drop_index('month_end_exceptions_policy_ix', table_name='month_end_exceptions', schema='ins')
    op.drop_index('month_end_exceptions_followed_ix', table_name='month_end_exceptions', schema='ins')
    op.drop_table('month_end_exceptions', schema='ins')
    op.drop_index('escalation_rules_version_ix', table_name='escalation_rules', schema='ins')
    op.drop_index('escalation_rules_product_ix', table_name='escalation_rules', schema='ins')
    op.drop_index('escalation_rules_policy_ix', table_name='escalation_rules', schema='ins')
    op.drop_table('escalation_rules', schema='ins')
    op.drop_table('escalation_notices', schema='ins')
    op.drop_table('month_end_effects', schema='ins')
    op.drop_table('month_end_chunks', schema='ins')
    op.drop_table('month_end_settings', schema='ins')
    op.drop_index('month_end_runs_one_key', table_name='month_end_runs', schema='ins', postgresql_where=sa.text("status IN ('PLANNING', 'APPLYING')"))
    op.drop_index('month_end_runs_follows_ix', table_name='month_end_runs', schema='ins')
    op.drop_table('month_end_runs', schema='ins')
    op.drop_table('index_values', schema='ins')
