"""Constant statements read past SQLAlchemy stay in the organization's transaction."""

from uuid import UUID

from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.core.db import db
from insurance.core.reading import read_rows
from insurance.core.tenancy import tenant_scope
from tests.factories.book import make_product
from tests.factories.organizations import OrganizationFacts

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


def test_a_value_is_a_value_and_never_a_part_of_the_statement(session: Session) -> None:
    make_product()
    assert read_rows(session, NAMES, {"name": "' OR true --"}) == []


def test_it_reads_in_the_sessions_own_transaction(session: Session) -> None:
    session.execute(text("SELECT set_config('app.seen', 'mine', true)"))
    assert read_rows(session, "SELECT current_setting('app.seen')", {}) == [("mine",)]
