"""insured objects of policies, the kind of object a benefit insures, and its excess

Revision ID: objects_1
Revises: readers_2
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = 'objects_1'
down_revision = 'readers_2'

_KINDS = ('VEHICLE', 'BUILDING', 'CONTENTS', 'ALL_RISKS')
_OBJECT_CHANGES = (
    'CHANGE_VEHICLE', 'ADD_OBJECT', 'REMOVE_OBJECT', 'CHANGE_OBJECT', 'CHANGE_ADDRESS',
    'CHANGE_DRIVERS',
)
_TYPES = (
    'CHANGE_COVER', 'ADD_MEMBER', 'REMOVE_MEMBER', 'CHANGE_BENEFICIARIES',
    'CHANGE_PREMIUM_DUE_DAY', 'CHANGE_FREQUENCY', 'CHANGE_BANK_DETAILS', 'CORRECT_DETAILS',
    'ANNIVERSARY',
)


_SEARCH_BODY = """
        RETURN QUERY
            SELECT p.id FROM ins.policies p
            WHERE p.org_id = org AND p.policy_number LIKE upper(escaped) || '%'
            ORDER BY p.policy_number DESC LIMIT lim;
        GET DIAGNOSTICS found = ROW_COUNT;
        {registrations}
        IF found < lim THEN
            RETURN QUERY
                SELECT p.id
                FROM ins.sd_search_customers(q, lim) WITH ORDINALITY AS holder(id, place)
                JOIN ins.policies p ON p.org_id = org AND p.customer_id = holder.id
                WHERE p.id <> ALL(insured)
                ORDER BY holder.place, p.id DESC LIMIT lim - found;
        END IF;
"""
_REGISTRATIONS = """
        IF found < lim AND length(plate) >= 3 THEN
            insured := ARRAY(
                SELECT DISTINCT o.policy_id FROM ins.policy_objects o
                WHERE o.org_id = org AND o.registration_key LIKE plate || '%'
                  AND (plate ~ '[0-9]' OR o.registration_key = plate)
                ORDER BY o.policy_id DESC LIMIT lim - found);
            RETURN QUERY SELECT unnest(insured);
            found := found + cardinality(insured);
        END IF;
