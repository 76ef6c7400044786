"""holders other than persons and companies; people with one name; names in any script are found

Revision ID: parties_1
Revises: readers_1
"""

import sqlalchemy as sa
from alembic import op

from insurance.core.text import name_key

revision = "parties_1"
down_revision = "readers_1"

_KINDS = "'PERSON', 'COMPANY', 'TRUST', 'CLUB', 'BURIAL_SOCIETY', 'PARTNERSHIP'"
_HAS_NAME = (
    "(kind = 'PERSON' AND last_name IS NOT NULL) OR (kind <> 'PERSON' AND company_name IS NOT NULL)"
)
_HAD_NAME = (
    "(kind = 'PERSON' AND first_name IS NOT NULL AND last_name IS NOT NULL)"
    " OR (kind = 'COMPANY' AND company_name IS NOT NULL)"
)
_FORMS = {"pty", "ltd", "limited", "proprietary", "cc", "inc", "incorporated", "npc", "rf", "soc"}
_ORG = "nullif(current_setting('app.org_id', true), '')::uuid"
_SIGNATURE = "ins.sd_search_customers(text, integer)"
# A name that starts with a character that is a word of its own (Chinese, Japanese, Korean) starts
# at a word: the index has something to go by although the text is short.
_ANY_SCRIPT = """CASE WHEN q ~ '^.( |$)'
                THEN ARRAY[escaped || '%', '% ' || escaped || '%']
                ELSE ARRAY['%' || escaped || '%'] END"""
_LATIN = "ARRAY['%' || escaped || '%']"


def upgrade() -> None:
    op.add_column("customers", sa.Column("contact_name", sa.Text(), nullable=True), schema="ins")
    op.add_column("customers", sa.Column("contact_role", sa.Text(), nullable=True), schema="ins")
    op.drop_constraint("customers_customerkind_check", "customers", schema="ins")
    op.create_check_constraint(
        op.f("customers_customerkind_check"), "customers", f"kind IN ({_KINDS})", schema="ins"
    )
    op.drop_constraint("customers_has_name_check", "customers", schema="ins")
    op.create_check_constraint(
        op.f("customers_has_name_check"), "customers", _HAS_NAME, schema="ins"
    )
    op.drop_constraint("customers_registration_key", "customers", schema="ins", type_="unique")
    op.create_unique_constraint(
        "customers_registration_key",
        "customers",
        ["org_id", "kind", "registration_number"],
        schema="ins",
    )
    _rename_all()
    _replace(_ANY_SCRIPT)


def downgrade() -> None:
    _replace(_LATIN)
    op.drop_constraint("customers_registration_key", "customers", schema="ins", type_="unique")
    op.create_unique_constraint(
        "customers_registration_key", "customers", ["org_id", "registration_number"], schema="ins"
    )
    op.drop_constraint("customers_has_name_check", "customers", schema="ins")
    op.create_check_constraint(
        op.f("customers_has_name_check"), "customers", _HAD_NAME, schema="ins"
    )
    op.drop_constraint("customers_customerkind_check", "customers", schema="ins")
    op.create_check_constraint(
        op.f("customers_customerkind_check"),
        "customers",
        "kind IN ('PERSON', 'COMPANY')",
        schema="ins",
    )
    op.drop_column("customers", "contact_role", schema="ins")
    op.drop_column("customers", "contact_name", schema="ins")


def _rename_all() -> None:
    """Write what names are compared and found by anew where the old form lost letters."""
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "SELECT org_id, id, kind, display_name, email, phone FROM ins.customers"
            " WHERE kind <> 'PERSON' OR octet_length(display_name) <> char_length(display_name)"
        )
    ).all()
    for row in rows:
        key = name_key(row.display_name)
        words = [one for one in key.split() if row.kind == "PERSON" or one not in _FORMS]
        phone = row.phone or ""
        national = f"0{phone[3:]}" if phone.startswith("+27") else ""
        connection.execute(
            sa.text(
                "UPDATE ins.customers SET match_name = :name, search_text = :found"
                " WHERE org_id = :org AND id = :id"
            ),
            {
                "name": " ".join(words) or key,
                "found": " ".join(one for one in (key, row.email, phone, national) if one),
                "org": row.org_id,
                "id": row.id,
            },
        )


def _replace(patterns: str) -> None:
    # Only a session that has used the extension knows its settings.
    op.execute("SELECT public.word_similarity('a', 'a')")
    op.execute("GRANT CREATE ON SCHEMA ins TO ins_search")
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION ins.sd_search_customers(q text, lim integer)
        RETURNS TABLE (id uuid)
        LANGUAGE plpgsql STABLE SECURITY DEFINER
        SET search_path = pg_catalog, public
        SET pg_trgm.word_similarity_threshold = '0.5' AS $function$
        #variable_conflict use_column
        DECLARE
            org uuid := {_ORG};
            found integer;
            page uuid[];
            escaped text := replace(replace(replace(q, '\\', '\\\\'), '%', '\\%'), '_', '\\_');
            patterns text[] := {patterns};
        BEGIN
            IF org IS NULL THEN
                RAISE EXCEPTION 'no organization in scope' USING ERRCODE = '42501';
            END IF;
            page := ARRAY(
                SELECT newest.id FROM (
                    SELECT c.id, c.search_text FROM ins.customers c
                    WHERE c.org_id = org ORDER BY c.org_id DESC, c.id DESC LIMIT 2000
                ) newest
                WHERE newest.search_text LIKE ANY (patterns) LIMIT lim
            );
            IF cardinality(page) >= lim THEN
                RETURN QUERY SELECT one FROM unnest(page) AS one;
                RETURN;
            END IF;
            RETURN QUERY
                SELECT matching.id FROM (
                    SELECT c.id, c.search_text FROM ins.customers c
                    WHERE c.org_id = org AND c.search_text LIKE ANY (patterns) LIMIT 200
                ) matching
                ORDER BY (matching.search_text LIKE escaped || '%') DESC, matching.id DESC
                LIMIT lim;
            GET DIAGNOSTICS found = ROW_COUNT;
            IF found < least(lim, 5) AND q !~ '[0-9@]' THEN
                RETURN QUERY
                    SELECT c.id FROM ins.customers c
                    WHERE c.org_id = org AND q <% c.search_text
                      AND NOT c.search_text LIKE ANY (patterns)
                    ORDER BY word_similarity(q, c.search_text) DESC, c.id DESC
                    LIMIT lim - found;
            END IF;
        END
        $function$
        """
    )
    op.execute(f"ALTER FUNCTION {_SIGNATURE} OWNER TO ins_search")
    op.execute(f"REVOKE ALL ON FUNCTION {_SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {_SIGNATURE} TO ins_app")
    op.execute("REVOKE CREATE ON SCHEMA ins FROM ins_search")
