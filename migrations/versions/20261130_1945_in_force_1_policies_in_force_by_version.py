"""how many policies of each product version are in force

Revision ID: in_force_1
Revises: claim_figures_1
"""

from alembic import op

revision = "in_force_1"
down_revision = "claim_figures_1"


def upgrade() -> None:
    # No policy begins or ends between the count and the commit.
    op.execute("LOCK TABLE ins.policies IN SHARE MODE")
    op.execute("""
        INSERT INTO ins.tenant_counts (org_id, subject, shard, items)
        SELECT org_id, 'in_force.' || product_version_id, 0, count(*)
        FROM ins.policies WHERE status IN ('active', 'suspended')
        GROUP BY org_id, product_version_id
    """)


def downgrade() -> None:
    op.execute("DELETE FROM ins.tenant_counts WHERE subject LIKE 'in\\_force.%'")
