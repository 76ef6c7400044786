"""a policy may go on after its main member's death: a setting of the version, and its change

Revision ID: continues_1
Revises: life_caps_1
"""

import sqlalchemy as sa
from alembic import op

revision = 'continues_1'
down_revision = 'life_caps_1'

WAYS = sa.Enum('BY_CLASS', 'END', 'CONTINUE', 'PREMIUM_FREE', name='maindeath', native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.add_column('product_versions', sa.Column('main_death', WAYS, nullable=False, server_default='BY_CLASS'), schema='ins')
    op.add_column('product_versions', sa.Column('premium_free_months', sa.BigInteger(), nullable=False, server_default='0'), schema='ins')
    _type_check(add="'MAIN_MEMBER_DIED'")
    op.create_index('endorsements_main_death_ix', 'endorsements', ['org_id', 'policy_id'], unique=False, schema='ins', postgresql_where=sa.text("type = 'MAIN_MEMBER_DIED'"))


def downgrade() -> None:
    op.drop_index('endorsements_main_death_ix', table_name='endorsements', schema='ins')
    op.execute("DELETE FROM ins.endorsements WHERE type = 'MAIN_MEMBER_DIED'")
    _type_check(remove="'MAIN_MEMBER_DIED'")
    op.drop_column('product_versions', 'premium_free_months', schema='ins')
    op.drop_column('product_versions', 'main_death', schema='ins')


def _type_check(add: str | None = None, remove: str | None = None) -> None:
    """Rewrite the check on a change's type with one more or one less than it has."""
    name = 'endorsements_endorsementtype_check'
    text = op.get_bind().execute(
        sa.text(
            "SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c"
            " WHERE c.conname = :name AND c.conrelid = 'ins.endorsements'::regclass"
        ),
        {"name": name},
    ).scalar_one()
    types = [part.split("'")[1] for part in text.split('::') if "'" in part]
    listed = [f"'{one}'" for one in dict.fromkeys(types)]
    listed = [one for one in listed if one != remove] + ([add] if add else [])
    op.execute(f'ALTER TABLE ins.endorsements DROP CONSTRAINT {name}')
    op.execute(f"ALTER TABLE ins.endorsements ADD CONSTRAINT {name} CHECK (type IN ({', '.join(listed)}))")
