"""what people type into long forms is kept until it is saved

Revision ID: drafts_1
Revises: lists_1
"""

import sqlalchemy as sa
from alembic import op

revision = "drafts_1"
down_revision = "lists_1"


def upgrade() -> None:
    op.create_table(
        "drafts",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("record", sa.Text()),
        sa.Column("words_cipher", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("drafts_pk")),
        schema="ins",
    )
    op.create_index("drafts_person_ix", "drafts", ["org_id", "user_id", "saved_at"], schema="ins")
    op.create_index(
        "drafts_record_ix",
        "drafts",
        ["org_id", "record"],
        schema="ins",
        postgresql_where=sa.text("record IS NOT NULL"),
    )
    op.protect_table("ins.drafts", "tenant")


def downgrade() -> None:
    op.drop_table("drafts", schema="ins")
