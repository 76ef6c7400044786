"""Payments through the API beside bare INSERTs of the same rows; replay verification of a book."""

import http.client
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from insurance.policies.replay import find_differences

PAYMENTS = 800
_LOGINS = ("finance", "admin", "manager", "agent")
CLIENTS = len(_LOGINS)
_REFERENCE_OF = {
    "receipts": "reference",
    "ledger_transfers": "reference",
    "policy_events": "payload->>'reference'",
    "audit_events": "after->>'reference'",
}
"""The tables a payment writes, and where each row says which payment it belongs to."""


def payments(port: int, slug: str, owner_url: str) -> None:
    """Pay a premium each for some hundred policies over the API; print rate, p99 and the ratio."""
    with psycopg.connect(owner_url) as owner:
        policies = [
            str(row[0])
            for row in owner.execute(
                "SELECT DISTINCT ON (l.policy_id) l.policy_id FROM ins.premium_lines l"
                " JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id"
                " JOIN ins.organizations o ON o.org_id = p.org_id AND o.slug = %s"
                " WHERE p.status = 'active' AND l.status IN ('PENDING', 'OVERDUE')"
                " AND l.amount > l.paid_amount LIMIT %s",
                (slug, PAYMENTS),
            )
        ]
    run = time.strftime("%H%M%S")
    logins = iter(_LOGINS)
    taken, seconds = spread(
        policies,
        lambda: Clerk(port, f"{next(logins)}@{slug}.example"),
        lambda clerk, one: clerk.pay(one, run),
    )
    rate = len(taken) / seconds
    p99 = sorted(taken)[int(len(taken) * 0.99)] * 1000
    bare = write_bare(owner_url, _REFERENCE_OF, f"BENCH-{run}-%")
    print(
        f"payments over the API: {rate:.0f}/s from {CLIENTS} clients, p99 {p99:.0f} ms;"
        f" bare INSERTs of the same rows, a transaction a payment: {bare:.0f}/s,"
        f" so x{bare / rate:.1f}"
    )


def replay() -> None:
    """Verify the book in scope against its history; print seconds per 100 000 policies."""
    began = time.monotonic()
    checked, differences = find_differences()
    seconds = time.monotonic() - began
    print(
        f"replay verification: {checked:,} policies in {seconds:.1f} s,"
        f" {seconds / max(checked, 1) * 100_000:.1f} s per 100,000; {len(differences)} differences"
    )


class Clerk:
    """A program of one person: how often somebody may ask is counted by person."""

    def __init__(self, port: int, email: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.headers = {"Content-Type": "application/json"}
        login = {"email": email, "password": "demo-password"}
        token = self.send("POST", "/api/v1/auth/token", login)["access_token"]
        self.headers["Authorization"] = f"Bearer {token}"

    def pay(self, policy_id: str, run: str) -> None:
        """Pay ten rand for a policy."""
        body = {
            "payment_date": time.strftime("%Y-%m-%d"),
            "payment_reference": f"BENCH-{run}-{policy_id[-12:]}",
            "amount": 10,
        }
        self.send("POST", f"/api/v1/policies/{policy_id}/payments", body)

    def close(self) -> None:
        """Hang up."""
        self.connection.close()

    def send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """Send a body and return the answer. Raises RuntimeError unless it was taken."""
        self.connection.request(method, path, json.dumps(body), self.headers)
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status not in (200, 201):
            raise RuntimeError(f"{path} answered {answer.status}: {said[:200]!r}")
        return json.loads(said)


def spread(
    items: list[Any], connect: Callable[[], Any], act: Callable[[Any, Any], Any]
) -> tuple[list[float], float]:
    """Do something with each item from a few threads; return what each took, and all of it."""
    taken: list[float] = []
    lock = threading.Lock()
    began = time.perf_counter()

    def client(mine: list[Any]) -> None:
        connection, spent = connect(), []
        for one in mine:
            start = time.perf_counter()
            act(connection, one)
            spent.append(time.perf_counter() - start)
        connection.close()
        with lock:
            taken.extend(spent)

    threads = [threading.Thread(target=client, args=(items[at::CLIENTS],)) for at in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken, time.perf_counter() - began


def write_bare(owner_url: str, reference_of: dict[str, str], pattern: str) -> float:
    """Return happenings a second where only their rows are written: same columns, same indexes.

    `reference_of` says for each table where a row names its happening; `pattern` chooses them.
    """
    with psycopg.connect(owner_url) as owner:
        happenings: dict[str, list[tuple[sql.Composed, Any]]] = defaultdict(list)
        for table, reference in reference_of.items():
            source, copy = sql.Identifier("ins", table), sql.Identifier("ins", f"bench_{table}")
            owner.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(copy))
            owner.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(copy, source))
            statement = sql.SQL("SELECT {}, t::text FROM {} t WHERE {} LIKE %s").format(
                sql.SQL(reference), source, sql.SQL(reference)
            )
            insert = sql.SQL("INSERT INTO {} SELECT (%s::{}).*").format(copy, source)
            for key, row in owner.execute(statement, (pattern,)):
                happenings[key].append((insert, row))
        owner.commit()

        def write(connection: psycopg.Connection, rows: list[tuple[sql.Composed, Any]]) -> None:
            for insert, row in rows:
                connection.execute(insert, (row,))
            connection.commit()

        taken, seconds = spread(
            list(happenings.values()), lambda: psycopg.connect(owner_url), write
        )
        for table in reference_of:
            copy = sql.Identifier("ins", f"bench_{table}")
            owner.execute(sql.SQL("DROP TABLE {}").format(copy))
        return len(taken) / seconds
