"""Whatever is done to the log behind the application's back shows, and names the row."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from insurance.audit_logs import check_proof, rules, sealing
from insurance.audit_logs.models import AuditEvent
from insurance.audit_logs.services import event_row, record, record_many
from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.settings import Settings
from tests.factories.book import make_book
from tests.factories.organizations import OrganizationFacts

EVENTS = 12


@pytest.fixture
def sealed(session: Session, settings: Settings) -> list[AuditEvent]:
    """Return twelve events in three seals."""
    for number in range(EVENTS):
        with transaction() as writing:
            record(
                writing,
                action="tests.write",
                resource="tests",
                resource_id=str(number),
                before={"premium": "1.00"},
                after={"premium": "2.00"},
            )
        if number % 4 == 3:
            sealing.seal_events(settings.seal_key, now=clock.now())
    events = list(session.scalars(select(AuditEvent).order_by(AuditEvent.id)))
    session.expunge_all()
    session.rollback()
    return events


def _verify(settings: Settings, **limits: object) -> sealing.SealReport:
    public = rules.public_key(settings.seal_key)
    later = clock.now() + timedelta(minutes=2)
    return sealing.verify(public, now=later, **limits)  # type: ignore[arg-type]


def _tamper(connection: Connection, statement: str, **values: object) -> None:
    """Do what only the database's superuser can: write past every guard."""
    connection.execute(text("SET session_replication_role = replica"))
    assert connection.execute(text(statement), values).rowcount > 0
    connection.execute(text("SET session_replication_role = DEFAULT"))
    connection.commit()


def test_an_untouched_log_is_intact(sealed: list[AuditEvent], settings: Settings) -> None:
    report = _verify(settings)

    assert (report.events, report.seals, report.unsealed, report.problems) == (12, 3, 0, [])


def test_an_edited_entry_is_named(
    sealed: list[AuditEvent], settings: Settings, admin_connection: Connection, session: Session
) -> None:
    _tamper(
        admin_connection,
        'UPDATE ins.audit_events SET after = \'{"premium": "3.00"}\' WHERE id = :id',
        id=sealed[5].id,
    )
    session.rollback()

    problems = _verify(settings).problems
    assert f"entry {sealed[5].id} was edited (seal 2)" in problems
    assert "seal 2: the entries do not give its root" in problems


def test_a_removed_entry_is_named(
    sealed: list[AuditEvent], settings: Settings, admin_connection: Connection, session: Session
) -> None:
    _tamper(admin_connection, "DELETE FROM ins.audit_events WHERE id = :id", id=sealed[1].id)
    session.rollback()

    assert f"entry {sealed[1].id} was removed (seal 1)" in _verify(settings).problems


def test_an_entry_removed_with_its_leaf_breaks_the_seal(
    sealed: list[AuditEvent], settings: Settings, admin_connection: Connection, session: Session
) -> None:
    _tamper(admin_connection, "DELETE FROM ins.audit_events WHERE id = :id", id=sealed[1].id)
    _tamper(admin_connection, "DELETE FROM ins.audit_leaves WHERE event_id = :id", id=sealed[1].id)
    session.rollback()

    problems = _verify(settings).problems
    assert "seal 1 covers 4 entries, 3 are there" in problems
    assert "seal 1: the entries do not give its root" in problems


def test_an_entry_slipped_in_is_named(
    sealed: list[AuditEvent],
    org: OrganizationFacts,
    settings: Settings,
    admin_connection: Connection,
    session: Session,
) -> None:
    from insurance.core.ids import new_id

    slipped = new_id()
    _tamper(
        admin_connection,
        "INSERT INTO ins.audit_events SELECT (jsonb_populate_record(e, jsonb_build_object("
        "'id', CAST(:new AS text)))).* FROM ins.audit_events e WHERE id = :id",
        new=str(slipped),
        id=sealed[0].id,
    )
    session.rollback()

    assert any(str(slipped) in problem for problem in _verify(settings).problems)


