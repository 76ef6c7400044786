"""the queue of claims as one index, and their search by number, life, holder and policy

Revision ID: 0091
Revises: 0102
"""

from alembic import op

revision = "0091"
down_revision = "0102"

_SIGNATURE = "ins.sd_search_claims(text, integer)"
_WAITING = "status IN ('SUBMITTED', 'PENDING_DOCUMENTS', 'UNDER_ASSESSMENT')"


def upgrade() -> None:
    op.execute("DROP INDEX ins.claims_due_ix")
    op.execute(f"CREATE INDEX claims_queue_ix ON ins.claims (org_id, due_at, id) WHERE {_WAITING}")
    op.execute(
        "CREATE INDEX claims_number_search_ix ON ins.claims (org_id, claim_number text_pattern_ops)"
    )
    op.execute(
        "CREATE INDEX claims_life_search_ix ON ins.claims USING gin (lower(life_name) gin_trgm_ops)"
    )
    op.execute("GRANT SELECT ON ins.claims TO ins_search")
    op.execute("GRANT CREATE ON SCHEMA ins TO ins_search")
    op.execute(
        """
        CREATE FUNCTION ins.sd_search_claims(q text, lim integer) RETURNS TABLE (id uuid)
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $function$
        #variable_conflict use_column
        DECLARE
            org uuid := nullif(current_setting('app.org_id', true), '')::uuid;
            escaped text := replace(replace(replace(q, '\\', '\\\\'), '%', '\\%'), '_', '\\_');
        BEGIN
            IF org IS NULL THEN
                RAISE EXCEPTION 'no organization in scope' USING ERRCODE = '42501';
            END IF;
            RETURN QUERY
                SELECT DISTINCT matching.id FROM (
                    (SELECT c.id FROM ins.claims c
                     WHERE c.org_id = org AND c.claim_number LIKE upper(escaped) || '%'
                     ORDER BY c.claim_number DESC LIMIT lim)
                    UNION ALL
                    (SELECT c.id FROM ins.claims c
                     WHERE c.org_id = org AND lower(c.life_name) LIKE '%' || lower(escaped) || '%'
                     LIMIT lim)
                    UNION ALL
                    (SELECT c.id
                     FROM ins.sd_search_policies(q, lim) AS found
                     JOIN ins.claims c ON c.org_id = org AND c.policy_id = found.id
                     ORDER BY c.id DESC LIMIT lim)
                ) matching
                ORDER BY matching.id DESC LIMIT lim;
        END
        $function$
        """
    )
    op.execute(f"ALTER FUNCTION {_SIGNATURE} OWNER TO ins_search")
    op.execute(f"REVOKE ALL ON FUNCTION {_SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {_SIGNATURE} TO ins_app, ins_search")
    op.execute("GRANT EXECUTE ON FUNCTION ins.sd_search_policies(text, integer) TO ins_search")
    op.execute("REVOKE CREATE ON SCHEMA ins FROM ins_search")


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {_SIGNATURE}")
    op.execute("DROP INDEX ins.claims_life_search_ix")
    op.execute("DROP INDEX ins.claims_number_search_ix")
    op.execute("DROP INDEX ins.claims_queue_ix")
    op.execute(
        f"CREATE INDEX claims_due_ix ON ins.claims (org_id, due_at, id)"
        f" WHERE {_WAITING} AND due_at IS NOT NULL"
    )
