"""audit tables

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0004'
down_revision = '0003'


def upgrade() -> None:
    op.create_table('audit_events',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('user_label', sa.Text(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('method', sa.Text(), nullable=False),
    sa.Column('resource', sa.Text(), nullable=False),
    sa.Column('resource_id', sa.Text(), nullable=True),
    sa.Column('before', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    sa.Column('after', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('request_id', sa.Text(), nullable=True),
    sa.Column('ip', sa.Text(), nullable=True),
    sa.Column('channel', sa.Enum('BROWSER', 'API', 'JOB', 'CLI', name='channel', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('outcome', sa.Enum('OK', 'REFUSED', 'FAILED', name='outcome', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('payload_hash', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('audit_events_pk')),
    schema='ins'
    )
    op.protect_table('ins.audit_events', 'append_only')
    op.create_table('audit_leaves',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('seal_no', sa.BigInteger(), nullable=False),
    sa.Column('leaf_index', sa.BigInteger(), nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('leaf_hash', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'seal_no', 'leaf_index', name=op.f('audit_leaves_pk')),
    sa.UniqueConstraint('org_id', 'event_id', name=op.f('audit_leaves_event_id_key')),
    schema='ins'
    )
    op.protect_table('ins.audit_leaves', 'append_only')
    op.create_table('audit_seal_heads',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('seal_no', sa.BigInteger(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', name=op.f('audit_seal_heads_pk')),
    schema='ins'
    )
    op.protect_table('ins.audit_seal_heads', 'tenant')
    op.create_table('audit_seals',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('seal_no', sa.BigInteger(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('root', sa.LargeBinary(), nullable=False),
    sa.Column('prev_hash', sa.LargeBinary(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.Column('signature', sa.LargeBinary(), nullable=False),
    sa.Column('sealed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'seal_no', name=op.f('audit_seals_pk')),
    schema='ins'
    )
    op.protect_table('ins.audit_seals', 'append_only')
    op.create_table('audit_unsealed',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'event_id', name=op.f('audit_unsealed_pk')),
    schema='ins'
    )
    op.protect_table('ins.audit_unsealed', 'tenant')
    op.create_index('audit_events_action_ix', 'audit_events', ['org_id', 'action', 'id'], unique=False, schema='ins')
    op.create_index('audit_events_method_ix', 'audit_events', ['org_id', 'method', 'id'], unique=False, schema='ins')
    op.create_index('audit_events_request_ix', 'audit_events', ['org_id', 'request_id'], unique=False, schema='ins')
    op.create_index('audit_events_resource_ix', 'audit_events', ['org_id', 'resource', 'resource_id', 'id'], unique=False, schema='ins')
    op.create_index('audit_events_user_ix', 'audit_events', ['org_id', 'user_label', 'id'], unique=False, schema='ins')


def downgrade() -> None:
    op.drop_table('audit_unsealed', schema='ins')
    op.drop_table('audit_seals', schema='ins')
    op.drop_table('audit_seal_heads', schema='ins')
    op.drop_table('audit_leaves', schema='ins')
    op.drop_index('audit_events_user_ix', table_name='audit_events', schema='ins')
    op.drop_index('audit_events_resource_ix', table_name='audit_events', schema='ins')
    op.drop_index('audit_events_request_ix', table_name='audit_events', schema='ins')
    op.drop_index('audit_events_method_ix', table_name='audit_events', schema='ins')
    op.drop_index('audit_events_action_ix', table_name='audit_events', schema='ins')
    op.drop_table('audit_events', schema='ins')
