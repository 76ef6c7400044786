"""Tenants are kept apart by the database itself, whatever the application forgets."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.orm import Session

from insurance.core.db import db, guard_engine
from insurance.core.settings import Settings
from insurance.core.tenancy import NoTenantError, platform_scope, tenant_scope
from tests.factories.book import make_book
from tests.factories.organizations import OrganizationFacts, make_organization

COUNT = text("SELECT count(*), count(*) FILTER (WHERE org_id <> :org) FROM ins.organizations")


def test_without_an_organization_there_is_no_row(app: Flask, org: OrganizationFacts) -> None:
    with app.app_context(), platform_scope(), db.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM ins.organizations")) == 0


def test_outside_any_scope_the_database_cannot_be_used(app: Flask) -> None:
    with app.app_context(), pytest.raises(NoTenantError), db.engine.connect() as connection:
        connection.scalar(text("SELECT 1"))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM ins.customers",
        "SELECT count(*) FROM ins.customers WHERE org_id = :other",
        "SELECT count(*) FROM ins.policies p JOIN ins.quotes q ON q.id = p.quote_id",
        "SELECT count(*) FROM ins.audit_events WHERE true OR org_id = :other",
        "SELECT count(*) FROM ins.sd_search_customers('palesa', 50)",
        "SELECT count(*) FROM ins.sd_search_policies('pl-', 50)",
        "SELECT count(*) FROM ins.sd_search_claims('clm-', 50)",
    ],
)
def test_another_tenants_rows_cannot_be_read(
    statement: str, session: Session, other_org: OrganizationFacts
) -> None:
    with tenant_scope(other_org.id):
        make_book()
    used = {"other": other_org.id} if ":other" in statement else {}

    assert session.scalar(text(statement), used) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ins.customers SET phone = 'x' WHERE org_id = :other",
        "DELETE FROM ins.customers WHERE org_id = :other",
        "UPDATE ins.organizations SET name = 'mine'  WHERE org_id = :other",
    ],
)
def test_another_tenants_rows_cannot_be_changed(
    statement: str, session: Session, other_org: OrganizationFacts
) -> None:
    with tenant_scope(other_org.id):
        make_book()

    assert session.execute(text(statement), {"other": other_org.id}).rowcount == 0


def test_a_row_cannot_be_written_for_another_tenant(
    session: Session, other_org: OrganizationFacts
) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"):
        session.execute(
            text(
                "INSERT INTO ins.number_series (org_id, series, year, last_number)"
                " VALUES (:org, 'XX', 2026, 1)"
            ),
            {"org": other_org.id},
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ins.audit_events SET action = 'x'",
        "DELETE FROM ins.policy_events",
        "TRUNCATE ins.ledger_transfers",
        "ALTER TABLE ins.customers DISABLE ROW LEVEL SECURITY",
        "SET ROLE ins_owner",
        "CREATE TABLE ins.mine (id int)",
        "CREATE TEMPORARY TABLE aside AS SELECT 1 AS one",
        "SELECT lo_from_bytea(0, 'kept outside of every policy')",
        "SELECT lo_create(0)",
    ],
)
def test_the_application_cannot_reach_behind_the_guards(statement: str, session: Session) -> None:
    with pytest.raises(DBAPIError):
        session.execute(text(statement))


def test_a_role_that_sees_too_much_is_refused(settings: Settings) -> None:
    engine = create_engine(settings.sqlalchemy_owner_url)
    guard_engine(engine)
    with platform_scope(), pytest.raises(RuntimeError, match="owner"):
        engine.connect()
    engine.dispose()


def test_twenty_thousand_transactions_on_a_shared_pool_leak_nothing(
    app: Flask, settings: Settings, admin_connection: Connection
) -> None:
    """Eight threads, three connections, errors, roll-backs, savepoints and killed backends."""
    orgs = _organizations(app, 10)
    engine = create_engine(settings.sqlalchemy_url, pool_size=3, max_overflow=0, pool_pre_ping=True)
    guard_engine(engine)

    leaks = _hammer(engine, orgs, 20_000, _announced, admin_connection)
    engine.dispose()

    assert leaks == 0


def test_the_same_hammer_finds_a_leak_where_the_setting_outlives_its_transaction(
    app: Flask, settings: Settings, admin_connection: Connection
) -> None:
    """The negative control: a session-level setting that some requests forget does leak."""
    orgs = _organizations(app, 10)
    engine = create_engine(settings.sqlalchemy_url, pool_size=3, max_overflow=0, pool_pre_ping=True)

    leaks = _hammer(engine, orgs, 2_000, _forgetful, admin_connection)
    engine.dispose()

    assert leaks > 0


def _organizations(app: Flask, count: int) -> list[UUID]:
    with app.app_context():
        return [make_organization().id for _ in range(count)]


def _announced(engine, org: UUID, dice: random.Random) -> int:
    with tenant_scope(org), engine.connect() as connection:
        seen, foreign = connection.execute(COUNT, {"org": org}).one()
        fate = dice.random()
        if fate < 0.1:
            _fail(connection)
        elif fate < 0.2:
            with connection.begin_nested():
                connection.execute(COUNT, {"org": org})
        elif fate < 0.4:
            connection.rollback()
        elif fate < 0.7:
            connection.commit()
        return int(foreign) + (0 if seen == 1 else 1)


def _forgetful(engine, org: UUID, dice: random.Random) -> int:
    with engine.connect() as connection:
        if dice.random() > 0.15:
            connection.execute(
                text("SELECT set_config('app.org_id', :org, false)"), {"org": str(org)}
            )
        seen, foreign = connection.execute(COUNT, {"org": org}).one()
        connection.commit()
        return int(foreign)


def _fail(connection) -> None:
    try:
        connection.execute(text("SELECT 1 / 0"))
    except DBAPIError:
        connection.rollback()


def _hammer(engine, orgs, transactions, work, admin_connection) -> int:
    pids: set[int] = set()
    event.listen(engine, "connect", lambda raw, _record: pids.add(raw.info.backend_pid))
    lock = threading.Lock()
    leaks = [0]

    def run(seed: int) -> None:
        dice = random.Random(seed)
        for turn in range(transactions // 8):
            try:
                found = work(engine, dice.choice(orgs), dice)
            except DBAPIError:
                continue
            if found:
                with lock:
                    leaks[0] += found
            if seed == 0 and turn % 250 == 249:
                _kill_one(admin_connection, pids)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(run, range(8)))
    return leaks[0]


def _kill_one(admin_connection: Connection, pids: set[int]) -> None:
    for pid in list(pids)[-1:]:
        admin_connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        admin_connection.rollback()
        pids.discard(pid)
