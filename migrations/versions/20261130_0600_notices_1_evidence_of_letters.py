"""the evidence of a letter: its registered-mail number, or a file of it; an insurer's notice

Letters that were recorded without either prove nothing until one is added.

Revision ID: notices_1
Revises: parties_3
"""

from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from alembic import op

revision = "notices_1"
down_revision = "parties_3"


def upgrade() -> None:
    for name in ("registered_number", "file_key", "file_name", "sha256"):
        op.add_column("premium_notices", sa.Column(name, sa.Text(), nullable=True), schema="ins")
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
            {
                "code": "insurer_notice_days",
                "valid_from": date(2018, 1, 1),
                "value": Decimal(31),
                "source": "ST PPR rule 19: written notice where the insurer ends the contract",
            }
        ],
    )


def downgrade() -> None:
    op.execute("DELETE FROM ins.dated_parameters WHERE code = 'insurer_notice_days'")
    for name in ("sha256", "file_name", "file_key", "registered_number"):
        op.drop_column("premium_notices", name, schema="ins")
