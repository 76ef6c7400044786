"""A run whose workers, database and queue die again and again ends like one left in peace."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from insurance.cli.migrate import upgrade
from insurance.core.bootstrap import bootstrap_server
from insurance.core.settings import load_settings
from insurance.embedded import Services
from tests.random_tries import by_chance, tries

POLICIES, KILLS = tries(8_000, 20_000), tries(10, 25)
WORKERS = 2
_PAID = """
    UPDATE ins.premium_lines l SET paid_amount = amount, status = 'PAID', paid_date = due_date,
           payment_reference = 'paid'
    FROM ins.policies p
    WHERE p.org_id = l.org_id AND p.id = l.policy_id AND l.due_date <= '2026-11-30'
      AND right(p.policy_number, 2) NOT IN ('07', '27', '47', '67', '87')
"""
_TOLD = """
    INSERT INTO ins.premium_notices (org_id, id, policy_id, premium_line_id, kind, days_before,
        recipient, sent_on, registered_number)
    SELECT l.org_id, gen_random_uuid(), l.policy_id, l.id, 'NON_PAYMENT', 0, 'By post',
           l.due_date + 2, 'RC 1'
    FROM ins.premium_lines l
    WHERE l.due_date <= '2026-11-28' AND l.status <> 'PAID'
"""
"""Who was told lapses."""
_CLOSED = """
    INSERT INTO ins.month_end_watermarks (org_id, policy_id, closed_through)
    SELECT org_id, id, '2026-10-31' FROM ins.policies
"""
_AGAIN = """
    UPDATE ins.jobs_outbox SET run_after = '2000-01-01', attempts = 0, done_at = NULL
    WHERE name = 'month_end.work'
"""
"""What a dead worker held is delivered again, and so is what was done already."""
_STATES = {
    "ledger": """
        SELECT policy_id, type, effective_date, debit_account, credit_account, amount, description
        FROM ins.ledger_transfers
    """,
    "schedule": """
        SELECT policy_id, kind, sequence, due_date, period_end, amount, paid_amount, status,
               whole_days, posted_at IS NULL
        FROM ins.premium_lines
    """,
    "events": """
        SELECT policy_id, sequence, category, event_type, effective_date, description,
               payload - 'line_id' - 'endorsement_id'
        FROM ins.policy_events
    """,
    "policies": """
        SELECT p.id, p.status, p.premium, p.coverage_amount, p.current_version, p.rating,
               p.ended_on, w.closed_through, (
                   SELECT md5(string_agg(v.policy_snapshot::text, '' ORDER BY version_number))
                   FROM ins.policy_versions v WHERE v.org_id = p.org_id AND v.policy_id = p.id)
        FROM ins.policies p
        LEFT JOIN ins.month_end_watermarks w ON w.org_id = p.org_id AND w.policy_id = p.id
    """,
    "portfolio": "SELECT product_id, status, shard, policies, monthly_premium, cover"
    " FROM ins.portfolio_counts",
    "mails": "SELECT kind, recipient, subject, body FROM ins.mails WHERE kind LIKE 'policy%'",
    "audit": "SELECT action, resource_id, before, after, reason FROM ins.audit_events"
    " WHERE resource = 'policies'",
    "plan": "SELECT status, hash, totals FROM ins.month_end_runs",
}


class Nursery:
    """The process that forks workers on one database and one queue."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.month_end.nursery"],
            env=os.environ | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._read()

    def ask(self, *command: str) -> str:
        """Send a command and return the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _read(self) -> str:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.startswith('"'):
                return str(json.loads(line))
        assert self._process.stderr is not None
        raise AssertionError(self._process.stderr.read()[-4000:])


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Return servers of this test's own, to be killed at will."""
    with Services(tmp_path / "servers") as servers:
        yield servers


@pytest.fixture
def nursery(services: Services, tmp_path: Path) -> Iterator[Callable[..., Nursery]]:
    """Return a function that opens a nursery on a database; all end with the test."""
    opened: list[Nursery] = []

    def open_one(database: str, number: int) -> Nursery:
        opened.append(Nursery(_settings(services, tmp_path, database, number)))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def _settings(services: Services, tmp_path: Path, database: str, number: int) -> dict[str, str]:
    return {
        "INSURANCE_MODE": "test",
        "INSURANCE_INSTANCE": str(tmp_path / "instance"),
        "DATABASE_URL": services.url("ins_app", database),
        "DATABASE_OWNER_URL": services.url("ins_owner", database),
        "REDIS_URL": f"{services.redis_url}{'&' if '?' in services.redis_url else '?'}db={number}",
    }


