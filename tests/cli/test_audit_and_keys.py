"""`insurance audit`, `keys rotate` and `replay verify`, as a person at the prompt sees them."""

import base64
import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from insurance.audit_logs import anchors, check_proof, sealing
from insurance.audit_logs.services import record
from insurance.core import clock, crypto
from insurance.core.db import transaction
from insurance.core.settings import Settings
from insurance.customers.models import Customer
from insurance.customers.services import read_number
from insurance.jobs import audit_logs
from insurance.jobs.schedule import PERIODIC
from insurance.seeding.names import id_number
from tests.factories.book import make_book, make_customer
from tests.factories.organizations import OrganizationFacts

Run = Callable[..., Result]


@pytest.fixture
def event_id(session: Session, settings: Settings) -> UUID:
    """Return the id of one of five sealed entries."""
    for number in range(5):
        with transaction() as writing:
            record(writing, action="tests.write", resource="tests", resource_id=str(number))
    sealing.seal_events(settings.seal_key, now=clock.now())
    found = session.execute(
        text("SELECT id FROM ins.audit_events ORDER BY id LIMIT 1")
    ).scalar_one()
    session.rollback()
    return UUID(str(found))


def _tamper(connection: Connection, statement: str, **values: object) -> None:
    connection.execute(text("SET session_replication_role = replica"))
    connection.execute(text(statement), values)
    connection.execute(text("SET session_replication_role = DEFAULT"))
    connection.commit()


def test_an_intact_log_that_was_never_anchored_says_so_and_a_changed_one_names_the_entry(
    run: Run, org: OrganizationFacts, event_id: UUID, admin_connection: Connection
) -> None:
    intact = run("audit", "verify", "--org", org.slug)
    assert (intact.exit_code, intact.output.splitlines()[-1][:22]) == (3, "INTACT, NEVER ANCHORED")

    _tamper(
        admin_connection,
        "UPDATE ins.audit_events SET action = 'tests.nothing' WHERE id = :id",
        id=event_id,
    )

    changed = run("audit", "verify", "--org", org.slug)
    assert changed.exit_code == 1
    assert str(event_id) in changed.output


def test_an_anchored_log_ends_with_zero_and_one_deleted_whole_with_one_whatever_went_with_it(
    run: Run, org: OrganizationFacts, event_id: UUID, admin_connection: Connection, tmp_path: Path
) -> None:
    file = anchors.file_of(tmp_path, org.id)
    assert run("audit", "anchor", "--org", org.slug, str(file)).exit_code == 0
    place = {"AUDIT_ANCHORS": str(tmp_path)}
    anchored = run("audit", "verify", "--org", org.slug, **place)
    assert anchored.exit_code == 0, anchored.output
    assert anchored.output.splitlines()[-1].startswith("INTACT AND ANCHORED on ")

    for table in ("audit_seals", "audit_leaves", "audit_events"):
        _tamper(admin_connection, f"DELETE FROM ins.{table} WHERE org_id = :org", org=org.id)
    without = run("audit", "verify", "--org", org.slug)
    assert without.exit_code == 1
    assert "the tail was cut" in without.output
    _tamper(admin_connection, "DELETE FROM ins.audit_seal_heads WHERE org_id = :org", org=org.id)
    against = run("audit", "verify", "--org", org.slug, **place)
    assert against.exit_code == 1
    assert "is anchored but no longer there" in against.output
    assert run("audit", "verify", "--org", org.slug, "--anchor", __file__).exit_code == 1


def test_a_log_whose_anchoring_stopped_says_since_when(
    run: Run, org: OrganizationFacts, event_id: UUID, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "anchors.jsonl"
    with clock.frozen(clock.now() - timedelta(hours=3)):
        anchors.add_anchor(file, org.id, clock.now())
    with transaction() as writing:
        record(writing, action="tests.write", resource="tests", resource_id="6")
    sealing.seal_events(settings.seal_key, now=clock.now())

    stopped = run("audit", "verify", "--org", org.slug, "--anchor", str(file))

    assert stopped.exit_code == 3
    assert "INTACT, NOT ANCHORED SINCE" in stopped.output


def test_the_hourly_job_keeps_each_tenants_newest_seal_in_the_configured_place(
    org: OrganizationFacts, event_id: UUID, app: Flask, settings: Settings, tmp_path: Path
) -> None:
    app.config["SETTINGS"] = replace(settings, anchors=tmp_path / "kept")
    try:
        audit_logs.anchor()
        audit_logs.anchor()
    finally:
        app.config["SETTINGS"] = settings

    kept = anchors.read_anchors(anchors.file_of(tmp_path / "kept", org.id), org.id)
    assert [anchor.seal_no for anchor in kept] == [1, 1]
    assert any(job.run is audit_logs.anchor and job.every_seconds == 3600 for job in PERIODIC)


def test_a_proof_is_checked_by_the_short_script_alone(
    run: Run, org: OrganizationFacts, event_id: UUID, tmp_path: Path
) -> None:
    key = run("audit", "public-key", "--org", org.slug).output.strip()
    printed = run("audit", "proof", "--org", org.slug, str(event_id)).output
    proof = tmp_path / "proof.json"
    proof.write_text(printed)

    def check() -> int:
        script = str(check_proof.__file__)
        command = [sys.executable, script, str(proof), key]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert check() == 0
    doctored = json.loads(printed)
    doctored["event"]["action"] = "tests.nothing"
    proof.write_text(json.dumps(doctored))
    assert check() == 1


def test_an_entry_that_is_not_there_has_no_proof(run: Run, org: OrganizationFacts) -> None:
    unknown = run("audit", "proof", "--org", org.slug, "00000000-0000-7000-8000-000000000000")

    assert (unknown.exit_code, unknown.output) == (1, "Error: There is no such entry.\n")


def test_rotating_the_key_leaves_every_number_readable_and_the_old_key_useless(
    run: Run, org: OrganizationFacts, session: Session, settings: Settings, app: Flask
) -> None:
    customer_id = make_customer()
    old = base64.b64encode(settings.master_keys[0]).decode()
    new = secrets.token_bytes(32)
    keys = f"{base64.b64encode(new).decode()},{old}"

    try:
        rotated = run("keys", "rotate", "--org", org.slug, INSURANCE_MASTER_KEY=keys)
        assert rotated.exit_code == 0, rotated.output
        assert "1 values now use the newest key" in rotated.output
        crypto.use_keys((new,), settings.index_key)
        session.rollback()
        found = session.get_one(Customer, (org.id, customer_id), populate_existing=True)
        assert read_number(found) == id_number(date(1987, 4, 2), "FEMALE", 1)
    finally:
        crypto.use_keys(settings.master_keys, settings.index_key)


def test_replay_says_what_it_checked_and_names_a_difference(
    run: Run, org: OrganizationFacts, session: Session
) -> None:
    make_book()
    good = run("replay", "verify", "--org", org.slug)
    assert good.exit_code == 0, good.output

    session.execute(text("UPDATE ins.policies SET premium = premium + 1"))
    session.commit()

    bad = run("replay", "verify", "--org", org.slug)
    assert bad.exit_code == 1
    assert "PL-" in bad.output
