"""The schema obeys the rules that keep tenants apart and let it move to several servers."""

import re

import pytest
from sqlalchemy import Connection, Enum, text

from insurance.core.db import AppendOnly, Base, ReferenceRecord, tables_of

REFERENCE, APPEND_ONLY = sorted(tables_of(ReferenceRecord)), sorted(tables_of(AppendOnly))
POLICY = "(org_id = (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid)"

TABLES = """
    SELECT c.oid, c.relname AS name, c.relrowsecurity AS rls, c.relforcerowsecurity AS forced,
           (SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id'
              AND a.attnotnull AND a.atttypid = 'uuid'::regtype) AS org
    FROM pg_class c WHERE c.relnamespace = 'ins'::regnamespace AND c.relkind IN ('r', 'p')
"""
TENANT = f"SELECT * FROM ({TABLES}) t WHERE name <> ALL(:reference)"

RULES = {
    "a tenant table has org_id": f"SELECT name FROM ({TENANT}) t WHERE org IS NULL",
    "its primary key starts with org_id": f"""
        SELECT name FROM ({TENANT}) t WHERE NOT EXISTS (SELECT 1 FROM pg_constraint k
            WHERE k.conrelid = t.oid AND k.contype = 'p' AND k.conkey[1] = t.org)""",
    "every unique index contains org_id": f"""
        SELECT i.indexrelid::regclass::text FROM pg_index i JOIN ({TENANT}) t ON t.oid = i.indrelid
        WHERE (i.indisunique OR i.indisexclusion) AND NOT (t.org = ANY(i.indkey::int2[]))""",
    "foreign keys between tenant tables contain org_id": f"""
        SELECT k.conname FROM pg_constraint k JOIN ({TENANT}) t ON t.oid = k.conrelid
        JOIN ({TABLES}) r ON r.oid = k.confrelid
        WHERE k.contype = 'f' AND r.name <> ALL(:reference) AND NOT EXISTS (
            SELECT 1 FROM generate_subscripts(k.conkey, 1) s
            WHERE k.conkey[s] = t.org AND k.confkey[s] = r.org)""",
    "foreign keys neither set null nor cascade updates": """
        SELECT conname FROM pg_constraint WHERE contype = 'f'
          AND connamespace IN ('ins'::regnamespace, 'cp'::regnamespace)
          AND (confdeltype IN ('n', 'd') OR confupdtype IN ('c', 'n', 'd'))""",
    "nothing is deferrable": """
        SELECT conname FROM pg_constraint WHERE condeferrable
          AND connamespace IN ('ins'::regnamespace, 'cp'::regnamespace)""",
    "nothing crosses to or from the control plane": """
        SELECT k.conname FROM pg_constraint k JOIN pg_class a ON a.oid = k.conrelid
        JOIN pg_class b ON b.oid = k.confrelid
        WHERE k.contype = 'f' AND (a.relnamespace = 'cp'::regnamespace
            OR b.relnamespace = 'cp'::regnamespace) AND a.relnamespace <> b.relnamespace""",
    "triggers only guard": """
        SELECT tg.tgname FROM pg_trigger tg JOIN pg_class c ON c.oid = tg.tgrelid
        WHERE NOT tg.tgisinternal AND tg.tgname NOT LIKE 'guard\\_%'
          AND c.relnamespace IN ('ins'::regnamespace, 'cp'::regnamespace)""",
    "a guard on what comes in stops the application alone": """
        SELECT tgname FROM pg_trigger WHERE tgname LIKE 'guard\\_%' AND tgtype & 4 <> 0
          AND pg_get_functiondef(tgfoid) NOT LIKE '%current_user <> ''ins_app''%'""",
    "a name is found by its likeness on every server": """
        SELECT rolname FROM pg_roles WHERE rolname = 'ins_app' AND NOT EXISTS (
            SELECT 1 FROM unnest(rolconfig) x WHERE x LIKE 'pg_trgm.word_similarity_threshold=%')""",
    "there are no serials or identities": f"""
        SELECT t.name FROM ({TABLES}) t JOIN pg_attribute a ON a.attrelid = t.oid
        WHERE a.attnum > 0 AND (a.attidentity <> '' OR EXISTS (SELECT 1 FROM pg_attrdef d
            WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum
              AND pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%'))""",
    "row-level security is on and forced": f"SELECT name FROM ({TENANT}) t WHERE NOT rls OR NOT forced",
    "there is exactly one policy, always the same": f"""
        SELECT t.name FROM ({TENANT}) t LEFT JOIN pg_policy p ON p.polrelid = t.oid
        GROUP BY t.name HAVING count(p.*) <> 1
           OR bool_or(pg_get_expr(p.polqual, p.polrelid) IS DISTINCT FROM :policy)
           OR bool_or(pg_get_expr(p.polwithcheck, p.polrelid) IS DISTINCT FROM :policy)""",
    "the application may not truncate, reference or add triggers": f"""
        SELECT name FROM ({TABLES}) t WHERE has_table_privilege('ins_app', oid, 'truncate')
           OR has_table_privilege('ins_app', oid, 'references')
           OR has_table_privilege('ins_app', oid, 'trigger')""",
    "the application is no owner and cannot become one": """
        SELECT rolname FROM pg_roles WHERE rolname = 'ins_app' AND (rolsuper OR rolbypassrls
            OR rolcreaterole OR pg_has_role('ins_app', 'ins_owner', 'member'))""",
    "append-only tables cannot be updated or deleted from": f"""
        SELECT name FROM ({TABLES}) t WHERE name = ANY(:append_only)
          AND (has_any_column_privilege('ins_app', oid, 'update')
            OR has_table_privilege('ins_app', oid, 'delete'))""",
    "append-only tables are guarded against everybody": f"""
        SELECT name FROM ({TABLES}) t WHERE name = ANY(:append_only) AND (
            SELECT count(*) FROM pg_trigger g WHERE g.tgrelid = t.oid
              AND g.tgname IN ('guard_update', 'guard_truncate')) <> 2""",
    "definer functions are on the list and fix their path": """
        SELECT proname FROM pg_proc WHERE pronamespace = 'ins'::regnamespace AND prosecdef
          AND (proname NOT LIKE 'sd\\_search\\_%' OR NOT EXISTS (
            SELECT 1 FROM unnest(proconfig) x WHERE x LIKE 'search_path=%'))""",
    "no view shows more than its reader may see": """
        SELECT relname FROM pg_class WHERE relkind IN ('v', 'm')
          AND relnamespace IN ('ins'::regnamespace, 'cp'::regnamespace)""",
    "every foreign key has an index": f"""
        SELECT k.conname FROM pg_constraint k JOIN ({TENANT}) t ON t.oid = k.conrelid
        WHERE k.contype = 'f' AND array_length(k.conkey, 1) > 1 AND NOT EXISTS (
            SELECT 1 FROM pg_index i WHERE i.indrelid = k.conrelid
              AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) LIKE '(% IS NOT NULL)')
              AND (i.indkey::int2[])[0:array_length(k.conkey, 1) - 1] @> k.conkey)""",
    "constraint names are short": """
        SELECT conname FROM pg_constraint WHERE length(conname) > 50 AND contype <> 'n'
          AND connamespace IN ('ins'::regnamespace, 'cp'::regnamespace)""",
}

