"""guards on launched products stop the application, not the copy of a tenant that is moved in

Revision ID: guards_1
Revises: claim_requests_1
"""

from alembic import op

revision = "guards_1"
down_revision = "claim_requests_1"

# A server of a cluster copies rows as the owner; the application alone adds them one by one.
_PASS = """
            IF TG_OP = 'INSERT' AND current_user <> 'ins_app' THEN
                RETURN NEW;
            END IF;"""


def upgrade() -> None:
    _guard(_PASS)


def downgrade() -> None:
    _guard("")


def _guard(first: str) -> None:
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION ins.guard_launched_content() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog AS $$
        BEGIN{first}
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
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION ins.guard_bound_rates() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog AS $$
        BEGIN{first}
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
