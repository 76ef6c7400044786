"""a policy may be paid by a customer who is not its holder

Revision ID: parties_3
Revises: parties_2
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "parties_3"
down_revision = "parties_2"

_NAME = "endorsements_endorsementtype_check"
_NEW = "CHANGE_PAYER"


def upgrade() -> None:
    op.add_column("policies", sa.Column("payer_id", sa.Uuid(), nullable=True), schema="ins")
    op.create_foreign_key(
        op.f("policies_payer_id_fk"),
        "policies",
        "customers",
        ["org_id", "payer_id"],
        ["org_id", "id"],
        source_schema="ins",
        referent_schema="ins",
    )
    op.create_index(
        "policies_payer_ix",
        "policies",
        ["org_id", "payer_id"],
        schema="ins",
        postgresql_where=sa.text("payer_id IS NOT NULL"),
    )
    _allow([*_types(), _NEW])


def downgrade() -> None:
    _allow([one for one in _types() if one != _NEW])
    op.drop_index("policies_payer_ix", table_name="policies", schema="ins")
    op.drop_constraint("policies_payer_id_fk", "policies", schema="ins", type_="foreignkey")
    op.drop_column("policies", "payer_id", schema="ins")


def _types() -> list[str]:
    """Return the types that are allowed now: other migrations add theirs."""
    found = op.get_bind().execute(
        sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name"),
        {"name": _NAME},
    )
    return re.findall(r"'([A-Z_]+)'", found.scalar_one())


def _allow(types: list[str]) -> None:
    op.drop_constraint(_NAME, "endorsements", schema="ins")
    listed = ", ".join(f"'{one}'" for one in types)
    op.create_check_constraint(op.f(_NAME), "endorsements", f"type IN ({listed})", schema="ins")
