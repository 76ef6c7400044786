"""What migrations share: the protection of a new table, and the values that an enum may have.

Foreign keys are added in statements of their own.
"""

from collections.abc import Iterable

from alembic import op
from alembic.autogenerate import renderers
from alembic.operations import MigrateOperation, Operations
from sqlalchemy.exc import IntegrityError

ONE_AT_A_TIME = 7710002
"""The advisory lock of the connection that migrates a database."""


class MigrationUnderWayError(RuntimeError):
    """Another migration of this database runs."""


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


def allow_values(table: str, column: str, enum: str, values: Iterable[str]) -> None:
    """Let an enum's column have these values and no others; `table` is `schema.table`.

    The rows that are there are read under a lock that stops neither readers nor writers. For that
    the migration is committed up to here: what it did before must bear to be done again, as this
    does. Raises IntegrityError where a row has another value; the old values stand then.
    """
    name = f"{table.partition('.')[2]}_{enum.lower()}_check"
    coming = f"{name}_new"
    listed = ", ".join(f"'{value}'" for value in values)
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {coming}")
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {coming} CHECK ({column} IN ({listed})) NOT VALID"
        )
        try:
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {coming}")
        except IntegrityError:
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {coming}")
            raise
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
    op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {coming} TO {name}")
