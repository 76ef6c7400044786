"""What every new table needs beyond its columns: row-level security and grants.

Migrations call these after CREATE TABLE. Foreign keys are added in statements of their own.
"""

from alembic.autogenerate import renderers
from alembic.operations import MigrateOperation, Operations

_TENANT_POLICY = "org_id = nullif(current_setting('app.org_id', true), '')::uuid"

_DISTRIBUTE = """
    DO $$ BEGIN
        IF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus') THEN {spread} END IF;
    END $$
"""
_BY_TENANT = "PERFORM create_distributed_table('{table}', 'org_id');"
_SPREAD = {
    "tenant": _BY_TENANT,
    "append_only": _BY_TENANT,
    "reference": "PERFORM create_reference_table('{table}');",
    "control": "NULL;",
}
"""How a cluster (Citus) spreads a table of each kind over its servers: before its policy."""

GRANTS = {
    "tenant": "SELECT, INSERT, UPDATE, DELETE",
    "append_only": "SELECT, INSERT",
    "reference": "SELECT",
    "control": "SELECT, INSERT, UPDATE, DELETE",
}


@Operations.register_operation("protect_table")
class ProtectTableOp(MigrateOperation):
    """Give a table its row-level security, grants and guards by its kind (a key of GRANTS)."""

    def __init__(self, table: str, kind: str) -> None:
        self.table = table
        self.kind = kind

    @classmethod
    def protect_table(cls, operations: Operations, table: str, kind: str) -> None:
        """Protect `schema.table`."""
        operations.invoke(cls(table, kind))

    def reverse(self) -> "ProtectTableOp":
        """Dropping the table drops its protection; there is nothing to undo."""
        return ProtectTableOp(self.table, "none")


@Operations.implementation_for(ProtectTableOp)
def _protect_table(operations: Operations, operation: ProtectTableOp) -> None:
    table, kind = operation.table, operation.kind
    if kind == "none":
        return
    operations.execute(_DISTRIBUTE.format(spread=_SPREAD[kind].format(table=table)))
    if kind in ("tenant", "append_only"):
        operations.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        operations.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        operations.execute(
            f"CREATE POLICY tenant ON {table} USING ({_TENANT_POLICY}) WITH CHECK ({_TENANT_POLICY})"
        )
    if kind == "append_only":
        for moment, level in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            name = f"guard_{moment.split()[0].lower()}"
            operations.execute(
                f"CREATE TRIGGER {name} BEFORE {moment} ON {table} FOR EACH {level}"
                " EXECUTE FUNCTION ins.guard_append_only()"
            )
    operations.execute(f"GRANT {GRANTS[kind]} ON {table} TO ins_app")
    operations.execute(f"GRANT SELECT ON {table} TO ins_backup")


@renderers.dispatch_for(ProtectTableOp)
def _render(_context: object, operation: ProtectTableOp) -> str:
    if operation.kind == "none":
        return "pass"
    return f"op.protect_table({operation.table!r}, {operation.kind!r})"
