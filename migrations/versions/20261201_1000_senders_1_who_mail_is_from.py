"""senders of mail by role, and which types of mail are theirs

Every organization gets a default sender: its name, at the platform's own address.

Revision ID: senders_1
Revises: month_end_rows_1
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "senders_1"
down_revision = "month_end_rows_1"


def _org() -> sa.Column:
    return sa.Column("org_id", sa.Uuid(), nullable=False)


def _moment(name: str, *, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "email_senders",
        _org(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("email_address", sa.Text()),
        sa.Column("reply_to", sa.Text()),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        _moment("confirmed_at"),
        _moment("verified_at"),
        sa.Column("dns", postgresql.JSONB(none_as_null=True), nullable=False),
        _moment("dns_checked_at"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        _moment("created_at", nullable=False),
        sa.CheckConstraint(
            "email_address IS NOT NULL OR verified_at IS NOT NULL",
            name=op.f("email_senders_platform_is_verified_check"),
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("email_senders_pk")),
        schema="ins",
    )
    op.create_index(
        "email_senders_role_key",
        "email_senders",
        ["org_id", sa.text("lower(role)")],
        unique=True,
        schema="ins",
    )
    op.create_table(
        "email_settings",
        _org(),
        sa.Column("default_sender_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", name=op.f("email_settings_pk")),
        schema="ins",
    )
    op.create_table(
        "email_types",
        _org(),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("sender_id", sa.Uuid()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "type", name=op.f("email_types_pk")),
        schema="ins",
    )
    op.create_table(
        "email_changes",
        _org(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text()),
        _moment("recorded_at", nullable=False),
        sa.Column("payload", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("email_changes_pk")),
        schema="ins",
    )
    op.create_table(
        "dkim_keys",
        _org(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("private_key", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        _moment("created_at", nullable=False),
        _moment("published_at"),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("dkim_keys_pk")),
        sa.UniqueConstraint("org_id", "domain", "selector", name=op.f("dkim_keys_selector_key")),
        schema="ins",
    )
    op.create_table(
        "mail_servers",
        _org(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("port", sa.BigInteger(), nullable=False),
        sa.Column(
            "security",
            sa.Enum("STARTTLS", "TLS", "NONE", name="security", native_enum=False,
                    create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password", sa.Text()),
        _moment("rests_until"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("mail_servers_pk")),
        schema="ins",
    )
    op.create_index("mail_servers_one_key", "mail_servers", ["org_id"], unique=True, schema="ins")
    subject = ["org_id", "subject", "id"]
    op.create_index("email_changes_subject_ix", "email_changes", subject, schema="ins")
    _give_defaults()
    for table in ("email_senders", "email_settings", "email_types", "dkim_keys", "mail_servers"):
        op.protect_table(f"ins.{table}", "tenant")
    op.protect_table("ins.email_changes", "append_only")
    for table, column in (("email_settings", "default_sender_id"), ("email_types", "sender_id")):
        op.create_index(f"{table}_{column}_ix", table, ["org_id", column], schema="ins")
        op.create_foreign_key(
            op.f(f"{table}_{column}_fk"), table, "email_senders", ["org_id", column],
            ["org_id", "id"], source_schema="ins", referent_schema="ins",
        )  # fmt: skip


def _give_defaults() -> None:
    """Its id is the organization's own: made here, where no other is at hand."""
    op.execute("""
        INSERT INTO ins.email_senders (org_id, id, role, display_name, is_active, verified_at, dns,
                                       version, created_at)
        SELECT o.org_id, o.org_id, 'General', left(o.name, 120), true, o.created_at, '[]',
               1, o.created_at
        FROM ins.organizations o
    """)
    op.execute("""
        INSERT INTO ins.email_settings (org_id, default_sender_id)
        SELECT s.org_id, s.id FROM ins.email_senders s
    """)


def downgrade() -> None:
    for table in ("mail_servers", "dkim_keys", "email_changes", "email_types", "email_settings", "email_senders"):
        op.drop_table(table, schema="ins")
