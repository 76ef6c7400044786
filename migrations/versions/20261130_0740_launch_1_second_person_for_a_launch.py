"""a second person for the launch of a product, where an organization asks for one

Revision ID: launch_1
Revises: arrears_lists_1
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "launch_1"
down_revision = "arrears_lists_1"


def upgrade() -> None:
    op.add_column(
        "organizations",
        sa.Column(
            "launch_needs_second_person", sa.Boolean(), nullable=False, server_default=sa.false()
        ),
        schema="ins",
    )
    op.alter_column("organizations", "launch_needs_second_person", server_default=None, schema="ins")
    op.add_column("rate_tables", sa.Column("made_by", sa.Uuid(), nullable=True), schema="ins")
    op.add_column(
        "product_versions",
        sa.Column(
            "drafted_by",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            server_default=sa.text("'[]'::jsonb"),
        ),
        schema="ins",
    )
    op.alter_column("product_versions", "drafted_by", server_default=None, schema="ins")
    # Who made what is drafted at the moment stands in the audit log. No rate changes by it.
    op.execute("ALTER TABLE ins.rate_tables DISABLE TRIGGER guard_change")
    op.execute("""
        UPDATE ins.rate_tables AS t SET made_by = e.user_id FROM ins.audit_events e
        WHERE e.org_id = t.org_id AND e.resource = 'rate_tables' AND e.resource_id = t.id::text
          AND e.action = 'rate_tables.create'
    """)
    op.execute("ALTER TABLE ins.rate_tables ENABLE TRIGGER guard_change")
    op.execute("""
        UPDATE ins.product_versions AS v SET drafted_by = coalesce((
            SELECT jsonb_agg(DISTINCT e.user_id) FROM ins.audit_events e
            WHERE e.org_id = v.org_id AND e.user_id IS NOT NULL
              AND e.recorded_at >= v.created_at - interval '1 minute'
              AND ((e.resource = 'products' AND e.resource_id = v.product_id::text
                    AND e.action IN ('products.create', 'products.edit'))
                OR (e.resource = 'product_benefits'
                    AND coalesce(e.after, e.before) ->> 'product_version_id' = v.id::text)
                OR (e.resource = 'inception_rules'
                    AND coalesce(e.after, e.before) ->> 'product_version_id' = v.id::text))
        ), '[]'::jsonb)
        WHERE v.status = 'draft'
    """)


def downgrade() -> None:
    op.drop_column("product_versions", "drafted_by", schema="ins")
    op.drop_column("rate_tables", "made_by", schema="ins")
    op.drop_column("organizations", "launch_needs_second_person", schema="ins")
