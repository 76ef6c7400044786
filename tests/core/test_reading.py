"""Constant statements read past SQLAlchemy stay in the organization's transaction."""

from typing import NamedTuple
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from insurance.core.db import db, guard_engine
from insurance.core.reading import constant, read_as, read_rows
from insurance.core.settings import Settings
from insurance.core.tenancy import platform_scope, tenant_scope
from tests.factories.book import make_product
from tests.factories.organizations import OrganizationFacts

PREPARED = """
    SELECT count(*) FROM pg_prepared_statements
    WHERE statement LIKE %(statement)s AND statement NOT LIKE '%%pg_prepared%%'"""
ANNOUNCED = "SELECT current_setting('app.org_id', true)"
NAMES = "SELECT id, name FROM ins.products WHERE name = %(name)s"


def test_it_sees_what_the_transaction_wrote_and_nothing_of_others(
    app: Flask, session: Session, other_org: OrganizationFacts
) -> None:
    with tenant_scope(other_org.id):
        make_product(name="Shared Name")
    mine = make_product(name="Shared Name")

    assert read_rows(session, NAMES, {"name": "Shared Name"}) == [(mine, "Shared Name")]
    assert isinstance(mine, UUID)
    with tenant_scope(other_org.id):
        (theirs,) = read_rows(db.session(), NAMES, {"name": "Shared Name"})
        assert theirs[0] != mine


class Named(NamedTuple):
    id: UUID
    name: str


class Mistyped(NamedTuple):
    name: str
    id: UUID


def test_typed_rows_name_the_columns_of_their_statement_in_its_order(session: Session) -> None:
    mine = make_product(name="Shared Name")
    statement = text("SELECT id, name FROM ins.products WHERE name = :name")

    assert read_as(session, Named, statement, {"name": "Shared Name"}) == [
        Named(mine, "Shared Name")
    ]
    with pytest.raises(TypeError, match="Mistyped does not name the columns id, name"):
        read_as(session, Mistyped, statement, {"name": "Shared Name"})


def test_a_value_is_a_value_and_never_a_part_of_the_statement(session: Session) -> None:
    make_product()
    assert read_rows(session, NAMES, {"name": "' OR true --"}) == []


def test_a_statement_with_colons_is_read_with_the_same_values(session: Session) -> None:
    rows = read_rows(session, constant("SELECT CAST(:days AS integer) % 7, ':'"), {"days": 10})
    assert rows == [(3, ":")]


def test_it_reads_in_the_sessions_own_transaction(session: Session) -> None:
    session.execute(text("SELECT set_config('app.seen', 'mine', true)"))
    assert read_rows(session, "SELECT current_setting('app.seen')", {}) == [("mine",)]


def test_a_statement_prepared_by_one_page_is_there_for_the_next(
    session: Session, settings: Settings
) -> None:
    engine = create_engine(settings.sqlalchemy_url, pool_size=1, max_overflow=0)
    guard_engine(engine)

    for _page in range(2):
        with Session(engine) as page:
            read_rows(page, NAMES, {"name": "Any"})
    with Session(engine) as page:
        prepared = read_rows(page, PREPARED, {"statement": "%WHERE name%"})
    engine.dispose()

    assert prepared == [(1,)]


def test_a_refused_statement_leaves_nothing_behind(session: Session, settings: Settings) -> None:
    engine = create_engine(settings.sqlalchemy_url, pool_size=1, max_overflow=0)
    guard_engine(engine)

    with Session(engine) as page:
        with pytest.raises(DBAPIError):
            page.execute(text("SELECT 1 / 0"))
        page.rollback()
        assert read_rows(page, NAMES, {"name": "Any"}) == []
    engine.dispose()


def test_the_organization_is_announced_as_the_transaction_begins(
    org: OrganizationFacts, settings: Settings
) -> None:
    engine = create_engine(settings.sqlalchemy_url, pool_size=1, max_overflow=0)
    guard_engine(engine)
    sent: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: sent.append(args[2]))

    with tenant_scope(org.id), Session(engine) as page:
        assert page.scalar(text(ANNOUNCED)) == str(org.id)
    with platform_scope(), Session(engine) as page:
        assert not page.scalar(text(ANNOUNCED))
    engine.dispose()

    assert sent == [ANNOUNCED, ANNOUNCED]


def test_a_lost_connection_is_refused_and_replaced(
    org: OrganizationFacts, settings: Settings, admin_connection: Connection
) -> None:
    engine = create_engine(settings.sqlalchemy_url, pool_size=1, max_overflow=0)
    guard_engine(engine)
    kill = text("SELECT pg_terminate_backend(:backend, 5000)")

    with tenant_scope(org.id):
        with Session(engine) as page:
            backend = page.scalar(text("SELECT pg_backend_pid()"))
        assert admin_connection.scalar(kill, {"backend": backend})
        with Session(engine) as page, pytest.raises(OperationalError):
            page.scalar(text(ANNOUNCED))
        with Session(engine) as page:
            assert page.scalar(text(ANNOUNCED)) == str(org.id)
    engine.dispose()
