"""a request's key is marked done by the commit of its work

Revision ID: keys_done
Revises: parties_1
"""

import sqlalchemy as sa
from alembic import op

revision = 'keys_done'
down_revision = 'parties_1'

COLUMNS = (
    sa.Column('claimed_by', sa.Uuid(), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('resource', sa.Text(), nullable=True),
    sa.Column('resource_id', sa.Text(), nullable=True),
)


def upgrade() -> None:
    for column in COLUMNS:
        op.add_column('idempotency_keys', column, schema='ins')
    op.execute("UPDATE ins.idempotency_keys SET done_at = created_at WHERE status IS NOT NULL")


def downgrade() -> None:
    for column in COLUMNS:
        op.drop_column('idempotency_keys', column.name, schema='ins')
