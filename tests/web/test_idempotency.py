"""A request with a key has one effect, whatever dies in the middle of it."""

import os
import subprocess
import sys
from datetime import timedelta
from threading import Event, Thread

import pytest
from flask import Flask, Response
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.db import db, transaction
from insurance.core.errors import ConflictError
from insurance.core.idempotency import IdempotencyKey
from insurance.core.permissions import Role
from insurance.core.settings import Settings
from insurance.core.tenancy import tenant_scope
from insurance.customers.models import Customer
from insurance.web import idempotency
from tests.factories.identity import api_key_for, make_person
from tests.factories.organizations import OrganizationFacts

THANDI = {"first_name": "Thandi", "last_name": "Mokoena", "date_of_birth": "1987-04-02"}
_DIES_BEFORE_ITS_ANSWER = """
import os
from insurance.app import create_app
from insurance.web import idempotency
idempotency._store = lambda *_: os._exit(9)
client = create_app().test_client()
client.post(os.environ["AT"], json={body}, headers={{
    "Authorization": "Bearer " + os.environ["KEY"], "Idempotency-Key": "killed"}})
"""


def _post_and_die(settings: Settings, key: str, path: str, body: object) -> None:
    """Send a request to a process of its own that dies after the work's commit."""
    environ = os.environ | {
        "INSURANCE_MODE": "test",
        "INSURANCE_INSTANCE": str(settings.instance),
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
        "KEY": key,
        "AT": path,
    }
    ended = subprocess.run(
        [sys.executable, "-c", _DIES_BEFORE_ITS_ANSWER.format(body=body)],
        env=environ,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 9, ended.stderr.decode()[-2000:]


def _expire_leases() -> None:
    with transaction() as session:
        session.execute(
            update(IdempotencyKey).values(lease_until=clock.now() - timedelta(seconds=1))
        )


def test_a_customer_whose_answer_died_is_answered_from_the_record_and_stands_once(
    app: Flask, org: OrganizationFacts, settings: Settings
) -> None:
    with app.app_context():
        key = api_key_for(make_person(org.id, Role.TENANT_ADMINISTRATOR), org.id)
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "killed"}
    _post_and_die(settings, key, "/api/v1/customers", THANDI)
    with app.app_context(), tenant_scope(org.id):
        _expire_leases()

    again = app.test_client().post("/api/v1/customers", json=THANDI, headers=headers)

    with app.app_context(), tenant_scope(org.id):
        stored = db.session.scalars(select(Customer)).one()
    assert again.status_code == 201, again.json
    assert again.json["id"] == str(stored.id)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Location"] == f"/api/v1/customers/{stored.id}"


def test_a_deed_whose_answer_died_is_not_done_again_and_says_so(
    app: Flask, org: OrganizationFacts, settings: Settings
) -> None:
    with app.app_context():
        key = api_key_for(make_person(org.id, Role.TENANT_ADMINISTRATOR), org.id)
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "killed"}
    holiday = {"day": "2027-05-03", "name": "Founders' day"}
    _post_and_die(settings, key, "/api/v1/holidays", holiday)
    with app.app_context(), tenant_scope(org.id):
        _expire_leases()

    again = app.test_client().post("/api/v1/holidays", json=holiday, headers=headers)

    assert again.status_code == 409, again.json
    assert "was done the first time" in again.json["detail"]
    assert again.json["resource"]


def test_a_try_that_was_given_up_commits_nothing_when_it_wakes(
    app: Flask, org: OrganizationFacts, session: Session
) -> None:
    def other_process() -> None:
        with app.app_context(), tenant_scope(org.id):
            _expire_leases()
            idempotency.once("k", "POST /x", b"", quick, from_record=_not_asked)

    def slow() -> Response:
        takes_over = Thread(target=other_process)
        takes_over.start()
        takes_over.join()
        with transaction() as writing:
            writing.execute(select(func.now()))
        raise AssertionError("The commit of a try that was given up went through.")

    def quick() -> Response:
        return Response("second")

    with pytest.raises(ConflictError, match="took over"):
        idempotency.once("k", "POST /x", b"", slow, from_record=_not_asked)

    kept = idempotency.once("k", "POST /x", b"", slow, from_record=_not_asked)
    assert kept.get_data(True) == "second"


def test_work_that_takes_longer_than_a_lease_is_not_begun_twice(
    app: Flask, org: OrganizationFacts, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "_LEASE", timedelta(seconds=0.4))
    monkeypatch.setattr(idempotency, "_RENEW_SECONDS", 0.1)
    begun: list[str] = []
    answers: list[str] = []

    def work() -> Response:
        begun.append("work")
        Event().wait(1)
        return Response("done")

    def ask() -> None:
        with app.app_context(), tenant_scope(org.id):
            found = idempotency.once("k", "POST /x", b"", work, from_record=_not_asked)
            answers.append(found.get_data(True))

    requests = [Thread(target=ask) for _ in range(3)]
    for request in requests:
        request.start()
    for request in requests:
        request.join()

    assert begun == ["work"]
    assert answers == ["done"] * 3


def _not_asked(_resource: str | None, _resource_id: str | None) -> Response:
    raise AssertionError("Nothing was lost here.")
