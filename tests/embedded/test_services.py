"""The servers of one machine: one supervisor an instance, and kill -9 loses nothing."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from insurance.embedded import InstanceInUseError, Services


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Return running servers on an instance of this test's own."""
    with Services(tmp_path / "instance") as services:
        yield services


def _wait_until_dead(services: Services, pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not services.restart_dead():
        time.sleep(0.05)


def _soon(ask: Callable[[], object]) -> object:
    deadline = time.monotonic() + 20
    while True:
        try:
            return ask()
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_a_second_supervisor_is_told_who_runs_the_instance(services: Services) -> None:
    with pytest.raises(InstanceInUseError, match=str(os.getpid())):
        Services(services.instance).start()

    with psycopg.connect(services.admin_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_what_was_committed_is_there_after_the_database_was_killed(services: Services) -> None:
    with psycopg.connect(services.admin_url) as connection:
        connection.execute("CREATE TABLE money AS SELECT 310.00 AS premium")

    _wait_until_dead(services, services.pid("postgresql"))

    def premium() -> object:
        with psycopg.connect(services.admin_url) as connection:
            return connection.execute("SELECT premium::text FROM money").fetchone()

    assert _soon(premium) == ("310.00",)


def test_what_the_queue_was_told_is_there_after_it_was_killed(services: Services) -> None:
    Redis.from_url(services.redis_url).rpush("waiting", "job")
    time.sleep(1.5)  # The queue's file is synced each second; rows in the database are the record.

    _wait_until_dead(services, services.pid("valkey"))

    asked = _soon(lambda: Redis.from_url(services.redis_url).lrange("waiting", 0, -1))
    assert asked == [b"job"]


def test_a_stopped_instance_starts_again_with_its_data(tmp_path: Path) -> None:
    with (
        Services(tmp_path / "instance") as services,
        psycopg.connect(services.admin_url) as connection,
    ):
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")

    with (
        Services(tmp_path / "instance") as services,
        psycopg.connect(services.admin_url) as connection,
    ):
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
