"""A migration waits for nobody for long, and never beside another one."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import IntegrityError

from insurance.cli import migrate
from insurance.core.schema import allow_values
from insurance.core.settings import Settings
from tests.migrations.conftest import Landed

SINCE = "approvals_2"
"""From this migration on, the dates in the names follow the order in which migrations run."""


@contextmanager
def _locked(landed: Landed, table: str) -> Iterator[None]:
    with landed.connect() as somebody:
        # Where the migration would wait for ever, it is let through, and the test fails.
        somebody.execute("SET idle_in_transaction_session_timeout = '30s'")
        somebody.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
        yield


def test_a_migration_gives_up_on_a_table_that_somebody_holds_and_says_so(
    restore: Callable[[str], Landed], monkeypatch: pytest.MonkeyPatch
) -> None:
    landed = restore("guards_1")
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "100ms")

    with _locked(landed, "ins.approval_requests"):
        refused = landed.run("migrate")
    again = landed.run("migrate")

    assert refused.exit_code == 1
    assert "A table stayed locked by somebody else for 100ms" in refused.output
    assert "ALTER TABLE ins.approval_requests" in refused.output
    assert again.output == "The database is at the newest schema.\n"


def test_a_migration_beside_another_one_is_refused_in_words(
    restore: Callable[[str], Landed],
) -> None:
    landed = restore("guards_1")
    command = [sys.executable, "-m", "insurance", "migrate"]

    with _locked(landed, "ins.approval_requests"):
        first = subprocess.Popen(command, env=os.environ | landed.environment)
        _wait_until_it_waits(landed)
        second = landed.run("migrate")

    assert second.exit_code == 1
    assert "Another migration of this database is under way." in second.output
    assert first.wait(timeout=60) == 0
    assert landed.run("migrate").exit_code == 0


def _wait_until_it_waits(landed: Landed) -> None:
    with landed.connect() as watching:
        deadline = time.monotonic() + 60
        while not watching.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall():
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_database_that_does_not_answer_is_told_in_a_line(
    restore: Callable[[str], Landed], servers: tuple[str, str]
) -> None:
    landed = restore("0041")
    landed.environment["DATABASE_OWNER_URL"] += "_not_there"

    refused = landed.run("migrate")

    assert refused.exit_code == 1
    assert refused.output.startswith("Error: The migration failed:")


def test_the_names_of_migrations_are_in_the_order_in_which_they_run(settings: Settings) -> None:
    scripts = ScriptDirectory.from_config(migrate.alembic_config(settings))
    newest_first = [
        os.path.basename(script.path) for script in scripts.walk_revisions(SINCE, "head")
    ]
    dates = [datetime.strptime(name[:13], "%Y%m%d_%H%M") for name in newest_first]

    assert newest_first[-1].startswith("20261130_2215_approvals_2")
    assert dates == sorted(dates, reverse=True)


@pytest.fixture
def parcels(restore: Callable[[str], Landed]) -> Iterator[Connection]:
    """Return the owner's connection to a table of two parcels, whose size is an enum."""
    engine = create_engine(restore("0041").settings.sqlalchemy_owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE ins.parcels (size text CONSTRAINT parcels_size_check"
            " CHECK (size IN ('SMALL', 'LARGE')))"
        )
        connection.exec_driver_sql("INSERT INTO ins.parcels VALUES ('SMALL'), ('LARGE')")
        connection.commit()
        yield connection


def _allow(connection: Connection, *values: str) -> None:
    connection.commit()
    context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
    with context.begin_transaction(_per_migration=True), Operations.context(context):
        allow_values("ins.parcels", "size", "Size", values)


def _checks(connection: Connection) -> list[tuple[str, bool, str]]:
    rows = connection.exec_driver_sql(
        "SELECT conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'ins.parcels'::regclass AND contype = 'c'"
    ).fetchall()
    return [tuple(row) for row in rows]


def test_an_enum_gets_a_value_under_the_constraint_of_its_name(parcels: Connection) -> None:
    _allow(parcels, "SMALL", "LARGE", "HUGE")

    ((name, is_validated, definition),) = _checks(parcels)
    assert (name, is_validated) == ("parcels_size_check", True)
    assert "'HUGE'" in definition
    parcels.exec_driver_sql("INSERT INTO ins.parcels VALUES ('HUGE')")
    with pytest.raises(IntegrityError):
        parcels.exec_driver_sql("INSERT INTO ins.parcels VALUES ('TINY')")


def test_a_value_that_rows_have_is_not_taken_from_an_enum(parcels: Connection) -> None:
    before = _checks(parcels)

    with pytest.raises(IntegrityError):
        _allow(parcels, "SMALL")
    parcels.rollback()

    assert _checks(parcels) == before


def test_rows_are_read_for_new_values_under_no_lock_that_stops_their_writers(
    parcels: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    unread, held = [], []
    execute = Connection.execute

    def watched(connection: Connection, statement: object, *rest: object, **options: object):
        is_reading = "VALIDATE CONSTRAINT" in str(statement)
        if is_reading:
            unread.extend(name for name, is_validated, _ in _checks(connection) if not is_validated)
        done = execute(connection, statement, *rest, **options)
        if is_reading:
            locks = "SELECT mode FROM pg_locks WHERE relation = 'ins.parcels'::regclass"
            held.extend(connection.exec_driver_sql(locks).scalars())
        return done

    monkeypatch.setattr(Connection, "execute", watched)

    _allow(parcels, "SMALL", "LARGE", "HUGE")

    assert unread == ["parcels_size_check_new"]
    assert held == []
