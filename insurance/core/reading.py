"""Reading by constant statements: into typed rows, or as fast as the busiest pages need it."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import Select, TextClause, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.orm import Session

_DIALECT = PGDialect_psycopg()


R = TypeVar("R", bound=tuple[Any, ...])


def read_as(
    session: Session, kind: type[R], statement: TextClause, values: Mapping[str, Any]
) -> list[R]:
    """Return the rows of a statement as those of a NamedTuple that names its columns.

    Raises TypeError where it does not.
    """
    row_type: Any = kind
    found = session.execute(statement, values)
    if tuple(found.keys()) != row_type._fields:
        raise TypeError(f"{kind.__name__} does not name the columns {', '.join(found.keys())}.")
    return [row_type._make(row) for row in found.all()]


def read_rows(session: Session, statement: str, values: Mapping[str, Any]) -> list[Any]:
    """Return the rows of a constant statement as tuples; `%(name)s` stands for a value.

    In the session's transaction, and so under its organization, but handed to the driver as it
    is: what SQLAlchemy does around a statement costs more than the server's work on a short one.
    """
    connection: Any = session.connection().connection.driver_connection
    rows: list[Any] = connection.execute(statement, values, prepare=True).fetchall()
    return rows


def constant(statement: str) -> str:
    """Return a statement in which `:name` stands for a value as `read_rows` takes it."""
    return str(text(statement).compile(dialect=_DIALECT))


def compiled(statement: Select[Any]) -> str:
    """Return a statement whose values are all parameters as `read_rows` takes it."""
    return str(statement.compile(dialect=_DIALECT))
