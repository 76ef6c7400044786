"""Databases of landed states, filled by the product of their day, that a test may migrate.

Each file of states/ is `pg_dump --inserts` of the demonstration with fewer customers, made by the
code whose newest migration names the file, under the keys below.
"""

import base64
import hashlib
import lzma
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql
from sqlalchemy.engine import make_url

from insurance.cli import main
from insurance.core.bootstrap import bootstrap_server
from insurance.core.settings import Settings, load_settings
from tests.servers import environment_of

STATES = Path(__file__).with_name("states")
_KEYS = ("SECRET_KEY", "INSURANCE_MASTER_KEY", "INSURANCE_INDEX_KEY")
_KEYS += ("INSURANCE_SIGNING_KEY", "INSURANCE_SEAL_KEY")


class Landed:
    """A database of a landed state, and the command on it."""

    def __init__(self, environment: dict[str, str], admin_url: str) -> None:
        self.environment = environment
        self.admin_url = admin_url

    @property
    def settings(self) -> Settings:
        """Return the settings of the product on it."""
        return load_settings(self.environment)

    def run(self, *arguments: str) -> Result:
        """Run the command."""
        return CliRunner().invoke(main, arguments, env=self.environment)

    def connect(self) -> psycopg.Connection:
        """Return a connection of the superuser, who sees every organization."""
        return psycopg.connect(self.admin_url)


@pytest.fixture
def restore(
    servers: tuple[str, str], worker_id: str, tmp_path: Path
) -> Iterator[Callable[[str], Landed]]:
    """Return a function that restores a state into a database of its own."""
    with ExitStack() as stack:
        yield lambda state: stack.enter_context(_restored(state, servers, worker_id, tmp_path))


@contextmanager
def _restored(
    state: str, servers: tuple[str, str], worker_id: str, instance: Path
) -> Iterator[Landed]:
    database = f"insurance_state_{worker_id}"
    bootstrap_server(servers[0], database, recreate=True)
    admin_url = make_url(servers[0]).set(drivername="postgresql", database=database)
    landed = Landed(
        environment_of(servers, database, instance) | {name: _key(name) for name in _KEYS},
        admin_url.render_as_string(hide_password=False),
    )
    with landed.connect() as connection:
        connection.execute(lzma.decompress((STATES / f"{state}.sql.xz").read_bytes()))
    yield landed
    with psycopg.connect(servers[0], autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))


def _key(name: str) -> str:
    return base64.b64encode(hashlib.sha256(f"tests/migrations {name}".encode()).digest()).decode()
