"""the benefit and the claim of a stillborn child

Revision ID: stillbirth_1
Revises: newborn_1
"""

from datetime import date
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa
from alembic import op

revision = "stillbirth_1"
down_revision = "newborn_1"

WEEKS = "stillbirth_from_weeks"


def upgrade() -> None:
    metadata = sa.MetaData(schema="ins")
    types, allowed, parameters = (
        sa.Table(name, metadata, autoload_with=op.get_bind())
        for name in ("benefit_types", "allowed_benefits", "dated_parameters")
    )
    kind = {
        "id": uuid5(NAMESPACE_URL, "insurance:benefit:STILLBIRTH"),
        "code": "STILLBIRTH",
        "name": "Stillbirth",
        "display_order": 22,
    }
    op.bulk_insert(types, [kind])
    op.bulk_insert(allowed, [{"class_code": "FUNERAL", "benefit_type_code": "STILLBIRTH"}])
    weeks = {
        "code": WEEKS,
        "valid_from": date(1992, 10, 1),
        "value": Decimal(26),
        "source": "Births and Deaths Registration Act 51 of 1992, section 1: still-born",
    }
    op.bulk_insert(parameters, [weeks])
    op.add_column("claims", sa.Column("gestation_weeks", sa.BigInteger()), schema="ins")
    op.create_check_constraint(
        "stillbirth",
        "claims",
        "(claim_type = 'STILLBIRTH') = (gestation_weeks IS NOT NULL)",
        schema="ins",
    )


def downgrade() -> None:
    op.drop_constraint("stillbirth", "claims", schema="ins")
    op.drop_column("claims", "gestation_weeks", schema="ins")
    op.execute(f"DELETE FROM ins.dated_parameters WHERE code = '{WEEKS}'")
    op.execute("DELETE FROM ins.allowed_benefits WHERE benefit_type_code = 'STILLBIRTH'")
    op.execute("DELETE FROM ins.benefit_types WHERE code = 'STILLBIRTH'")
