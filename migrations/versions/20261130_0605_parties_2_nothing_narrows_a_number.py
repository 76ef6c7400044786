"""nothing that narrows an ID number stands beside it; searches for whole numbers are counted

Revision ID: parties_2
Revises: join_1
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "parties_2"
down_revision = "join_1"


def upgrade() -> None:
    op.drop_column("customers", "id_number_masked", schema="ins")
    op.drop_column("customers", "passport_masked", schema="ins")
    op.add_column(
        "organizations",
        sa.Column("number_searches_per_hour", sa.BigInteger(), nullable=False, server_default="30"),
        schema="ins",
    )
    op.alter_column(
        "organizations", "number_searches_per_hour", server_default=None, schema="ins"
    )
    op.create_check_constraint(
        op.f("organizations_number_searches_check"),
        "organizations",
        "number_searches_per_hour BETWEEN 1 AND 1000",
        schema="ins",
    )
    op.create_table(
        "number_searches",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "recent", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("searched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "user_id", name=op.f("number_searches_pk")),
        schema="ins",
    )
    op.protect_table("ins.number_searches", "tenant")


def downgrade() -> None:
    op.drop_table("number_searches", schema="ins")
    op.drop_constraint("organizations_number_searches_check", "organizations", schema="ins")
    op.drop_column("organizations", "number_searches_per_hour", schema="ins")
    # What stood here before narrowed the numbers; it comes back empty.
    op.add_column("customers", sa.Column("passport_masked", sa.Text(), nullable=True), schema="ins")
    op.add_column("customers", sa.Column("id_number_masked", sa.Text(), nullable=True), schema="ins")
