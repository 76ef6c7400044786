"""Reading by constant statements, for the busiest pages."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.orm import Session

_DIALECT = PGDialect_psycopg()


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
