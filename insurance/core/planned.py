"""Rows that a plan lists for later: the columns it keeps of a table, and the statement they take.

A plan keeps every column of a table but the organization, what is only known when the rows are
written, and what stays empty. `rows_from`, in what follows, is the FROM of a statement that reads a
target's rows as `r`, and the organization's row as `o`: a server among several must have what is
inserted from a row of its organization's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def type_of(column: Column[Any]) -> str:
    """Return a column's type as PostgreSQL names it."""
    return str(column.type.compile(dialect=_DIALECT))


@dataclass(frozen=True)
class PlannedInsert:
    """Rows to be inserted. `written` has the SQL of columns that are known only then.

    `empty` columns are left out. `beside` are types of what is kept with a row and not inserted.
    """

    table: Table
    written: Mapping[str, str] = field(default_factory=dict)
    empty: tuple[str, ...] = ()
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, str]:
        """Return the names and types of the columns that a plan keeps."""
        others = {"org_id", *self.written, *self.empty}
        kept = {
            column.name: type_of(column)
            for column in self.table.columns
            if column.name not in others
        }
        return {**self.beside, **kept}

    def statement(self, rows_from: str) -> str:
        """Return the INSERT of the rows."""
        kept = [name for name in self.columns if name not in self.beside]
        names = ", ".join(["org_id", *kept, *self.written])
        values = ", ".join(["o.org_id", *(f"r.{name}" for name in kept), *self.written.values()])
        return f"INSERT INTO {self.table} ({names}) SELECT {values} {rows_from}"  # noqa: S608 - names of the model


@dataclass(frozen=True)
class PlannedUpdate:
    """Rows to be changed, found by the column `key`: `sets` are the columns they are given.

    `written` has the SQL of columns that are known only then, `beside` types of what is kept too.
    """

    table: Table
    sets: tuple[str, ...]
    key: str = "id"
    written: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, str]:
        """Return the names and types of the columns that a plan keeps."""
        kept = {name: type_of(self.table.c[name]) for name in self.sets}
        return {self.key: "UUID", **self.beside, **kept}

    def statement(self, rows_from: str) -> str:
        """Return the UPDATE of the rows."""
        sets = ", ".join(
            [f"{name} = v.{name}" for name in self.sets]
            + [f"{name} = {value}" for name, value in self.written.items()]
        )
        return (
            f"UPDATE {self.table} t SET {sets} FROM (SELECT r.* {rows_from}) v"  # noqa: S608 - names of the model
            f" WHERE t.org_id = :org AND t.id = v.{self.key}"
        )