@by_chance
def test_killed_again_and_again_a_month_end_comes_to_the_same_cent(
    services: Services, nursery: Callable[..., Nursery], tmp_path: Path
) -> None:
    bootstrap_server(services.admin_url, "killed")
    upgrade(load_settings(_settings(services, tmp_path, "killed", 1)))
    killed = nursery("killed", 1)
    assert killed.ask("load", str(POLICIES)).endswith(f" {POLICIES}")
    _admin(services, "killed", _PAID, _TOLD, _CLOSED, "ANALYZE")
    _admin(services, "postgres", "CREATE DATABASE spared TEMPLATE killed STRATEGY file_copy")

    spared = nursery("spared", 2)
    calm = spared.ask("request")
    assert spared.ask("finish", calm) == "PLANNED"
    spared.ask("apply", calm)
    assert spared.ask("finish", calm) == "COMPLETED"
    spared.close()

    run = killed.ask("request")
    storm = Storm(services, killed, run)
    storm.blow_until("PLANNED", KILLS // 3, lambda: storm.restart("postgresql", signal.SIGQUIT))
    killed.ask("apply", run)
    storm.blow_until("COMPLETED", KILLS, lambda: storm.restart("valkey", signal.SIGKILL))

    assert storm.kills >= KILLS
    assert storm.restarted == ["postgresql", "valkey"]
    ended = "SELECT count(*) FROM ins.policies WHERE status = 'lapsed'"
    assert _admin(services, "killed", ended)[0][0] > POLICIES // 40
    for name, wanted in _STATES.items():
        assert _digest(services, "killed", wanted) == _digest(services, "spared", wanted), name


class Storm:
    """Workers on a run, killed at random moments."""

    def __init__(self, services: Services, nursery: Nursery, run_id: str) -> None:
        self.services, self.nursery, self.run_id = services, nursery, run_id
        self.random = random.Random("storm")
        self.kills = 0
        self.restarted: list[str] = []

    def blow_until(self, status: str, kills: int, strike: Callable[[], None]) -> None:
        """Kill until so many died in all, strike the servers once, and wait for the run."""
        workers, deadline, struck = set[int](), time.monotonic() + 150, False
        while self._status() != status:
            assert time.monotonic() < deadline, self._status()
            workers = {pid for pid in workers if _is_alive(pid)}
            while len(workers) < WORKERS:
                workers.add(int(self.nursery.ask("spawn")))
            time.sleep(self.random.uniform(0.05, 0.6))
            if self.kills >= kills:
                continue
            self._kill(workers)
            if not struck and self.kills >= kills // 2:
                strike()
                struck = True
            _admin(self.services, "killed", _AGAIN)
        for pid in workers:
            os.kill(pid, signal.SIGKILL)

    def restart(self, name: str, how: signal.Signals) -> None:
        """Let a server die without warning and start it again."""
        pid = self.services.pid(name)
        os.kill(pid, how)
        while not self.services.restart_dead():
            time.sleep(0.05)
        self.restarted.append(name)

    def _kill(self, workers: set[int]) -> None:
        pid = self.random.choice(sorted(workers))
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills += 1
        workers.discard(pid)

    def _status(self) -> str:
        found = _admin(
            self.services,
            "killed",
            f"SELECT status FROM ins.month_end_runs WHERE id = '{self.run_id}'",
        )
        return str(found[0][0])


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _admin(services: Services, database: str, *statements: str) -> list[Any]:
    with psycopg.connect(services.url("postgres", database), autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def _digest(services: Services, database: str, wanted: str) -> tuple[int, str]:
    """Return the number of rows and a hash of all of them, whatever their order."""
    ((count, digest),) = _admin(
        services,
        database,
        "SELECT count(*), md5(string_agg(h, '' ORDER BY h)) FROM"
        f" (SELECT md5(CAST(t AS text)) AS h FROM ({wanted}) t) s",
    )
    return count, digest
