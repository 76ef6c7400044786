"""Writing many rows of one tenant at once: COPY into a staging table, then one INSERT."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import Column, Table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from insurance.core.tenancy import current_org


def write_rows(session: Session, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
    """Insert rows in the caller's transaction and return their number.

    Each row gives every column but `org_id`, which is the organization's in scope; a column
    that is absent is NULL. COPY may not go past row-level security, hence the staging table; the
    INSERT that empties it is checked like any other. Raises psycopg's IntegrityError.
    """
    columns = [column for column in table.columns if column.name != "org_id"]
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    stage = sql.Identifier("pg_temp", f"stage_{table.name}")
    target = sql.Identifier(str(table.schema), table.name)
    cursor: Any = session.connection().connection.cursor()
    readers = [_reader(column) for column in columns]
    written = 0
    with cursor:
        cursor.execute(
            sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} LIMIT 0").format(
                stage, names, target
            )
        )
        with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(stage, names)) as copy:
            for row in rows:
                copy.write_row([reader(row) for reader in readers])
                written += 1
        cursor.execute(
            sql.SQL("INSERT INTO {} (org_id, {}) SELECT {}, {} FROM {}").format(
                target, names, sql.Literal(current_org()), names, stage
            )
        )
        cursor.execute(sql.SQL("DROP TABLE {}").format(stage))
    return written


def _reader(column: Column[Any]) -> Any:
    name = column.name
    if isinstance(column.type, JSONB):
        return lambda row: None if row.get(name) is None else Jsonb(row[name])

    def plain(row: Mapping[str, Any]) -> Any:
        value = row.get(name)
        return value.value if isinstance(value, Enum) else value

    return plain