_CHECKS = """
    SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE contype = 'c' AND convalidated
      AND connamespace IN ('ins'::regnamespace, 'cp'::regnamespace)
"""
_LITERAL = re.compile(r"'([^']*)'::")


def different_enums(connection: Connection) -> list[str]:
    """Return each enum column that the database lets have other values than its members."""
    allowed = {
        (table, name): (definition, set(_LITERAL.findall(definition)))
        for name, table, definition in connection.execute(text(_CHECKS))
    }
    different = []
    for table in Base.metadata.tables.values():
        for column in table.columns:
            if not isinstance(column.type, Enum):
                continue
            name = f"{table.name}_{column.type.name}_check"
            check, values = allowed.get((table.fullname, name), ("nothing", set()))
            if values != set(column.type.enums) or f"(({column.name})::text" not in check:
                different.append(f"{table.fullname}.{column.name}: {check}")
    return different


@pytest.mark.parametrize("rule", RULES)
def test_the_schema_obeys(rule: str, admin_connection: Connection) -> None:
    values = {"reference": REFERENCE, "append_only": list(APPEND_ONLY), "policy": POLICY}
    statement = RULES[rule]
    used = {name: value for name, value in values.items() if re.search(rf":{name}\b", statement)}

    assert list(admin_connection.scalars(text(statement), used)) == []


def test_the_models_and_the_migrations_agree(settings) -> None:
    from alembic import command

    from insurance.cli.migrate import alembic_config

    command.check(alembic_config(settings))


def test_every_enum_column_may_have_the_values_of_its_members(admin_connection: Connection) -> None:
    assert different_enums(admin_connection) == []


@pytest.mark.parametrize("values", ["'LIFE'", "'LIFE', 'NON_LIFE', 'BOTH'"])
def test_an_enum_that_the_database_limits_otherwise_is_found(
    values: str, admin_connection: Connection
) -> None:
    name = "organizations_licencetype_check"
    admin_connection.execute(
        text(
            f"DELETE FROM ins.organizations; ALTER TABLE ins.organizations DROP CONSTRAINT {name},"
            f" ADD CONSTRAINT {name} CHECK (licence_type IN ({values}))"
        )
    )

    assert [found.split(":")[0] for found in different_enums(admin_connection)] == [
        "ins.organizations.licence_type"
    ]
