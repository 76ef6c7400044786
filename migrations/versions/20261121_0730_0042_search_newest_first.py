"""search the newest customers first: a common name is found there without reading every match

Revision ID: 0042
Revises: 0041
"""

from alembic import op

revision = "0042"
down_revision = "0041"

_ORG = "nullif(current_setting('app.org_id', true), '')::uuid"
_SIGNATURE = "ins.sd_search_customers(text, integer)"
# A name that thousands have fills the page from the newest customers alone. Where that does not,
# the index finds the rest: at most two hundred matches are ranked, the searcher types on.
_NEWEST_FIRST = """
    page := ARRAY(
        SELECT newest.id FROM (
            SELECT c.id, c.search_text FROM ins.customers c
            WHERE c.org_id = org ORDER BY c.org_id DESC, c.id DESC LIMIT 2000
        ) newest
        WHERE newest.search_text LIKE '%' || escaped || '%' LIMIT lim
    );
    IF cardinality(page) >= lim THEN
        RETURN QUERY SELECT one FROM unnest(page) AS one;
        RETURN;
    END IF;
    RETURN QUERY
        SELECT matching.id FROM (
            SELECT c.id, c.search_text FROM ins.customers c
            WHERE c.org_id = org AND c.search_text LIKE '%' || escaped || '%' LIMIT 200
        ) matching
        ORDER BY (matching.search_text LIKE escaped || '%') DESC, matching.id DESC
        LIMIT lim;
"""
_ALL = """
    RETURN QUERY
        SELECT c.id FROM ins.customers c
        WHERE c.org_id = org AND c.search_text LIKE '%' || escaped || '%'
        ORDER BY (c.search_text LIKE escaped || '%') DESC, c.id DESC
        LIMIT lim;
"""


def upgrade() -> None:
    _replace(_NEWEST_FIRST)


def downgrade() -> None:
    _replace(_ALL)


def _replace(exact: str) -> None:
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
        BEGIN
            IF org IS NULL THEN
                RAISE EXCEPTION 'no organization in scope' USING ERRCODE = '42501';
            END IF;
            {exact}
            GET DIAGNOSTICS found = ROW_COUNT;
            IF found < least(lim, 5) AND q !~ '[0-9@]' THEN
                RETURN QUERY
                    SELECT c.id FROM ins.customers c
                    WHERE c.org_id = org AND q <% c.search_text
                      AND c.search_text NOT LIKE '%' || escaped || '%'
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
