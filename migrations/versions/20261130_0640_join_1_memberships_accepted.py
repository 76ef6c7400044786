"""a membership begins when the person accepts, and a browser stays out of what was left

Revision ID: join_1
Revises: continues_1
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = 'join_1'
down_revision = 'continues_1'


def upgrade() -> None:
    op.add_column('memberships', sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=True), schema='cp')
    op.add_column('memberships', sa.Column('invited_name', sa.Text(), nullable=True), schema='cp')
    # Who has a password could sign in until now, so has accepted.
    op.execute(
        "UPDATE cp.memberships m SET accepted_at = m.created_at FROM cp.users u"
        " WHERE u.id = m.user_id AND u.password_hash IS NOT NULL"
    )
    op.execute(
        "UPDATE cp.memberships m SET invited_name = u.name FROM cp.users u"
        " WHERE u.id = m.user_id AND m.accepted_at IS NULL"
    )
    op.add_column(
        'sessions',
        sa.Column('left_orgs', postgresql.ARRAY(sa.Uuid()), nullable=False, server_default='{}'),
        schema='cp',
    )


def downgrade() -> None:
    op.drop_column('sessions', 'left_orgs', schema='cp')
    op.execute("DELETE FROM cp.memberships WHERE accepted_at IS NULL")
    op.drop_column('memberships', 'invited_name', schema='cp')
    op.drop_column('memberships', 'accepted_at', schema='cp')
