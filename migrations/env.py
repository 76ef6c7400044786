"""How migrations run: as the owner role, one transaction each, with short lock waits."""

from alembic import context
from alembic.autogenerate import rewriter
from alembic.operations import ops
from sqlalchemy import NullPool, create_engine, text

import insurance.models  # noqa: F401
from insurance.core.db import (
    CONTROL_SCHEMA,
    TENANT_SCHEMA,
    AppendOnly,
    Base,
    ReferenceRecord,
    tables_of,
)
from insurance.core.schema import ONE_AT_A_TIME, MigrationUnderWayError, ProtectTableOp

config = context.config
metadata = Base.metadata
APPEND_ONLY, REFERENCE = tables_of(AppendOnly), tables_of(ReferenceRecord)

writer = rewriter.Rewriter()


@writer.rewrites(ops.UpgradeOps)
def _protect_new_tables(_context, _revision, upgrade):
    """Protect each new table and add its foreign keys once all tables are there."""
    tables, keys, rest = [], [], []
    for operation in upgrade.ops:
        if isinstance(operation, ops.CreateTableOp):
            foreign = [part for part in operation.columns if _is_foreign_key(part)]
            operation.columns = [part for part in operation.columns if not _is_foreign_key(part)]
            tables += [
                operation,
                ProtectTableOp(f"{operation.schema}.{operation.table_name}", _kind(operation)),
            ]
            keys += [ops.CreateForeignKeyOp.from_constraint(c) for c in foreign]
        else:
            rest.append(operation)
    upgrade.ops = tables + rest + keys
    return upgrade


def _is_foreign_key(part) -> bool:
    return part.__visit_name__ == "foreign_key_constraint"


def _kind(operation: ops.CreateTableOp) -> str:
    if operation.schema == CONTROL_SCHEMA:
        return "control"
    if operation.table_name in REFERENCE:
        return "reference"
    return "append_only" if operation.table_name in APPEND_ONLY else "tenant"


def _include(name, kind, _parents) -> bool:
    return kind != "schema" or name in (TENANT_SCHEMA, CONTROL_SCHEMA)


def run() -> None:
    """Bring the database to the wanted revision, as the only one who does so now.

    Raises MigrationUnderWayError where another migration of this database runs.
    """
    # Reflection reports the schemas on the search path without their names, so only public is.
    options = f"-c search_path=public -c lock_timeout={config.attributes['lock_timeout']}"
    engine = create_engine(
        config.attributes["url"], connect_args={"options": options}, poolclass=NullPool
    )
    with engine.connect() as connection:
        # Held by the connection, not by a transaction: each migration has one of its own.
        if not connection.scalar(text(f"SELECT pg_try_advisory_lock({ONE_AT_A_TIME})")):
            raise MigrationUnderWayError
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_schemas=True,
            include_name=_include,
            version_table_schema="public",
            compare_type=True,
            process_revision_directives=writer,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
