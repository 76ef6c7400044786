"""saved mappings of files that nobody knows; a line may be a note that moves no money

Revision ID: readers_2
Revises: mail_failed
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "readers_2"
down_revision = "mail_failed"

LINE_TYPES_BEFORE = "PREMIUM DEBIT FEE INTEREST TRANSFER REDIRECT PENDING"
LINE_TYPES = LINE_TYPES_BEFORE + " NOTE"


def _limit(words: str) -> None:
    op.execute(
        "ALTER TABLE ins.reconciliation_rows DROP CONSTRAINT reconciliation_rows_linetype_check"
    )
    values = ", ".join(f"'{word}'" for word in words.split())
    op.execute(
        "ALTER TABLE ins.reconciliation_rows ADD CONSTRAINT reconciliation_rows_linetype_check"
        f" CHECK (line_type IN ({values}))"
    )


def upgrade() -> None:
    _limit(LINE_TYPES)
    json = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
    op.create_table(
        "reconciliation_mappings",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("heading", json, nullable=False),
        sa.Column("heading_key", sa.Text(), nullable=False),
        sa.Column("columns", json, nullable=False),
        sa.Column("is_month_first", sa.Boolean(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("reconciliation_mappings_pk")),
        sa.UniqueConstraint("org_id", "name", name=op.f("reconciliation_mappings_name_key")),
        sa.UniqueConstraint(
            "org_id", "heading_key", name=op.f("reconciliation_mappings_heading_key_key")
        ),
        schema="ins",
    )
    op.protect_table("ins.reconciliation_mappings", "tenant")


def downgrade() -> None:
    op.drop_table("reconciliation_mappings", schema="ins")
    _limit(LINE_TYPES_BEFORE)
