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
from sqlalchemy import Connection, literal, select, text
from sqlalchemy.orm import Session

from insurance.audit_logs import anchors, check_proof, sealing
from insurance.audit_logs.services import record
from insurance.core import clock, crypto
from insurance.core.db import transaction
from insurance.core.permissions import Role
from insurance.core.sealed import sealed_columns
from insurance.core.settings import Settings
from insurance.core.tenancy import PLATFORM_ORG_ID
from insurance.customers.services import CustomerDetails, create_customer
from insurance.jobs import audit_logs
from insurance.jobs.schedule import PERIODIC
from insurance.notifications.services import send_later
from insurance.policies.queries import get_policy
from tests.factories.book import TODAY, make_book, make_customer
from tests.factories.claims import account, claim
from tests.factories.debit_orders import make_account
from tests.factories.identity import make_person, with_second_factor
from tests.factories.lifecycle import sell
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


@pytest.fixture
def secrets_of_every_kind(session: Session, org: OrganizationFacts) -> list[str]:
    """Return what is kept encrypted: numbers, accounts, a payee's account, a link, a secret."""
    policy_id = sell(date(2026, 9, 20))
    customer_id = get_policy(session, policy_id).customer_id
    session.rollback()
    make_account(customer_id, account_number="62045678901")
    claim(policy_id, "100.00", payees=[account("62001234567")])
    abroad = CustomerDetails(
        first_name="Thiri", last_name="Aung", passport_number="MB123456", passport_country="MM",
        date_of_birth=date(1990, 1, 1),
    )  # fmt: skip
    create_customer(abroad, on=TODAY, now=clock.now())
    with transaction() as writing:
        for kind in ("password_reset", "password_changed"):
            values = {"name": "Thandi", "link": "https://x.example/5"}
            send_later(writing, kind, to="thandi@x.example", **values)
    phone = with_second_factor(make_person(org.id, Role.AGENT))
    return ["62045678901", "62001234567", "MB123456", "https://x.example/5", str(phone.secret)]


def _all_in_clear(admin: Connection, org_id: UUID) -> list[str]:
    """Return every encrypted value of an organization and of the platform, in clear."""
    found = []
    for one in sealed_columns():
        org = one.table.c.org_id if one.is_of_a_tenant else literal(PLATFORM_ORG_ID)
        query = select(org, one.table.c.id, one.column).where(
            one.column.like("v1.%"), org.in_([org_id, PLATFORM_ORG_ID])
        )
        found += [
            crypto.decrypt(UUID(str(owner)), *one.place, row_id, value)
            for owner, row_id, value in admin.execute(query)
        ]
    admin.rollback()
    return found


def test_after_rotating_the_key_everything_that_is_encrypted_is_read_without_the_old_one(
    run: Run,
    org: OrganizationFacts,
    secrets_of_every_kind: list[str],
    settings: Settings,
    admin_connection: Connection,
) -> None:
    old = base64.b64encode(settings.master_keys[0]).decode()
    new = secrets.token_bytes(32)
    before = _all_in_clear(admin_connection, org.id)
    keys = f"{base64.b64encode(new).decode()},{old}"

    def rotate() -> int:
        count = 0
        for slug in (org.slug, "platform"):
            rotated = run("keys", "rotate", "--org", slug, INSURANCE_MASTER_KEY=keys)
            assert rotated.exit_code == 0, rotated.output
            count += int(rotated.output.splitlines()[-1].split(" ")[0])
        return count

    try:
        assert rotate() == len(before)
        crypto.use_keys((new,), settings.index_key)
        after = _all_in_clear(admin_connection, org.id)
        assert sorted(after) == sorted(before)
        for secret in secrets_of_every_kind:
            assert any(secret in one for one in after), secret
        assert rotate() == 0
    finally:
        crypto.use_keys(settings.master_keys, settings.index_key)


def test_rotating_says_which_key_was_taken_away_too_early(
    run: Run, org: OrganizationFacts, session: Session, settings: Settings
) -> None:
    make_customer()
    try:
        new = base64.b64encode(secrets.token_bytes(32)).decode()
        early = run("keys", "rotate", "--org", org.slug, INSURANCE_MASTER_KEY=new)
    finally:
        crypto.use_keys(settings.master_keys, settings.index_key)

    assert early.exit_code == 1
    missing = crypto.key_id(settings.master_keys[0])
    assert f"The key {missing} of customers.id_number is not configured." in early.output


@pytest.mark.breaks_books("a premium is changed behind its history, for the replay to find")
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
