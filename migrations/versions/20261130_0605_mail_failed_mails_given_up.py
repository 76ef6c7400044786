"""mails are given up after three days, and may be sent again

Revision ID: mail_failed
Revises: main_benefit_1
"""

import sqlalchemy as sa
from alembic import op

revision = 'mail_failed'
down_revision = 'main_benefit_1'


def upgrade() -> None:
    op.add_column('mails', sa.Column('tried_from', sa.DateTime(timezone=True), nullable=True), schema='ins')
    op.add_column('mails', sa.Column('failed_at', sa.DateTime(timezone=True), nullable=True), schema='ins')
    op.execute('UPDATE ins.mails SET tried_from = created_at')
    # What eight tries had given up until now is failed, and can be sent again.
    op.execute(
        "UPDATE ins.mails m SET failed_at = j.done_at FROM ins.jobs_outbox j"
        " WHERE j.org_id = m.org_id AND j.name = 'notifications.send_mail'"
        " AND j.arguments ->> 'mail_id' = m.id::text AND j.done_at IS NOT NULL AND m.sent_at IS NULL"
    )
    op.alter_column('mails', 'tried_from', nullable=False, schema='ins')
    op.drop_index('mails_unsent_ix', table_name='mails', schema='ins')
    op.create_index('mails_unsent_ix', 'mails', ['org_id', 'id'], schema='ins', postgresql_where=sa.text('sent_at IS NULL'))
    op.create_index('mails_failed_ix', 'mails', ['org_id', 'id'], schema='ins', postgresql_where=sa.text('failed_at IS NOT NULL'))


def downgrade() -> None:
    op.drop_index('mails_failed_ix', table_name='mails', schema='ins')
    op.drop_index('mails_unsent_ix', table_name='mails', schema='ins')
    op.create_index('mails_unsent_ix', 'mails', ['org_id', 'created_at'], schema='ins', postgresql_where=sa.text('sent_at IS NULL'))
    op.drop_column('mails', 'failed_at', schema='ins')
    op.drop_column('mails', 'tried_from', schema='ins')
