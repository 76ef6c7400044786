"""sums of the loss ratio by day and month, and the transfers that they do not have yet

What was posted before waits to be counted: a thousand transfers a note.

Revision ID: loss_figures_1
Revises: role_ages_1
"""

import sqlalchemy as sa
from alembic import op

revision = 'loss_figures_1'
down_revision = 'role_ages_1'

GRAINS = sa.Enum('DAY', 'MONTH', name='grain', native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table('ledger_uncounted',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('transfer_ids', sa.ARRAY(sa.Uuid()), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('ledger_uncounted_pk')),
    schema='ins'
    )
    op.protect_table('ins.ledger_uncounted', 'tenant')
    op.create_table('loss_figures',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('grain', GRAINS, nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('charged', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('earned', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('claims', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'grain', 'day', 'product_id', name=op.f('loss_figures_pk')),
    schema='ins'
    )
    op.protect_table('ins.loss_figures', 'tenant')
    op.execute("""
        INSERT INTO ins.ledger_uncounted (org_id, id, transfer_ids)
        SELECT org_id, gen_random_uuid(), array_agg(id)
        FROM (SELECT t.org_id, t.id,
                     row_number() OVER (PARTITION BY t.org_id ORDER BY t.id) / 1000 AS note
              FROM ins.ledger_transfers t
              JOIN ins.ledger_accounts a ON a.org_id = t.org_id
                  AND a.code IN (t.debit_account, t.credit_account)
                  AND a.kind IN ('INCOME', 'EXPENSE')) x
        GROUP BY org_id, note
    """)


def downgrade() -> None:
    op.drop_table('loss_figures', schema='ins')
    op.drop_table('ledger_uncounted', schema='ins')
