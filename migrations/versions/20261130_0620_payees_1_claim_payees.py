"""who is paid of a claim, by shares; payments to each payee; verified accounts as a setting

A payee of before keeps the account's ciphertext, which is bound to its row's id: so the row of the
one payee of a claim has the claim's id.

Revision ID: payees_1
Revises: objects_1
"""

import sqlalchemy as sa
from alembic import op

revision = 'payees_1'
down_revision = 'objects_1'

KINDS = sa.Enum('BENEFICIARY', 'HOLDER', 'ESTATE', 'NAMED', name='payeekind', native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table('claim_payees',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('claim_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.Column('kind', KINDS, nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('date_of_birth', sa.Date(), nullable=True),
    sa.Column('relationship', sa.Text(), nullable=False),
    sa.Column('share', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('bank', sa.Text(), nullable=True),
    sa.Column('branch_code', sa.Text(), nullable=True),
    sa.Column('account_cipher', sa.Text(), nullable=True),
    sa.Column('account_masked', sa.Text(), nullable=True),
    sa.Column('account_index', sa.LargeBinary(), nullable=True),
    sa.Column('entered_by', sa.Text(), nullable=False),
    sa.Column('verified_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('verified_by', sa.Text(), nullable=True),
    sa.Column('verified_how', sa.Text(), nullable=True),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('share > 0 AND share <= 100', name=op.f('claim_payees_share_check')),
    sa.CheckConstraint('(account_cipher IS NULL) = (account_masked IS NULL)', name=op.f('claim_payees_account_check')),
    sa.CheckConstraint('(verified_at IS NULL) = (verified_by IS NULL)', name=op.f('claim_payees_verified_check')),
    sa.CheckConstraint('verified_at IS NULL OR account_cipher IS NOT NULL', name=op.f('claim_payees_verifiable_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('claim_payees_pk')),
    schema='ins'
    )
    op.protect_table('ins.claim_payees', 'tenant')
    op.create_index('claim_payees_claim_ix', 'claim_payees', ['org_id', 'claim_id', 'position'], unique=False, schema='ins')
    op.create_index('claim_payees_account_ix', 'claim_payees', ['org_id', 'account_index'], unique=False, schema='ins')
    op.create_foreign_key(op.f('claim_payees_claim_id_fk'), 'claim_payees', 'claims', ['org_id', 'claim_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.execute("""
        INSERT INTO ins.claim_payees (org_id, id, claim_id, position, kind, name, relationship, share,
                                      note, bank, branch_code, account_cipher, account_masked,
                                      account_index, entered_by)
        SELECT org_id, id, id, 1, 'NAMED', payee_name, '', 100, '', payee_bank, payee_branch_code,
               payee_account_cipher, payee_account_masked, payee_account_index,
               coalesce(payee_changed_by, submitted_by)
        FROM ins.claims WHERE payee_name IS NOT NULL
    """)
    op.add_column('claim_payments', sa.Column('payee_id', sa.Uuid(), nullable=True), schema='ins')
    op.add_column('claim_payments', sa.Column('batch_reference', sa.Text(), nullable=True), schema='ins')
    op.execute("UPDATE ins.claim_payments SET batch_reference = reference")
    op.execute("""
        UPDATE ins.claim_payments AS p SET payee_id = y.id FROM ins.claim_payees y
        WHERE y.org_id = p.org_id AND y.id = p.claim_id AND y.name = p.payee_name
    """)
    op.alter_column('claim_payments', 'batch_reference', nullable=False, schema='ins')
    op.create_index('claim_payments_batch_ix', 'claim_payments', ['org_id', 'batch_reference'], unique=False, schema='ins')
    op.create_index('claim_payments_payee_ix', 'claim_payments', ['org_id', 'payee_id'], unique=False, schema='ins')
    op.create_foreign_key(op.f('claim_payments_payee_id_fk'), 'claim_payments', 'claim_payees', ['org_id', 'payee_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.add_column('claim_settings', sa.Column('verified_account_first', sa.Boolean(), nullable=False, server_default=sa.false()), schema='ins')
    op.alter_column('claim_settings', 'verified_account_first', server_default=None, schema='ins')
    op.drop_index('claims_payee_ix', table_name='claims', schema='ins')
    for name in ('payee_name', 'payee_bank', 'payee_branch_code', 'payee_account_cipher', 'payee_account_masked', 'payee_account_index'):
        op.drop_column('claims', name, schema='ins')


def downgrade() -> None:
    for name in ('payee_name', 'payee_bank', 'payee_branch_code', 'payee_account_cipher', 'payee_account_masked'):
        op.add_column('claims', sa.Column(name, sa.Text(), nullable=True), schema='ins')
    op.add_column('claims', sa.Column('payee_account_index', sa.LargeBinary(), nullable=True), schema='ins')
    op.create_index('claims_payee_ix', 'claims', ['org_id', 'payee_account_index'], unique=False, schema='ins')
    op.execute("""
        UPDATE ins.claims AS c
        SET payee_name = y.name, payee_bank = y.bank, payee_branch_code = y.branch_code,
            payee_account_cipher = y.account_cipher, payee_account_masked = y.account_masked,
            payee_account_index = y.account_index
        FROM ins.claim_payees y
        WHERE y.org_id = c.org_id AND y.claim_id = c.id AND y.position = 1 AND y.removed_at IS NULL
    """)
    op.drop_column('claim_settings', 'verified_account_first', schema='ins')
    op.drop_constraint(op.f('claim_payments_payee_id_fk'), 'claim_payments', schema='ins')
    op.drop_index('claim_payments_payee_ix', table_name='claim_payments', schema='ins')
    op.drop_index('claim_payments_batch_ix', table_name='claim_payments', schema='ins')
    op.drop_column('claim_payments', 'batch_reference', schema='ins')
    op.drop_column('claim_payments', 'payee_id', schema='ins')
    op.drop_table('claim_payees', schema='ins')