"""


def _search(registrations: str) -> None:
    """Find policies by number, by the registration of what they insure, and by their holder."""
    op.execute("GRANT CREATE ON SCHEMA ins TO ins_search")
    op.execute(
        rf"""
        CREATE OR REPLACE FUNCTION ins.sd_search_policies(q text, lim integer)
        RETURNS TABLE (id uuid) LANGUAGE plpgsql STABLE SECURITY DEFINER
        SET search_path = pg_catalog, public
        SET pg_trgm.word_similarity_threshold = '0.5' AS $function$
        #variable_conflict use_column
        DECLARE
            org uuid := nullif(current_setting('app.org_id', true), '')::uuid;
            found integer;
            escaped text := replace(replace(replace(q, '\', '\\'), '%', '\%'), '_', '\_');
            plate text := regexp_replace(upper(q), '[^A-Z0-9]', '', 'g');
            insured uuid[] := ARRAY[]::uuid[];
        BEGIN
            IF org IS NULL THEN
                RAISE EXCEPTION 'no organization in scope' USING ERRCODE = '42501';
            END IF;
            {_SEARCH_BODY.format(registrations=registrations)}
        END
        $function$
        """
    )
    op.execute("REVOKE CREATE ON SCHEMA ins FROM ins_search")


def _kind(name: str) -> sa.Enum:
    return sa.Enum(*_KINDS, name=name, native_enum=False, create_constraint=True, length=40)


def _type_check(types: tuple[str, ...]) -> None:
    name = 'endorsements_endorsementtype_check'
    listed = ', '.join(f"'{one}'" for one in types)
    op.execute(f'ALTER TABLE ins.endorsements DROP CONSTRAINT {name}')
    op.execute(f'ALTER TABLE ins.endorsements ADD CONSTRAINT {name} CHECK (type IN ({listed}))')


def upgrade() -> None:
    op.create_table('policy_objects',
        sa.Column('org_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('policy_id', sa.Uuid(), nullable=False),
        sa.Column('kind', _kind('objectkind'), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('registration_key', sa.Text(), nullable=True),
        sa.Column('value', sa.Numeric(18, 2), nullable=False),
        sa.Column('details', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column('effective_date', sa.Date(), nullable=False),
        sa.Column('end_date', sa.Date(), nullable=True),
        sa.CheckConstraint('value > 0', name=op.f('policy_objects_value_check')),
        sa.CheckConstraint('effective_date <= end_date', name=op.f('policy_objects_dates_check')),
        sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('policy_objects_pk')),
        schema='ins',
    )
    op.protect_table('ins.policy_objects', 'tenant')
    op.create_index('policy_objects_policy_ix', 'policy_objects', ['org_id', 'policy_id'], schema='ins')
    op.create_index('policy_objects_registration_ix', 'policy_objects', ['org_id', 'registration_key'], schema='ins',
        postgresql_ops={'registration_key': 'text_pattern_ops'}, postgresql_where=sa.text('registration_key IS NOT NULL'))
    op.create_foreign_key(op.f('policy_objects_policy_id_fk'), 'policy_objects', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')

    op.add_column('policy_benefits', sa.Column('object_id', sa.Uuid(), nullable=True), schema='ins')
    op.create_index('policy_benefits_object_ix', 'policy_benefits', ['org_id', 'object_id'], schema='ins', postgresql_where=sa.text('object_id IS NOT NULL'))
    op.create_foreign_key(op.f('policy_benefits_object_id_fk'), 'policy_benefits', 'policy_objects', ['org_id', 'object_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')

    op.add_column('product_benefits', sa.Column('object_kind', _kind('objectkind'), nullable=True), schema='ins')
    op.add_column('product_benefits', sa.Column('excess_amount', sa.Numeric(18, 2), nullable=False, server_default='0'), schema='ins')
    op.add_column('product_benefits', sa.Column('excess_per_cent', sa.Numeric(18, 8), nullable=False, server_default='0'), schema='ins')
    op.create_check_constraint(op.f('product_benefits_excess_amount_check'), 'product_benefits', 'excess_amount >= 0', schema='ins')
    op.create_check_constraint(op.f('product_benefits_excess_per_cent_check'), 'product_benefits', 'excess_per_cent BETWEEN 0 AND 100', schema='ins')

    op.add_column('claim_items', sa.Column('excess', sa.Numeric(18, 2), nullable=False, server_default='0'), schema='ins')
    op.create_check_constraint(op.f('claim_items_excess_check'), 'claim_items', 'excess BETWEEN 0 AND requested_amount', schema='ins')
    _type_check((*_TYPES, *_OBJECT_CHANGES))
    op.execute('GRANT SELECT ON ins.policy_objects TO ins_search')
    _search(_REGISTRATIONS)


def downgrade() -> None:
    _search('')
    _type_check(_TYPES)
    op.drop_constraint(op.f('claim_items_excess_check'), 'claim_items', schema='ins')
    op.drop_column('claim_items', 'excess', schema='ins')
    op.drop_constraint(op.f('product_benefits_excess_per_cent_check'), 'product_benefits', schema='ins')
    op.drop_constraint(op.f('product_benefits_excess_amount_check'), 'product_benefits', schema='ins')
    for column in ('excess_per_cent', 'excess_amount', 'object_kind'):
        op.drop_column('product_benefits', column, schema='ins')
    op.drop_constraint(op.f('policy_benefits_object_id_fk'), 'policy_benefits', schema='ins')
    op.drop_index('policy_benefits_object_ix', table_name='policy_benefits', schema='ins')
    op.drop_column('policy_benefits', 'object_id', schema='ins')
    op.drop_table('policy_objects', schema='ins')