def test_a_cut_tail_is_seen_by_the_head_and_with_the_head_moved_back_by_an_anchor(
    sealed: list[AuditEvent],
    org: OrganizationFacts,
    settings: Settings,
    admin_connection: Connection,
    session: Session,
) -> None:
    newest = sealing.newest_seal(session)
    assert newest is not None
    anchors = [sealing.Anchor(newest.seal_no, bytes(newest.hash).hex(), clock.now())]
    for statement in (
        "DELETE FROM ins.audit_seals WHERE org_id = :org AND seal_no = 3",
        "DELETE FROM ins.audit_leaves WHERE org_id = :org AND seal_no = 3",
        "DELETE FROM ins.audit_events WHERE org_id = :org AND id > :id",
    ):
        used = {"id": sealed[7].id} if ":id" in statement else {}
        _tamper(admin_connection, statement, org=org.id, **used)
    session.rollback()

    assert _verify(settings).problems == [
        "3 seals were made, the newest there is 2: the tail was cut"
    ]
    _tamper(
        admin_connection,
        "UPDATE ins.audit_seal_heads h SET seal_no = s.seal_no, hash = s.hash"
        " FROM ins.audit_seals s WHERE s.org_id = h.org_id AND s.seal_no = 2 AND h.org_id = :org",
        org=org.id,
    )
    session.rollback()
    assert _verify(settings).problems == []
    assert _verify(settings, anchors=anchors).problems == [
        "seal 3 is anchored but no longer there: the tail was cut"
    ]


def test_an_unsealed_entry_dated_years_ahead_is_named(
    sealed: list[AuditEvent], settings: Settings, session: Session
) -> None:
    with transaction() as writing:
        row = event_row(
            action="tests.write",
            resource="tests",
            recorded_at=clock.now() + timedelta(days=3653),
        )
        record_many(writing, [row])

    assert any(
        str(row["id"]) in said and "after today" in said for said in _verify(settings).problems
    )


def test_an_entry_sealed_before_it_is_said_to_have_happened_is_named(
    session: Session, settings: Settings
) -> None:
    with transaction() as writing:
        row = event_row(
            action="tests.write", resource="tests", recorded_at=clock.now() + timedelta(hours=1)
        )
        record_many(writing, [row])
    sealing.seal_events(settings.seal_key, now=clock.now())

    assert _verify(settings).problems == [f"entry {row['id']} is dated after it was sealed"]


def test_a_log_deleted_whole_with_seals_and_head_is_told_by_what_it_must_know(
    org: OrganizationFacts, settings: Settings, admin_connection: Connection, session: Session
) -> None:
    make_book()
    sealing.seal_events(settings.seal_key, now=clock.now())
    assert _verify(settings).problems == []
    session.rollback()
    for table in ("audit_events", "audit_leaves", "audit_seals", "audit_seal_heads"):
        _tamper(admin_connection, f"DELETE FROM ins.{table} WHERE org_id = :org", org=org.id)

    problems = _verify(settings, opened_at=clock.now() - timedelta(days=1)).problems

    assert any(said.startswith("the log is empty, though it began on") for said in problems)
    for table in ("customers", "quotes", "policies", "products"):
        assert any(f"{table} have no entry" in said for said in problems), table


def test_a_seal_made_without_the_key_has_a_bad_signature(
    sealed: list[AuditEvent],
    org: OrganizationFacts,
    settings: Settings,
    admin_connection: Connection,
    session: Session,
) -> None:
    newest = sealing.newest_seal(session)
    assert newest is not None
    made = rules.Seal(org.id, 3, 4, rules.leaf_hash(b"x"), bytes(newest.prev_hash))
    _tamper(
        admin_connection,
        "UPDATE ins.audit_seals SET root = :root, hash = :hash, signature = :signature"
        " WHERE org_id = :org AND seal_no = 3",
        root=made.root,
        hash=made.hash,
        signature=rules.sign(bytes(32), made.hash),
        org=org.id,
    )
    session.rollback()

    assert "seal 3 has a bad signature" in _verify(settings).problems


