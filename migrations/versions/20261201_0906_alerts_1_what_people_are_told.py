"""people are told of what concerns them, and choose what of it

Revision ID: alerts_1
Revises: month_end_settings_1
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "alerts_1"
down_revision = "month_end_settings_1"


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True)),
        sa.Column("mailed_at", sa.DateTime(timezone=True)),
        sa.Column("once", sa.Text()),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("alerts_pk")),
        sa.UniqueConstraint("org_id", "user_id", "once", name=op.f("alerts_once_key")),
        schema="ins",
    )
    person = ["org_id", "user_id", "id"]
    unread = sa.text("read_at IS NULL")
    op.create_index("alerts_person_ix", "alerts", person, schema="ins")
    op.create_index("alerts_unread_ix", "alerts", person, schema="ins", postgresql_where=unread)
    about = ["org_id", "resource_id"]
    op.create_index("alerts_about_ix", "alerts", about, schema="ins", postgresql_where=unread)
    op.create_index(
        "alerts_to_mail_ix",
        "alerts",
        ["org_id", "id"],
        schema="ins",
        postgresql_where=sa.text("read_at IS NULL AND mailed_at IS NULL"),
    )
    op.protect_table("ins.alerts", "tenant")
    op.create_table(
        "alert_settings",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("wants_digest", sa.Boolean(), nullable=False),
        sa.Column("hidden", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("unmailed", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("digested_on", sa.Date()),
        sa.PrimaryKeyConstraint("org_id", "user_id", name=op.f("alert_settings_pk")),
        schema="ins",
    )
    op.protect_table("ins.alert_settings", "tenant")
    op.add_column("mails", sa.Column("asked_by", sa.Uuid()), schema="ins")


def downgrade() -> None:
    op.drop_column("mails", "asked_by", schema="ins")
    op.drop_table("alert_settings", schema="ins")
    op.drop_table("alerts", schema="ins")
