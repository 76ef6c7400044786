"""what the files of banks say: formats, line types, the bank's own numbers, what was found out

Revision ID: readers_1
Revises: 0110
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "readers_1"
down_revision = "0110"

FORMATS_BEFORE = "CSV XLSX STATEMENT"
FORMATS = (
    FORMATS_BEFORE + " MERCHANT_STATEMENT EFT_OUTPUT MT940 CAMT053 OFX QIF"
    " FNB ABSA STANDARD_BANK NEDBANK CAPITEC MAPPED"
)
VERDICTS_BEFORE = "MATCHED PARTIAL OVERPAID DUPLICATE SUSPENSE REVERSAL ERROR"
VERDICTS = "MATCHED PARTIAL OVERPAID DUPLICATE SUSPENSE REVERSAL IGNORED ERROR"
LINE_TYPES = sa.Enum(
    "PREMIUM", "DEBIT", "FEE", "INTEREST", "TRANSFER", "REDIRECT", "PENDING",
    name="linetype", native_enum=False, create_constraint=True, length=40,
)


def _limit(table: str, column: str, name: str, words: str) -> None:
    op.execute(f"ALTER TABLE ins.{table} DROP CONSTRAINT {table}_{name}_check")
    values = ", ".join(f"'{word}'" for word in words.split())
    op.execute(
        f"ALTER TABLE ins.{table} ADD CONSTRAINT {table}_{name}_check CHECK ({column} IN ({values}))"
    )


def upgrade() -> None:
    _limit("reconciliation_files", "format", "fileformat", FORMATS)
    _limit("reconciliation_rows", "verdict", "verdict", VERDICTS)
    op.add_column(
        "reconciliation_files",
        sa.Column(
            "reading",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            server_default="{}",
        ),
        schema="ins",
    )
    for column in (
        sa.Column("description", sa.Text(), nullable=False, server_default=""),
        sa.Column("bank_reference", sa.Text(), nullable=True),
        sa.Column("line_type", LINE_TYPES, nullable=False, server_default="PREMIUM"),
        sa.Column("caution", sa.Text(), nullable=False, server_default=""),
    ):
        op.add_column("reconciliation_rows", column, schema="ins")
    op.alter_column("reconciliation_files", "reading", server_default=None, schema="ins")
    for name in ("description", "line_type", "caution"):
        op.alter_column("reconciliation_rows", name, server_default=None, schema="ins")


def downgrade() -> None:
    for name in ("caution", "line_type", "bank_reference", "description"):
        op.drop_column("reconciliation_rows", name, schema="ins")
    op.drop_column("reconciliation_files", "reading", schema="ins")
    _limit("reconciliation_rows", "verdict", "verdict", VERDICTS_BEFORE)
    _limit("reconciliation_files", "format", "fileformat", FORMATS_BEFORE)
