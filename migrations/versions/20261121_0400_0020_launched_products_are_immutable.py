"""launched products and rate tables are immutable; benefits and inception rules count their edits

Revision ID: 0020
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0010"

RATES = ("rate_tables", "rate_table_entries", "rate_relativities")
CONTENT = ("product_benefits", "inception_rules")


def upgrade() -> None:
    for table in CONTENT:
        op.add_column(
            table,
            sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
            schema="ins",
        )
    _guard_versions()
    _guard_content()
    _guard_rates()


def downgrade() -> None:
    for table in RATES:
        op.execute(f"DROP TRIGGER guard_change ON ins.{table}")
        op.execute(f"GRANT UPDATE, DELETE ON ins.{table} TO ins_app")
    for table in RATES[1:]:
        op.execute(f"DROP TRIGGER guard_insert ON ins.{table}")
    for table in CONTENT:
        op.execute(f"DROP TRIGGER guard_launched ON ins.{table}")
        op.drop_column(table, "version", schema="ins")
    op.execute("DROP TRIGGER guard_launched ON ins.product_versions")
    for function in ("guard_launched_version", "guard_launched_content", "guard_bound_rates"):
        op.execute(f"DROP FUNCTION ins.{function}()")


def _guard_versions() -> None:
    op.execute(
        """
        CREATE FUNCTION ins.guard_launched_version() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog AS $$
        BEGIN
            IF OLD.status <> 'draft' THEN
                IF TG_OP = 'DELETE' OR NEW.status = 'draft'
                   OR to_jsonb(NEW) - 'status' IS DISTINCT FROM to_jsonb(OLD) - 'status' THEN
                    RAISE EXCEPTION 'a launched product version is immutable'
                        USING ERRCODE = '42501';
                END IF;
            END IF;
            IF TG_OP = 'DELETE' THEN
                RETURN OLD;
            END IF;
            RETURN NEW;
        END
        $$
        """
    )
    op.execute(
        "CREATE TRIGGER guard_launched BEFORE UPDATE OR DELETE ON ins.product_versions"
        " FOR EACH ROW EXECUTE FUNCTION ins.guard_launched_version()"
    )


def _guard_content() -> None:
    op.execute(
        """
        CREATE FUNCTION ins.guard_launched_content() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM ins.product_versions v
                WHERE v.status <> 'draft' AND (
                    TG_OP <> 'INSERT' AND v.org_id = OLD.org_id AND v.id = OLD.product_version_id
                    OR TG_OP <> 'DELETE' AND v.org_id = NEW.org_id AND v.id = NEW.product_version_id
                )
            ) THEN
                RAISE EXCEPTION '% of a launched product version are immutable', TG_TABLE_NAME
                    USING ERRCODE = '42501';
            END IF;
            IF TG_OP = 'DELETE' THEN
                RETURN OLD;
            END IF;
            RETURN NEW;
        END
        $$
        """
    )
    for table in CONTENT:
        op.execute(
            f"CREATE TRIGGER guard_launched BEFORE INSERT OR UPDATE OR DELETE ON ins.{table}"
            " FOR EACH ROW EXECUTE FUNCTION ins.guard_launched_content()"
        )


def _guard_rates() -> None:
    """A rate table never changes; rows cannot join one that a launched version prices with."""
    op.execute(
        """
        CREATE FUNCTION ins.guard_bound_rates() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM ins.product_versions v
                WHERE v.org_id = NEW.org_id AND v.rate_table_id = NEW.rate_table_id
                  AND v.status <> 'draft'
            ) OR EXISTS (
                SELECT FROM ins.product_benefits b
                JOIN ins.product_versions v ON v.org_id = b.org_id AND v.id = b.product_version_id
                WHERE b.org_id = NEW.org_id AND b.rate_table_id = NEW.rate_table_id
                  AND v.status <> 'draft'
            ) THEN
                RAISE EXCEPTION 'a rate table in use is immutable' USING ERRCODE = '42501';
            END IF;
            RETURN NEW;
        END
        $$
        """
    )
    for table in RATES:
        op.execute(f"REVOKE UPDATE, DELETE ON ins.{table} FROM ins_app")
        op.execute(
            f"CREATE TRIGGER guard_change BEFORE UPDATE OR DELETE ON ins.{table}"
            " FOR EACH ROW EXECUTE FUNCTION ins.guard_append_only()"
        )
    for table in RATES[1:]:
        op.execute(
            f"CREATE TRIGGER guard_insert BEFORE INSERT ON ins.{table}"
            " FOR EACH ROW EXECUTE FUNCTION ins.guard_bound_rates()"
        )
