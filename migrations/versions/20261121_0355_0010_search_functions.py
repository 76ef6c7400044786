"""search that row-level security would make slow: customers and policies by text

Revision ID: 0010
Revises: 0005
"""

from alembic import op

revision = "0010"
down_revision = "0005"

_ORG = "nullif(current_setting('app.org_id', true), '')::uuid"
# Exact matches first; only where they are few, and the text is a name, also misspelt ones: a fuzzy
# match on a common name or on digits would look at most of the book.
_FUNCTIONS = {
    "sd_search_customers": """
        RETURN QUERY
            SELECT c.id FROM ins.customers c
            WHERE c.org_id = org AND c.search_text LIKE '%' || escaped || '%'
            ORDER BY (c.search_text LIKE escaped || '%') DESC, c.id DESC
            LIMIT lim;
        GET DIAGNOSTICS found = ROW_COUNT;
        IF found < least(lim, 5) AND q !~ '[0-9@]' THEN
            RETURN QUERY
                SELECT c.id FROM ins.customers c
                WHERE c.org_id = org AND q <% c.search_text
                  AND c.search_text NOT LIKE '%' || escaped || '%'
                ORDER BY word_similarity(q, c.search_text) DESC, c.id DESC
                LIMIT lim - found;
        END IF;
    """,
    "sd_search_policies": """
        RETURN QUERY
            SELECT p.id FROM ins.policies p
            WHERE p.org_id = org AND p.policy_number LIKE upper(escaped) || '%'
            ORDER BY p.policy_number DESC LIMIT lim;
        GET DIAGNOSTICS found = ROW_COUNT;
        IF found < lim THEN
            RETURN QUERY
                SELECT p.id
                FROM ins.sd_search_customers(q, lim) WITH ORDINALITY AS holder(id, place)
                JOIN ins.policies p ON p.org_id = org AND p.customer_id = holder.id
                ORDER BY holder.place, p.id DESC LIMIT lim - found;
        END IF;
    """,
}


def upgrade() -> None:
    op.execute("GRANT SELECT ON ins.customers, ins.policies TO ins_search")
    op.execute("GRANT CREATE ON SCHEMA ins TO ins_search")
    for name, query in _FUNCTIONS.items():
        op.execute(
            f"""
            CREATE FUNCTION ins.{name}(q text, lim integer) RETURNS TABLE (id uuid)
            LANGUAGE plpgsql STABLE SECURITY DEFINER
            SET search_path = pg_catalog, public
            SET pg_trgm.word_similarity_threshold = '0.5' AS $function$
            #variable_conflict use_column
            DECLARE
                org uuid := {_ORG};
                found integer;
                escaped text := replace(replace(replace(q, '\\', '\\\\'), '%', '\\%'), '_', '\\_');
            BEGIN
                IF org IS NULL THEN
                    RAISE EXCEPTION 'no organization in scope' USING ERRCODE = '42501';
                END IF;
                {query}
            END
            $function$
            """
        )
        op.execute(f"ALTER FUNCTION ins.{name}(text, integer) OWNER TO ins_search")
        op.execute(f"REVOKE ALL ON FUNCTION ins.{name}(text, integer) FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION ins.{name}(text, integer) TO ins_app")
    op.execute("REVOKE CREATE ON SCHEMA ins FROM ins_search")
    op.execute(
        "CREATE INDEX policies_number_search_ix ON ins.policies"
        " (org_id, policy_number text_pattern_ops)"
    )


def downgrade() -> None:
    op.execute("DROP INDEX ins.policies_number_search_ix")
    for name in _FUNCTIONS:
        op.execute(f"DROP FUNCTION ins.{name}(text, integer)")
