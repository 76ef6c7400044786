"""What still works while a part is down or held, and what is said of what does not."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from flask import Flask
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from insurance.core.context import SYSTEM, Actor, acting_as
from insurance.core.db import db, transaction
from insurance.core.permissions import Role
from insurance.core.settings import Settings
from insurance.core.tenancy import tenant_scope
from insurance.web import errors
from tests.factories.book import make_customer
from tests.factories.identity import SignedInClient, TestClient, api_key_for, make_person
from tests.factories.organizations import OrganizationFacts

_ASK = """
import os
from insurance.app import create_app
client = create_app().test_client()
headers = {"Authorization": "Bearer " + os.environ["KEY"]}
for _ in range(301):
    read = client.get("/api/v1/customers", headers=headers)
    print(read.status_code)
"""


def test_while_the_queue_is_down_the_api_answers_and_still_counts_requests(
    settings: Settings, org: OrganizationFacts, app: Flask
) -> None:
    with app.app_context():
        key = api_key_for(make_person(org.id, Role.TENANT_ADMINISTRATOR), org.id)
    environ = os.environ | {
        "INSURANCE_MODE": "demo",
        "INSURANCE_INSTANCE": str(settings.instance),
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": "unix:///nowhere/valkey.sock",
        "KEY": key,
    }

    asked = subprocess.run(
        [sys.executable, "-c", _ASK], env=environ, capture_output=True, timeout=60, check=True
    )

    statuses = [line for line in asked.stdout.decode().split() if line in ("200", "429", "500")]
    assert statuses == ["200"] * 300 + ["429"]


@contextmanager
def _customer_locked(app: Flask, org: OrganizationFacts, by: Actor) -> Iterator[str]:
    """Hold a customer's row in a transaction of somebody's, in a thread of its own."""
    is_locked, may_end = Event(), Event()
    with app.app_context(), tenant_scope(org.id):
        customer_id = str(make_customer())

    def hold() -> None:
        with app.app_context(), tenant_scope(org.id), acting_as(by), transaction() as session:
            session.execute(
                text("SELECT 1 FROM ins.customers WHERE id = :id FOR UPDATE"), {"id": customer_id}
            )
            is_locked.set()
            may_end.wait(30)

    holder = Thread(target=hold)
    holder.start()
    is_locked.wait(10)
    yield customer_id
    may_end.set()
    holder.join()


@pytest.fixture
def impatient(app: Flask) -> Iterator[None]:
    """Let a statement wait a moment for a lock, so that nobody here waits for long."""
    with app.app_context():
        engine = db.engine

    def wait_less(connection: object) -> None:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")  # type: ignore[attr-defined]

    event.listen(engine, "begin", wait_less)
    yield
    event.remove(engine, "begin", wait_less)


MENDED = {
    "version": 1,
    "first_name": "Palesa",
    "last_name": "Khumalo",
    "date_of_birth": "1987-04-02",
}


def test_who_waits_for_a_colleague_in_vain_is_told_for_whom(
    app: Flask, org: OrganizationFacts, impatient: None, api: Callable[..., TestClient]
) -> None:
    with app.app_context():
        colleague = make_person(org.id, Role.TENANT_ADMINISTRATOR)
    with _customer_locked(app, org, Actor(user_id=colleague.id, org_id=org.id)) as customer_id:
        answer = api().put(f"/api/v1/customers/{customer_id}", json=MENDED)

    assert answer.status_code == 409, answer.json
    assert answer.json["detail"] == (
        "Thandi Mokoena is changing this record right now. Nothing was saved. "
        "Try again in a moment."
    )


def test_who_waits_for_a_job_in_vain_is_told_so_on_the_page(
    app: Flask, org: OrganizationFacts, impatient: None, sign_in: Callable[..., SignedInClient]
) -> None:
    client = sign_in()
    with _customer_locked(app, org, SYSTEM) as customer_id:
        answer = client.post(
            client.url(f"/customers/{customer_id}/edit"),
            data={"kind": "PERSON", "first_name": "N", "last_name": "Khumalo", "version": "1"},
        )

    assert answer.status_code == 409
    assert "A job is changing this record right now" in answer.get_data(True)
    assert "part of the system is down" not in answer.get_data(True)


def test_another_insurers_transactions_are_never_named(
    app: Flask, org: OrganizationFacts, other_org: OrganizationFacts
) -> None:
    with app.app_context():
        stranger = make_person(other_org.id, Role.TENANT_ADMINISTRATOR)
        with (
            _customer_locked(app, other_org, Actor(user_id=stranger.id, org_id=other_org.id)),
            tenant_scope(org.id),
            acting_as(Actor(org_id=org.id)),
            app.test_request_context("/api/v1/customers"),
        ):
            error = OperationalError("", None, _not_available())
            answer = errors.on_outage(error)

    assert answer.status_code == 409
    assert answer.json["detail"].startswith("Somebody else is changing this record right now.")


def _not_available() -> Exception:
    """Return what psycopg raises for a lock on customers."""

    class Diagnosis:
        context = 'while locking tuple (0,1) in relation "customers"'

    class NotAvailable(Exception):
        sqlstate = "55P03"
        diag = Diagnosis()

    return NotAvailable()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(1)", "took too long"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", "The database does not answer."),
    ],
)
def test_a_slow_statement_and_a_lost_database_are_told_apart(
    app: Flask, org: OrganizationFacts, statement: str, words: str
) -> None:
    with app.app_context(), app.test_request_context("/api/v1/customers"):
        with tenant_scope(org.id), pytest.raises(OperationalError) as raised:
            db.session.execute(text(statement))
        db.session.remove()
        answer = errors.on_outage(raised.value)

    assert answer.status_code == 503
    assert words in answer.json["detail"]
