"""an organization gives its roles other permissions than the default

Revision ID: grants_1
Revises: approvals_2
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "grants_1"
down_revision = "enums_1"


def upgrade() -> None:
    op.create_table(
        "role_grants",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "platform_administrator",
                "tenant_administrator",
                "manager",
                "senior_agent",
                "agent",
                "underwriter",
                "claims_assessor",
                "finance",
                "auditor",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Uuid()),
        sa.Column("changed_by_email", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "role", "permission", name="role_grants_pk"),
        schema="ins",
    )
    op.protect_table("ins.role_grants", "tenant")
    op.add_column(
        "org_directory",
        sa.Column("grant_changes", postgresql.JSONB(none_as_null=True, astext_type=sa.Text())),
        schema="cp",
    )
    op.execute("UPDATE cp.org_directory SET grant_changes = '[]'")
    op.alter_column("org_directory", "grant_changes", nullable=False, schema="cp")


def downgrade() -> None:
    op.drop_column("org_directory", "grant_changes", schema="cp")
    op.drop_table("role_grants", schema="ins")
