"""caps on the funeral cover of children, and what was said of lives that are likely one person

Revision ID: life_caps_1
Revises: movements_1
"""

from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from alembic import op

revision = "life_caps_1"
down_revision = "movements_1"

SOURCE = "Insurance Act 18 of 2017, Schedule 2, as in an insurer's notice of April 2023"
CAPS = (
    ("funeral_cover_cap_under_6", date(2023, 4, 1), Decimal(20_000), SOURCE),
    ("funeral_cover_cap_under_14", date(2023, 4, 1), Decimal(50_000), SOURCE),
)


def upgrade() -> None:
    parameters = sa.Table(
        "dated_parameters", sa.MetaData(schema="ins"), autoload_with=op.get_bind()
    )
    op.bulk_insert(
        parameters,
        [
            {"code": code, "valid_from": start, "value": value, "source": source}
            for code, start, value, source in CAPS
        ],
    )
    op.create_table(
        "life_matches",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("other_member_id", sa.Uuid(), nullable=False),
        sa.Column("is_same", sa.Boolean(), nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("life_matches_pk")),
        schema="ins",
    )
    op.protect_table("ins.life_matches", "tenant")
    op.create_index("life_matches_member_ix", "life_matches", ["org_id", "member_id"], schema="ins")
    op.create_index(
        "life_matches_other_ix", "life_matches", ["org_id", "other_member_id"], schema="ins"
    )
    for column in ("member_id", "other_member_id"):
        op.create_foreign_key(
            op.f(f"life_matches_{column}_fk"),
            "life_matches",
            "policy_members",
            ["org_id", column],
            ["org_id", "id"],
            source_schema="ins",
            referent_schema="ins",
            ondelete="CASCADE",
        )


def downgrade() -> None:
    op.drop_table("life_matches", schema="ins")
    op.execute(
        "DELETE FROM ins.dated_parameters"
        " WHERE code IN ('funeral_cover_cap_under_6', 'funeral_cover_cap_under_14')"
    )
