"""the main benefit of a product version and of a policy, whose sum assured is the headline cover

Policies whose headline cover had become that of another benefit get it back: their row, an event
that says so, and the portfolio's figures.

Revision ID: main_benefit_1
Revises: keys_done
"""

import sqlalchemy as sa
from alembic import op

revision = "main_benefit_1"
down_revision = "keys_done"

# The owner reads and writes across tenants here, so row-level security must not bind it meanwhile.
TABLES = (
    "organizations",
    "policies",
    "policy_benefits",
    "policy_members",
    "policy_events",
    "product_benefits",
    "portfolio_counts",
)

MARK = """
UPDATE ins.policy_benefits b SET is_main = true
FROM (
    SELECT DISTINCT ON (b.org_id, b.policy_id) b.org_id, b.id
    FROM ins.policy_benefits b
    JOIN ins.policies p ON p.org_id = b.org_id AND p.id = b.policy_id
    LEFT JOIN ins.product_benefits t
        ON t.org_id = b.org_id AND t.product_version_id = p.product_version_id
       AND t.benefit_code = b.benefit_code
    LEFT JOIN ins.policy_members m ON m.org_id = b.org_id AND m.id = b.member_id
    ORDER BY b.org_id, b.policy_id,
        coalesce(NOT t.is_mandatory, false),
        b.benefit_type_code = 'PREMIUM_WAIVER',
        coalesce(t.benefit_amount_type IN ('PERCENTAGE', 'MULTIPLE'), false),
        coalesce(t.member_role NOT IN ('MAIN_MEMBER', 'ALL'), false),
        coalesce(t.benefit_amount_type <> 'SUM_INSURED', false),
        coalesce(m.role <> 'MAIN_MEMBER', false),
        b.display_order, b.id
) chosen
WHERE b.org_id = chosen.org_id AND b.id = chosen.id
"""

WRONG = """
CREATE TEMPORARY TABLE wrong_headline ON COMMIT DROP AS
SELECT p.org_id, p.id, p.product_id, p.status, p.coverage_amount AS was, m.sum_assured AS cover
FROM ins.policies p
JOIN (
    SELECT DISTINCT ON (org_id, policy_id) org_id, policy_id, sum_assured
    FROM ins.policy_benefits
    ORDER BY org_id, policy_id, status <> 'ACTIVE', NOT is_main, display_order
) m ON m.org_id = p.org_id AND m.policy_id = p.id
WHERE m.sum_assured <> p.coverage_amount
"""

CORRECT = """
UPDATE ins.policies p SET coverage_amount = w.cover
FROM wrong_headline w WHERE p.org_id = w.org_id AND p.id = w.id
"""

SAY = """
INSERT INTO ins.policy_events (org_id, id, policy_id, sequence, category, event_type,
    effective_date, recorded_at, description, reason, payload, actor, request_id)
SELECT w.org_id, gen_random_uuid(), w.id, last.sequence + 1, 'LIFECYCLE', 'COVER_CORRECTED',
    (now() AT TIME ZONE coalesce(o.timezone, 'Africa/Johannesburg'))::date, now(),
    'Headline cover is what the main benefit insures: ' || w.cover || ', not ' || w.was,
    NULL,
    jsonb_build_object('state', last.state || jsonb_build_object('coverage_amount', w.cover::text)),
    'migration', NULL
FROM wrong_headline w
JOIN ins.organizations o ON o.org_id = w.org_id
JOIN LATERAL (
    SELECT max(e.sequence) AS sequence,
           (array_agg(e.payload->'state' ORDER BY e.sequence DESC)
               FILTER (WHERE e.payload ? 'state'))[1] AS state
    FROM ins.policy_events e WHERE e.org_id = w.org_id AND e.policy_id = w.id
) last ON last.state IS NOT NULL
"""

COUNT = """
UPDATE ins.portfolio_counts c SET cover = c.cover + d.more
FROM (
    SELECT k.org_id, k.product_id, k.status, min(k.shard) AS shard,
           (SELECT sum(w.cover - w.was) FROM wrong_headline w
            WHERE w.org_id = k.org_id AND w.product_id = k.product_id AND w.status = k.status
           ) AS more
    FROM ins.portfolio_counts k GROUP BY k.org_id, k.product_id, k.status
) d
WHERE d.more IS NOT NULL AND c.org_id = d.org_id AND c.product_id = d.product_id
  AND c.status = d.status AND c.shard = d.shard
"""


def upgrade() -> None:
    for table in ("product_benefits", "policy_benefits"):
        op.add_column(
            table,
            sa.Column("is_main", sa.Boolean(), nullable=False, server_default=sa.text("false")),
            schema="ins",
        )
    for table in TABLES:
        op.execute(f"ALTER TABLE ins.{table} NO FORCE ROW LEVEL SECURITY")
    for statement in (MARK, WRONG, CORRECT, SAY, COUNT):
        op.execute(statement)
    for table in TABLES:
        op.execute(f"ALTER TABLE ins.{table} FORCE ROW LEVEL SECURITY")
    op.create_index(
        "product_benefits_main_key",
        "product_benefits",
        ["org_id", "product_version_id"],
        unique=True,
        schema="ins",
        postgresql_where=sa.text("is_main"),
    )
    op.create_index(
        "policy_benefits_main_key",
        "policy_benefits",
        ["org_id", "policy_id"],
        unique=True,
        schema="ins",
        postgresql_where=sa.text("is_main"),
    )


def downgrade() -> None:
    for table in ("policy_benefits", "product_benefits"):
        op.drop_index(f"{table}_main_key", table_name=table, schema="ins")
        op.drop_column(table, "is_main", schema="ins")
