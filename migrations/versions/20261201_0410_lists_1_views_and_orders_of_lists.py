"""people keep views of lists, and lists are put in order by their columns

Revision ID: lists_1
Revises: paid_ahead_1
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "lists_1"
down_revision = "paid_ahead_1"

_ORDERS = {
    "policies_premium_ix": ("policies", "premium"),
    "policies_cover_ix": ("policies", "coverage_amount"),
    "policies_start_ix": ("policies", "effective_date"),
    "customers_shown_ix": ("customers", "display_name"),
    "quotes_premium_ix": ("quotes", "monthly_premium"),
    "quotes_expiry_ix": ("quotes", "expires_on"),
}


def upgrade() -> None:
    op.create_table(
        "list_views",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("list_name", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "asked", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
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
        ),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IS NULL OR is_shared", name=op.f("list_views_shared_with_role_check")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("list_views_pk")),
        sa.UniqueConstraint("org_id", "list_name", "user_id", "name", name=op.f("list_views_name_key")),
        schema="ins",
    )
    op.create_index(
        "list_views_role_key",
        "list_views",
        ["org_id", "list_name", "role"],
        unique=True,
        schema="ins",
        postgresql_where=sa.text("role IS NOT NULL"),
    )
    op.protect_table("ins.list_views", "tenant")
    for name, (table, column) in _ORDERS.items():
        op.create_index(name, table, ["org_id", column, "id"], schema="ins")
    # Many customers have no address: without the id all of them were sorted for one page.
    op.drop_index("customers_email_ix", "customers", schema="ins")
    op.create_index("customers_email_ix", "customers", ["org_id", "email", "id"], schema="ins")


def downgrade() -> None:
    op.drop_index("customers_email_ix", "customers", schema="ins")
    op.create_index("customers_email_ix", "customers", ["org_id", "email"], schema="ins")
    for name, (table, _column) in _ORDERS.items():
        op.drop_index(name, table, schema="ins")
    op.drop_table("list_views", schema="ins")
