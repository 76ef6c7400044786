"""schemas, usage and the guard of append-only tables

Revision ID: 0001
Revises:
"""

from alembic import op

revision = "0001"
down_revision = None

RUNTIME_ROLES = "ins_app, ins_search, ins_report, ins_backup"


def upgrade() -> None:
    for schema in ("ins", "cp"):
        op.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        op.execute(f"GRANT USAGE ON SCHEMA {schema} TO {RUNTIME_ROLES}")
    op.execute(f"GRANT SELECT ON public.alembic_version TO {RUNTIME_ROLES}")
    op.execute(
        """
        CREATE FUNCTION ins.guard_append_only() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '42501';
        END
        $$
        """
    )


def downgrade() -> None:
    op.execute("DROP SCHEMA cp CASCADE")
    op.execute("DROP SCHEMA ins CASCADE")