@pytest.mark.parametrize(
    "table",
    [
        "audit_events",
        "audit_leaves",
        "audit_seals",
        "policy_events",
        "policy_versions",
        "ledger_transfers",
    ],
)
@pytest.mark.parametrize(
    "how", ["UPDATE ins.{0} SET org_id = org_id", "DELETE FROM ins.{0}", "TRUNCATE ins.{0} CASCADE"]
)
def test_not_even_the_owner_changes_an_append_only_table(
    how: str, table: str, sealed: list[AuditEvent], admin_connection: Connection
) -> None:
    make_book()
    assert admin_connection.scalar(text(f"SELECT count(*) FROM ins.{table}"))
    with pytest.raises(DBAPIError, match="append-only"):
        admin_connection.execute(text(how.format(table)))
    admin_connection.rollback()


def test_a_proof_is_checked_offline_and_a_doctored_one_is_refused(
    sealed: list[AuditEvent], session: Session, settings: Settings, tmp_path: Path
) -> None:
    found = sealing.find_proof(session, sealed[6].id)
    assert found is not None
    proof = {
        "org_id": str(sealed[6].org_id),
        "event": sealing.said_by(sealed[6]),
        "event_hash": found.event_hash.hex(),
        "path": [[side, sibling.hex()] for side, sibling in found.path],
        "seal_no": found.seal_no,
        "size": found.size,
        "root": found.root.hex(),
        "prev_hash": found.prev_hash.hex(),
        "signature": found.signature.hex(),
    }
    doctored = json.loads(json.dumps(proof))
    doctored["event"]["after"]["premium"] = "3.00"

    assert _offline(tmp_path, proof, settings) == 0
    assert _offline(tmp_path, doctored, settings) == 1


def _offline(folder: Path, proof: dict, settings: Settings) -> int:
    file = folder / "proof.json"
    file.write_text(json.dumps(proof))
    key = rules.public_key(settings.seal_key).hex()
    script = Path(check_proof.__file__)
    done = subprocess.run([sys.executable, str(script), str(file), key], capture_output=True)
    return done.returncode


def test_the_periodic_job_seals_everything_that_waits(app: Flask, session: Session) -> None:
    from insurance.audit_logs.queries import get_seal_status
    from insurance.jobs.audit_logs import seal

    with transaction() as writing:
        record(writing, action="tests.write", resource="tests")
    assert get_seal_status(session).unsealed > 0

    seal()

    assert get_seal_status(session).unsealed == 0


def test_the_log_is_filtered_and_its_export_is_written_to_it(
    sealed: list[AuditEvent], sign_in: Callable, api: Callable
) -> None:
    client, browser = api(), sign_in()
    same = client.get("/api/v1/audit-logs?action=tests.write&limit=5")
    assert len(same.json) == 5
    assert 'rel="next"' in same.headers["Link"]
    rest = client.get(same.headers["Link"].split(">")[0][1:])
    assert {row["id"] for row in rest.json}.isdisjoint({row["id"] for row in same.json})
    assert client.get("/api/v1/audit-logs?action=nothing").json == []
    assert client.get("/api/v1/audit-logs?date_from=2200-01-01").json == []

    page = browser.get(browser.url(f"/audit-logs/{sealed[0].id}")).get_data(True)
    assert "<del>1.00</del>" in page
    assert "<ins>2.00</ins>" in page
    export = browser.post(browser.url("/audit-logs/export.csv"), data={"action": "tests.write"})
    assert export.get_data(True).count("tests.write") == EVENTS
    assert client.get("/api/v1/audit-logs?action=audit.export").json[0]["after"] == {"rows": EVENTS}


def test_the_log_is_narrowed_by_choices_in_words(
    sealed: list[AuditEvent], sign_in: Callable
) -> None:
    with transaction() as writing:
        record(writing, action="policies.issued", resource="policies")
        record(writing, action="policies.issue", resource="policies")
        record(writing, action="customers.export", resource="customers")
    browser = sign_in()

    every = browser.get(browser.url("/audit-logs")).get_data(True)
    assert '<option value="customers.export">List exported</option>' in every
    assert every.count(">Policy issued</option>") == 1
    assert ">POST<" not in every
    issued = browser.get(browser.url("/audit-logs?action=policies.issue&columns=action")).text
    assert "policies.issued" in issued
    assert "tests.write" not in issued.partition("<tbody")[2]
