"""Writing many rows of one tenant at once: hundreds of rows a statement."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from itertools import islice
from typing import Any
from uuid import UUID

from psycopg import RawCursor
from psycopg.types.json import Jsonb
from sqlalchemy import ARRAY, Column, Table, Update, bindparam, func, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from insurance.core.tenancy import current_org

_PARAMETERS = 16_000
"""A statement takes 65 535 parameters; beyond some thousands it gains nothing."""


def write_rows(session: Session, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
    """Insert rows in the caller's transaction and return their number.

    Each row names every column but `org_id`, which is the organization's in scope; an absent
    column is NULL. Raises psycopg's IntegrityError.
    """
    readers = [_reader(column) for column in table.columns]
    org_id = current_org()
    connection: Any = session.connection().connection.driver_connection
    written = 0
    with RawCursor(connection) as cursor:
        for batch in _batches(rows, max(_PARAMETERS // len(readers), 1)):
            values = [read(row, org_id) for row in batch for read in readers]
            cursor.execute(_statement(table, len(batch)), values)
            written += len(batch)
    return written


def update_rows(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Set columns of rows by their `id` in one statement, and return how many rows there were.

    Each row names its `id` and the same columns. What the session has loaded is not refreshed.
    """
    names = tuple(rows[0])
    values = {f"_{name}": [row[name] for row in rows] for name in names}
    done: Any = session.execute(_update(table, names), {"_org": current_org(), **values})
    return int(done.rowcount)


@cache
def _update(table: Table, names: tuple[str, ...]) -> Update:
    arrays = [bindparam(f"_{name}", type_=ARRAY(table.c[name].type)) for name in names]
    given = func.unnest(*arrays).table_valued(*names, name="given").render_derived()
    return (
        update(table)
        .where(table.c.org_id == bindparam("_org"), table.c.id == given.c.id)
        .values({name: given.c[name] for name in names if name != "id"})
        .execution_options(synchronize_session=False)
    )


def id_array(ids: Iterable[UUID]) -> str:
    """Return identifiers as PostgreSQL reads an array of them; a list takes the driver longer."""
    return array_of([one.hex for one in ids])


def array_of(items: Iterable[str]) -> str:
    """Return items as PostgreSQL reads an array of them; texts go through `array_item` first."""
    return f"{{{','.join(items)}}}"


def array_item(item: str) -> str:
    """Return a text as an item of an array: quoted, whatever is in it."""
    escaped = item.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _batches(rows: Iterable[Mapping[str, Any]], size: int) -> Iterator[list[Mapping[str, Any]]]:
    left = iter(rows)
    while batch := list(islice(left, size)):
        yield batch


@cache
def _statement(table: Table, rows: int) -> bytes:
    # Names come from the model; every value is a parameter.
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    width = len(table.columns)
    values = (
        f"({', '.join(f'${place}' for place in range(row * width + 1, (row + 1) * width + 1))})"
        for row in range(rows)
    )
    into = f"INSERT INTO {table.schema}.{table.name} ({names}) VALUES "  # noqa: S608
    return (into + ", ".join(values)).encode()


def _reader(column: Column[Any]) -> Callable[[Mapping[str, Any], Any], Any]:
    name = column.name
    if name == "org_id":
        return lambda _row, org_id: org_id
    if isinstance(column.type, JSONB):
        return lambda row, _org_id: None if row.get(name) is None else Jsonb(row[name])

    def plain(row: Mapping[str, Any], _org_id: Any) -> Any:
        value = row.get(name)
        return value.value if isinstance(value, Enum) else value

    return plain
