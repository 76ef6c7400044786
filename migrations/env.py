"""How migrations run: as the owner role, one transaction each, with short lock waits."""

import os

from alembic import context
from alembic.autogenerate import rewriter
from alembic.operations import ops
from sqlalchemy import create_engine

import insurance.models  # noqa: F401
from insurance.core.db import (
    CONTROL_SCHEMA,
    TENANT_SCHEMA,
    AppendOnly,
    Base,
    ReferenceRecord,
    tables_of,
)
from insurance.core.schema import ProtectTableOp

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


def _owner_url() -> str:
    if url := config.attributes.get("url"):
        return url
    from insurance.core.settings import load_settings

    return load_settings(os.environ).sqlalchemy_owner_url


def run() -> None:
    """Bring the database to the wanted revision."""
    # Reflection reports the schemas on the search path without their names, so only public is.
    engine = create_engine(
        _owner_url(), connect_args={"options": "-c search_path=public -c lock_timeout=5s"}
    )
    with engine.connect() as connection:
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
    engine.dispose()


run()
