"""Rows of several tables go in one statement; what nobody reads before waits for the commit."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent, UnsealedEvent
from insurance.audit_logs.services import record
from insurance.core import clock
from insurance.core.db import db, transaction
from insurance.core.ids import new_id
from insurance.core.jobs import OutboxJob, enqueue
from insurance.products.models import RateBasis, RateMethod, RateTable, RateTableEntry


@pytest.fixture
def sent(session: Session) -> Iterator[list[str]]:
    """Return what SQLAlchemy sends, as it comes."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield seen
    event.remove(db.engine, "before_cursor_execute", note)


def _table(code: str = "T1") -> RateTable:
    return RateTable(
        id=new_id(),
        table_code=code,
        table_name="Rates",
        rate_basis=RateBasis.PER_MILLE,
        method=RateMethod.MATRIX,
        rating_factors=["smoker"],
        created_at=clock.now(),
    )


def _entry(table: RateTable) -> RateTableEntry:
    return RateTableEntry(rate_table_id=table.id, gender="ANY", factors={"smoker": "no"}, rate=2)


def _audited(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(AuditEvent)) or 0


def test_new_records_of_several_tables_are_one_statement_children_first_or_last(
    session: Session, sent: list[str]
) -> None:
    table = _table()
    session.add_all([_entry(table), _entry(table), table])
    session.commit()

    assert len(sent) == 1
    session.expunge_all()
    saved = session.scalars(select(RateTable)).one()
    assert (saved.table_code, saved.version, saved.rating_factors) == ("T1", 1, ["smoker"])
    assert [one.rate_table_id for one in session.scalars(select(RateTableEntry))] == [saved.id] * 2


def test_a_new_record_shows_at_once_what_its_columns_say(session: Session, sent: list[str]) -> None:
    table = _table()
    entry = _entry(table)
    session.add_all([table, entry])
    session.flush()

    assert (table.version, table.base_rate, entry.age_from) == (1, None, None)
    assert len(sent) == 1


def test_new_records_that_are_refused_can_be_saved_again(session: Session) -> None:
    taken, table = _table("TAKEN"), _table("TAKEN")
    entry = _entry(table)
    session.add(taken)
    session.flush()

    with pytest.raises(IntegrityError), session.begin_nested():
        session.add_all([table, entry])
        session.flush()
    table.table_code = "FREE"
    session.add_all([table, entry])
    session.commit()

    assert set(session.scalars(select(RateTable.table_code))) == {"TAKEN", "FREE"}
    assert len(session.scalars(select(RateTableEntry)).all()) == 1


def test_new_records_that_were_taken_back_can_be_saved_again(session: Session) -> None:
    table = _table()
    entry = _entry(table)
    with suppress(ZeroDivisionError), session.begin_nested():
        session.add_all([table, entry])
        session.flush()
        raise ZeroDivisionError
    session.add_all([table, entry])
    session.commit()

    assert len(session.scalars(select(RateTableEntry)).all()) == 1


def test_what_a_command_says_of_itself_is_written_at_its_end(session: Session) -> None:
    with transaction():
        record(session, action="rates.look", resource="rate_tables")
        enqueue(session, "core.nothing")
        assert _audited(session) == 0

    assert _audited(session) == 1
    assert len(session.scalars(select(UnsealedEvent)).all()) == 1
    assert [job.name for job in session.scalars(select(OutboxJob))] == ["core.nothing"]


def test_what_goes_back_to_a_savepoint_is_said_of_nothing(session: Session) -> None:
    with transaction():
        with suppress(ZeroDivisionError), session.begin_nested():
            record(session, action="rates.look", resource="rate_tables")
            raise ZeroDivisionError
        record(session, action="rates.list", resource="rate_tables")

    assert session.scalars(select(AuditEvent.action)).all() == ["rates.list"]


def test_a_command_that_failed_leaves_nothing_for_the_next_to_write(session: Session) -> None:
    with suppress(ZeroDivisionError), transaction():
        record(session, action="rates.look", resource="rate_tables")
        raise ZeroDivisionError
    with transaction():
        record(session, action="rates.list", resource="rate_tables")

    assert session.scalars(select(AuditEvent.action)).all() == ["rates.list"]
