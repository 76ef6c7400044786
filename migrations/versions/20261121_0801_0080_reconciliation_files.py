"""bank files and their rows

Revision ID: 0080
Revises: 0044
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0080"
down_revision = "0044"


def upgrade() -> None:
    op.create_table(
        "reconciliation_files",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "format",
            sa.Enum(
                "CSV",
                "XLSX",
                "STATEMENT",
                name="fileformat",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("policy_id", sa.Uuid(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "UPLOADED",
                "PREVIEWED",
                "COMMITTING",
                "COMMITTED",
                "FAILED",
                name="filestatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("rows_done", sa.BigInteger(), nullable=False),
        sa.Column("last_line", sa.BigInteger(), nullable=False),
        sa.Column(
            "totals", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("tolerance", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uploaded_by", sa.Text(), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("committed_by", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "rows_done BETWEEN 0 AND row_count", name=op.f("reconciliation_files_rows_done_check")
        ),
        sa.CheckConstraint("tolerance >= 0", name=op.f("reconciliation_files_tolerance_check")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("reconciliation_files_pk")),
        sa.UniqueConstraint(
            "org_id", "policy_id", "file_hash", name="reconciliation_files_policy_hash_key"
        ),
        schema="ins",
    )
    op.protect_table("ins.reconciliation_files", "tenant")
    op.create_table(
        "reconciliation_rows",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("policy_number", sa.Text(), nullable=False),
        sa.Column("due_text", sa.Text(), nullable=False),
        sa.Column("paid_text", sa.Text(), nullable=False),
        sa.Column("amount_text", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("status_text", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column(
            "verdict",
            sa.Enum(
                "MATCHED",
                "PARTIAL",
                "OVERPAID",
                "DUPLICATE",
                "SUSPENSE",
                "REVERSAL",
                "ERROR",
                name="verdict",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "PENDING",
                "POSTED",
                "SKIPPED",
                "ERROR",
                name="rowstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("reconciliation_rows_pk")),
        sa.UniqueConstraint("org_id", "file_id", "line", name="reconciliation_rows_line_key"),
        schema="ins",
    )
    op.protect_table("ins.reconciliation_rows", "tenant")
    op.create_index(
        "reconciliation_files_hash_key",
        "reconciliation_files",
        ["org_id", "file_hash"],
        unique=True,
        schema="ins",
        postgresql_where=sa.text("policy_id IS NULL"),
    )
    op.create_index(
        "reconciliation_rows_receipt_ix",
        "reconciliation_rows",
        ["org_id", "receipt_id"],
        unique=False,
        schema="ins",
        postgresql_where=sa.text("receipt_id IS NOT NULL"),
    )
    op.create_index(
        "reconciliation_rows_verdict_ix",
        "reconciliation_rows",
        ["org_id", "file_id", "verdict", "line"],
        unique=False,
        schema="ins",
    )
    op.create_foreign_key(
        op.f("reconciliation_files_policy_id_fk"),
        "reconciliation_files",
        "policies",
        ["org_id", "policy_id"],
        ["org_id", "id"],
        source_schema="ins",
        referent_schema="ins",
    )
    op.create_foreign_key(
        op.f("reconciliation_rows_file_id_fk"),
        "reconciliation_rows",
        "reconciliation_files",
        ["org_id", "file_id"],
        ["org_id", "id"],
        source_schema="ins",
        referent_schema="ins",
    )
    op.create_foreign_key(
        op.f("reconciliation_rows_receipt_id_fk"),
        "reconciliation_rows",
        "receipts",
        ["org_id", "receipt_id"],
        ["org_id", "id"],
        source_schema="ins",
        referent_schema="ins",
    )


def downgrade() -> None:
    op.drop_index("reconciliation_rows_verdict_ix", table_name="reconciliation_rows", schema="ins")
    op.drop_index(
        "reconciliation_rows_receipt_ix",
        table_name="reconciliation_rows",
        schema="ins",
        postgresql_where=sa.text("receipt_id IS NOT NULL"),
    )
    op.drop_table("reconciliation_rows", schema="ins")
    op.drop_index(
        "reconciliation_files_hash_key",
        table_name="reconciliation_files",
        schema="ins",
        postgresql_where=sa.text("policy_id IS NULL"),
    )
    op.drop_table("reconciliation_files", schema="ins")
