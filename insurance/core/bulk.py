"""Writing many rows of one tenant at once: hundreds of rows a statement, or several tables in one.

What nobody reads before the commit, such as the audit log's rows, waits for the end of its command.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import cache, lru_cache
from itertools import count, islice
from typing import Any
from uuid import UUID

from psycopg import RawCursor
from psycopg.types.json import Jsonb
from sqlalchemy import ARRAY, Column, Table, Update, bindparam, func, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from insurance.core.db import before_every_commit, can_wait, gathered
from insurance.core.tenancy import current_org

MOST_PARAMETERS = 16_000
"""A statement takes 65 535 parameters; beyond some thousands it gains nothing."""
_TOGETHER = "written_together"
_LATE = "written_late"
_MOST_LATE = 100
"""So many rows may wait for the end of their command; more are a statement of their own."""

Row = Mapping[str, Any]


@contextmanager
def written_together(session: Session, *, late: bool = False) -> Iterator[None]:
    """Let all rows that `write_rows` is given in a block be one statement, at the block's end.

    With `late` at that of the running command, if they can wait. Nothing reads them until then, and
    what refuses them does so then. A block within is part of the outer one.
    """
    if _TOGETHER in session.info:
        yield
        return
    given: list[tuple[Table, Row]] = []
    session.info[_TOGETHER] = given
    try:
        yield
    finally:
        del session.info[_TOGETHER]
    _write(session, given, late=late)


def write_rows_late(session: Session, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that nothing in the running command reads, as `write_rows` does, at its end.

    Those of all tables are one statement. Without a command, or where the work may go back to a
    savepoint, they are written at once.
    """
    _write(session, [(table, row) for row in rows], late=True)


def waiting_rows(session: Session, table: Table) -> list[Row]:
    """Return the rows of a table that wait for the end of a block or command."""
    waiting = [*session.info.get(_TOGETHER, ()), *gathered(session, _LATE)]
    return [row for of_table, row in waiting if of_table is table]


def _write(session: Session, given: Sequence[tuple[Table, Row]], *, late: bool) -> None:
    if late and can_wait(session) and len(given) <= _MOST_LATE:
        gathered(session, _LATE).extend(given)
    else:
        _write_together(session, given)


def _write_late(session: Session) -> None:
    late = gathered(session, _LATE)
    if late:
        session.flush()
        _write_together(session, late)
        late.clear()


before_every_commit(_write_late)


def _write_together(session: Session, given: Sequence[tuple[Table, Row]]) -> None:
    by_table: dict[Table, list[Row]] = {}
    for table, row in given:
        by_table.setdefault(table, []).append(row)
    if sum(len(table.columns) * len(rows) for table, rows in by_table.items()) > MOST_PARAMETERS:
        for table, rows in by_table.items():
            write_rows(session, table, rows)
    elif by_table:
        _insert(session, by_table)


def write_rows(session: Session, table: Table, rows: Iterable[Row]) -> int:
    """Insert rows in the caller's transaction and return their number.

    Each row names every column but `org_id`, which is the organization's in scope; an absent
    column is NULL. Raises psycopg's IntegrityError.
    """
    if (together := session.info.get(_TOGETHER)) is not None:
        given = [(table, row) for row in rows]
        together.extend(given)
        return len(given)
    batches = _batches(rows, max(MOST_PARAMETERS // len(table.columns), 1))
    return sum(_insert(session, {table: batch}) for batch in batches)


def _insert(session: Session, by_table: Mapping[Table, Sequence[Row]]) -> int:
    sizes = tuple((table, len(rows)) for table, rows in by_table.items())
    connection: Any = session.connection().connection.driver_connection
    with RawCursor(connection) as cursor:
        cursor.execute(_numbered(sizes), values_of(by_table, current_org()))
    return sum(size for _table, size in sizes)


def values_of(by_table: Mapping[Table, Sequence[Row]], org_id: UUID) -> list[Any]:
    """Return the parameters of `insert_statement` for rows of tables."""
    return [
        read(row, org_id)
        for table, rows in by_table.items()
        for row in rows
        for read in _readers(table)
    ]


def update_rows(session: Session, table: Table, rows: Sequence[Row]) -> int:
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


def _batches(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    left = iter(rows)
    while batch := list(islice(left, size)):
        yield batch


Sizes = tuple[tuple[Table, int], ...]


@lru_cache(256)
def insert_statement(sizes: Sizes) -> str:
    """Return an INSERT of so many rows of each table; those before the last are in its WITH."""
    inserts = []
    for table, rows in sizes:
        # Names come from the model; every value is a parameter.
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        row = f"({', '.join(['%s'] * len(table.columns))})"
        into = f"INSERT INTO {table.schema}.{table.name} ({names}) VALUES "  # noqa: S608
        inserts.append(into + ", ".join([row] * rows))
    *first, last = inserts
    named = ", ".join(f"i{at} AS ({insert})" for at, insert in enumerate(first))
    return f"WITH {named} {last}" if named else last


@lru_cache(256)
def _numbered(sizes: Sizes) -> bytes:
    places = count(1)
    return re.sub("%s", lambda _place: f"${next(places)}", insert_statement(sizes)).encode()


@cache
def _readers(table: Table) -> tuple[Callable[[Row, Any], Any], ...]:
    return tuple(_reader(column) for column in table.columns)


def _reader(column: Column[Any]) -> Callable[[Row, Any], Any]:
    name = column.name
    if name == "org_id":
        return lambda row, org_id: row.get(name, org_id)
    if isinstance(column.type, JSONB):
        return lambda row, _org_id: None if row.get(name) is None else Jsonb(row[name])

    def plain(row: Row, _org_id: Any) -> Any:
        value = row.get(name)
        return value.value if isinstance(value, Enum) else value

    return plain
