"""how a new claim finds its assessor, and who had the last one in turn

Revision ID: 0110
Revises: 0130
"""

import sqlalchemy as sa
from alembic import op

revision = '0110'
down_revision = '0130'

WAYS = sa.Enum('BY_HAND', 'IN_TURN', 'FEWEST_OPEN', name='assignment', native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.add_column('claim_settings', sa.Column('assignment', WAYS, nullable=False, server_default='BY_HAND'), schema='ins')
    op.add_column('claim_settings', sa.Column('last_assigned_to', sa.Uuid(), nullable=True), schema='ins')
    op.execute("UPDATE ins.claim_settings SET assignment = 'FEWEST_OPEN' WHERE assigns_in_turn")
    op.alter_column('claim_settings', 'assignment', server_default=None, schema='ins')
    op.drop_column('claim_settings', 'assigns_in_turn', schema='ins')


def downgrade() -> None:
    op.add_column('claim_settings', sa.Column('assigns_in_turn', sa.Boolean(), nullable=False, server_default=sa.false()), schema='ins')
    op.execute("UPDATE ins.claim_settings SET assigns_in_turn = assignment <> 'BY_HAND'")
    op.alter_column('claim_settings', 'assigns_in_turn', server_default=None, schema='ins')
    op.drop_column('claim_settings', 'last_assigned_to', schema='ins')
    op.drop_column('claim_settings', 'assignment', schema='ins')
