"""Asks after each test whether the books of the organizations it worked for keep every promise.

The organizations are noted where the application announces them to a database, so that it makes
no difference who made them, over which way, or in which thread.
"""

from collections.abc import Iterable
from typing import Any, Self
from uuid import UUID

import psycopg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import make_url

from insurance.core import tenancy
from tests.invariants.promises import EVERY_PROMISE

MARKER = "breaks_books"
_SETTINGS = (
    # Planned once, which costs more than the asking; tables are nearly empty then and large later.
    "SET plan_cache_mode = force_generic_plan",
    "SET enable_seqscan = off",
    "SET jit = off",
)
_POLICIES = "SELECT count(*) FROM ins.policies WHERE org_id = ANY(%(orgs)s)"
_MANY = 100
"""Policies from which on a plan of its own costs less than the one made for all tests."""


def broken_promises(
    reader: psycopg.Connection[Any], organizations: Iterable[UUID]
) -> list[tuple[str, str]]:
    """Return each promise that the books of organizations break, with what is wrong in words."""
    values = {"orgs": list(organizations)}
    ((policies,),) = reader.execute(_POLICIES, values).fetchall()
    return reader.execute(EVERY_PROMISE, values, prepare=policies < _MANY).fetchall()


class Books:
    """The books that the running test works on: each database's organizations.

    They are read as the superuser of `admin_url`, who sees every organization.
    """

    def __init__(self) -> None:
        self.admin_url = ""
        self._touched: dict[str, set[UUID]] = {}
        self._given_up: set[UUID] = set()
        self._readers: dict[str, psycopg.Connection[Any]] = {}

    def __enter__(self) -> Self:
        event.listen(Engine, "begin", self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        event.remove(Engine, "begin", self._note)
        for reader in self._readers.values():
            reader.close()

    def forget(self) -> None:
        """Begin a test: nobody has been worked for."""
        self._touched.clear()

    def give_up(self) -> None:
        """Ask no promise any more of books that the test broke on purpose, whoever reads them."""
        self._given_up.update(*self._touched.values())

    def broken(self) -> list[str]:
        """Return in words what breaks a promise; nothing where no books were touched."""
        return [
            f"{promise}: {what}"
            for database, organizations in self._touched.items()
            if (reader := self._reader(database)) is not None
            for promise, what in broken_promises(reader, organizations - self._given_up)
        ]

    def _note(self, connection: Connection) -> None:
        try:
            organization = tenancy.scope_setting()
        except tenancy.NoTenantError:
            return
        database = connection.engine.url.database
        if organization is not None and database is not None:
            self._touched.setdefault(database, set()).add(organization)

    def _reader(self, database: str) -> psycopg.Connection[Any] | None:
        """Return a connection to a database; None where it is none of this server's, or is gone."""
        if database in self._readers:
            return self._readers[database]
        url = make_url(self.admin_url).set(drivername="postgresql", database=database)
        try:
            reader = psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)
        except psycopg.OperationalError as error:
            if f'database "{database}" does not exist' in str(error):
                return None
            raise
        for setting in _SETTINGS:
            reader.execute(setting)
        self._readers[database] = reader
        return reader
