"""the words that organizations write for their mails, and in whose words each mail is

Revision ID: message_templates_1
Revises: debits_by_day_1
"""

import sqlalchemy as sa
from alembic import op

revision = "message_templates_1"
down_revision = "debits_by_day_1"



def _org() -> sa.Column:
    return sa.Column("org_id", sa.Uuid(), nullable=False)


def _language() -> sa.Column:
    kind = sa.Enum("en", "af", "zu", "xh", "st", name="language", native_enum=False,
                   create_constraint=True, length=40)  # fmt: skip
    return sa.Column("language", kind, nullable=False)


def upgrade() -> None:
    op.create_table(
        "message_templates",
        _org(),
        sa.Column("kind", sa.Text(), nullable=False),
        _language(),
        sa.Column("in_use", sa.BigInteger()),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "kind", "language", name=op.f("message_templates_pk")),
        schema="ins",
    )
    op.create_table(
        "message_template_versions",
        _org(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        _language(),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("written_by", sa.Text()),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("message_template_versions_number_check")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("message_template_versions_pk")),
        sa.UniqueConstraint(
            "org_id", "kind", "language", "number",
            name=op.f("message_template_versions_number_key"),
        ),  # fmt: skip
        schema="ins",
    )
    op.create_table(
        "message_settings",
        _org(),
        _language(),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", name=op.f("message_settings_pk")),
        schema="ins",
    )
    op.protect_table("ins.message_templates", "tenant")
    op.protect_table("ins.message_template_versions", "append_only")
    op.protect_table("ins.message_settings", "tenant")
    op.add_column("mails", sa.Column("language", sa.Text()), schema="ins")
    op.add_column("mails", sa.Column("template_version", sa.BigInteger()), schema="ins")


def downgrade() -> None:
    op.drop_column("mails", "template_version", schema="ins")
    op.drop_column("mails", "language", schema="ins")
    for table in ("message_settings", "message_template_versions", "message_templates"):
        op.drop_table(table, schema="ins")
