"""The database: record bases, the tenant announcement at each BEGIN, and the only commit."""

import os
import re
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from decimal import Decimal
from enum import Enum as PythonEnum
from typing import Any
from uuid import UUID

from flask import has_app_context
from flask_sqlalchemy import SQLAlchemy
from psycopg import OperationalError
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import (
    BigInteger,
    Connection,
    Date,
    DateTime,
    Engine,
    Enum,
    ForeignKeyConstraint,
    LargeBinary,
    MetaData,
    Numeric,
    Text,
    Uuid,
    event,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    ORMExecuteState,
    Session,
    mapped_column,
    registry,
    with_loader_criteria,
)

from insurance.core import locks, tenancy
from insurance.core.ids import new_id

TENANT_SCHEMA = "ins"
CONTROL_SCHEMA = "cp"

Rate = Numeric(18, 8)
"""Rates and factors: eight decimals."""


def _last_column(constraint: Any, _table: Any) -> str:
    return str(list(constraint.columns)[-1].name)


def _enum_values(members: type[PythonEnum]) -> list[str]:
    return [str(member.value) for member in members]


_metadata = MetaData(
    schema=TENANT_SCHEMA,
    naming_convention={
        "last_column": _last_column,
        "pk": "%(table_name)s_pk",
        "ix": "%(table_name)s_%(column_0_N_name)s_ix",
        "uq": "%(table_name)s_%(last_column)s_key",
        "fk": "%(table_name)s_%(last_column)s_fk",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    },
)


class Base(DeclarativeBase):
    """Says once how Python types are stored."""

    registry = registry(
        metadata=_metadata,
        type_annotation_map={
            Decimal: Numeric(18, 2),
            datetime: DateTime(timezone=True),
            date: Date(),
            str: Text(),
            bytes: LargeBinary(),
            UUID: Uuid(),
            int: BigInteger(),
            dict[str, Any]: JSONB(none_as_null=True),
            list[Any]: JSONB(none_as_null=True),
            PythonEnum: Enum(
                PythonEnum,
                native_enum=False,
                create_constraint=True,
                length=40,
                values_callable=_enum_values,
            ),
        },
    )


class TenantTable(Base):
    """A table of one organization's rows. The key starts with org_id; each class adds the rest."""

    __abstract__ = True

    org_id: Mapped[UUID] = mapped_column(
        primary_key=True, default=tenancy.current_org, sort_order=-100
    )


class TenantRecord(TenantTable):
    """A tenant table with an identifier of its own: the key is (org_id, id)."""

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-99)


class AppendOnly:
    """Marks a tenant table that is added to and read, and that nobody may change.

    Its migration gives it no other grants, and triggers that refuse even its owner.
    """


class ReferenceRecord(Base):
    """A small table shared by all tenants and written by migrations only."""

    __abstract__ = True


class ControlRecord(Base):
    """A table over all tenants (people, sessions, tokens). No foreign key crosses its border."""

    __abstract__ = True
    __table_args__: Any = {"schema": CONTROL_SCHEMA}


def tables_of(kind: type) -> frozenset[str]:
    """Return the names of the tables of a kind: `AppendOnly` or `ReferenceRecord`."""
    return frozenset(
        str(mapper.local_table.name)  # type: ignore[attr-defined]
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, kind)
    )


def tenant_key(table: str, column: str, **options: Any) -> ForeignKeyConstraint:
    """Return the foreign key (org_id, column) to a tenant table's (org_id, id)."""
    return ForeignKeyConstraint(
        ["org_id", column],
        [f"{TENANT_SCHEMA}.{table}.org_id", f"{TENANT_SCHEMA}.{table}.id"],
        **options,
    )


db = SQLAlchemy(
    metadata=_metadata,
    session_options={"expire_on_commit": False},
    disable_autonaming=True,
)

_IN_COMMAND = "in_command"
_TOUCHED = "touched"
_BEFORE_COMMIT = "before_commit"
_AFTER_COMMIT = "after_commit"
_GATHERED = "gathered"


@contextmanager
def transaction() -> Iterator[Session]:
    """Own exactly one transaction: commit when the block ends well, roll back when it does not.

    What was handed to `before_commit` runs as its last statements, what was handed to
    `after_commit` once the commit has succeeded. A command inside a command is a mistake and
    raises RuntimeError: give the inner one a session, as a step.
    """
    session = db.session()
    if session.info.get(_IN_COMMAND):
        raise RuntimeError("A command was called inside another command.")
    session.info[_IN_COMMAND] = True
    session.info[_BEFORE_COMMIT], session.info[_AFTER_COMMIT] = [], []
    session.info[_TOUCHED], session.info[_GATHERED] = None, {}
    try:
        yield session
        finish_command(session)
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info[_IN_COMMAND] = False
        del session.info[_BEFORE_COMMIT], session.info[_GATHERED]
        wake_ups = session.info.pop(_AFTER_COMMIT)
    for wake_up in wake_ups:
        wake_up()


@contextmanager
def trial(session: Session) -> Iterator[None]:
    """Do what a command would, inside or outside of one, and take it all back.

    What it hands to `before_commit`, `after_commit` and `gather` is forgotten with it.
    """
    names = (_BEFORE_COMMIT, _AFTER_COMMIT, _TOUCHED, _GATHERED)
    before = {name: session.info[name] for name in names if name in session.info}
    session.info |= {_BEFORE_COMMIT: [], _AFTER_COMMIT: [], _TOUCHED: None, _GATHERED: {}}
    savepoint = session.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()
        for name in names:
            del session.info[name]
        session.info |= before


def finish_command(session: Session) -> None:
    """Do what the running command has left for its end, as its last statements."""
    for finish in session.info[_BEFORE_COMMIT]:
        finish()
    for finish_every in _before_every_commit:
        finish_every(session)


_before_every_commit: list[Callable[[Session], None]] = []


def before_every_commit(finish: Callable[[Session], None]) -> None:
    """Register what ends every command, as the last statement of its transaction."""
    _before_every_commit.append(finish)


def note_touched(session: Session, resource: str, resource_id: str) -> None:
    """Say which record the running command is about; the first one that is named counts."""
    if session.info.get(_TOUCHED) is None:
        session.info[_TOUCHED] = (resource, resource_id)


def touched(session: Session) -> tuple[str, str] | None:
    """Return the kind and the id of the record that the running command is about."""
    return session.info.get(_TOUCHED)  # type: ignore[no-any-return]


def before_commit(session: Session, finish: Callable[[], None]) -> None:
    """Run something at the end of the running command, inside its transaction."""
    session.info[_BEFORE_COMMIT].append(finish)


def gather(
    session: Session, what: Hashable, items: Iterable[Any], finish: Callable[[list[Any]], None]
) -> None:
    """Give `finish` all items that the running command gathers of something, once, at its end."""
    gathered: dict[Hashable, list[Any]] = session.info[_GATHERED]
    if what not in gathered:
        gathered[what] = []
        before_commit(session, lambda: finish(gathered.pop(what)))
    gathered[what].extend(items)


def gathered(session: Session, what: Hashable) -> list[Any]:
    """Return what the running command has gathered of something so far, to add to."""
    found: list[Any] = session.info.setdefault(_GATHERED, {}).setdefault(what, [])
    return found


def can_wait(session: Session) -> bool:
    """Tell whether something can wait for the end of a command, with all that it rests on.

    What rests on work since a savepoint cannot: the work may go back to it.
    """
    return bool(session.info.get(_IN_COMMAND)) and not session.in_nested_transaction()


def after_commit(session: Session, wake_up: Callable[[], None]) -> None:
    """Run something once the running command has committed; never if it rolls back."""
    session.info[_AFTER_COMMIT].append(wake_up)


def constraint_of(error: DBAPIError) -> str | None:
    """Return the name of the violated constraint, without a shard's suffix."""
    diagnosis = getattr(error.orig, "diag", None)
    name = getattr(diagnosis, "constraint_name", None)
    if not name:
        quoted = re.search(r'constraint "([^"]+)"', str(error.orig))
        name = quoted.group(1) if quoted else None
    return re.sub(r"_\d{5,}$", "", name) if name else None


def guard_engine(engine: Engine) -> None:
    """Make an engine announce the organization at each BEGIN and refuse a role that sees too much.

    The role check runs once per physical connection: a superuser, a role that bypasses row-level
    security or an owner of the tables would see every tenant.
    """
    event.listen(engine, "begin", _announce_organization)
    event.listen(engine, "rollback", _keep_prepared_statements)
    event.listen(engine, "connect", _refuse_powerful_role)
    event.listen(engine, "checkout", _refuse_autocommit)
    # A forked child, as RQ makes for each job, must not speak on its parent's connections.
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))


def _announce_organization(connection: Connection) -> None:
    org = tenancy.scope_setting()
    if org is None:
        return
    # SET takes no bind parameters; a UUID's text is hexadecimal digits and dashes only. Both go
    # in one round trip.
    settings = (
        f"SET LOCAL app.org_id = '{org}'; SET LOCAL application_name = '{locks.signature(org)}'"
    )
    if not _begin_with(connection, settings):
        connection.exec_driver_sql(settings)


def _begin_with(connection: Connection, settings: str) -> bool:
    """Begin and set in one round trip, where psycopg would take two; tell whether that worked."""
    driver: Any = connection.connection.driver_connection
    if driver.autocommit or driver.info.transaction_status is not TransactionStatus.IDLE:
        return False
    # What fails is tried again in the usual way, in which SQLAlchemy hears of a lost connection.
    with suppress(OperationalError):
        begun = driver.pgconn.exec_(f"BEGIN; {settings}".encode())
        return bool(begun.status == ExecStatus.COMMAND_OK)
    return False


def _keep_prepared_statements(connection: Connection) -> None:
    """Roll a healthy transaction back before psycopg does, which finds nothing left to do.

    With its own roll-back it throws away all that it has prepared, so each page that only reads
    would have its statements parsed and planned anew.
    """
    if connection.closed or connection.invalidated:
        return
    driver: Any = connection.connection.driver_connection
    if driver.info.transaction_status is TransactionStatus.INTRANS:
        # On a connection that is lost psycopg's own roll-back fails too, and is heard of.
        with suppress(OperationalError):
            driver.pgconn.exec_(b"ROLLBACK")


def _refuse_powerful_role(dbapi_connection: Any, _record: Any) -> None:
    with dbapi_connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper OR rolbypassrls OR EXISTS ("
            " SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname IN (%s, %s)"
            " AND pg_has_role(current_user, c.relowner, 'MEMBER'))"
            " FROM pg_roles WHERE rolname = current_user",
            (TENANT_SCHEMA, CONTROL_SCHEMA),
        )
        (too_powerful,) = cursor.fetchone()
    dbapi_connection.rollback()
    if too_powerful:
        raise RuntimeError(
            "The application must not connect as a superuser, as the owner of the tables or as a "
            "role that bypasses row-level security. Set DATABASE_URL to the application role."
        )


def _refuse_autocommit(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    if dbapi_connection.autocommit:
        raise RuntimeError("A connection in autocommit would forget its organization.")


def _add_tenant_condition(state: ORMExecuteState) -> None:
    """Give every ORM statement its `org_id = :org`, for the planner and for Citus."""
    if state.is_column_load or state.is_relationship_load:
        return
    org = tenancy.scope_setting()
    if org is not None and (state.is_select or state.is_update or state.is_delete):
        state.statement = state.statement.options(
            with_loader_criteria(
                TenantTable, lambda table: table.org_id == org, include_aliases=True
            )
        )


def _end_reading() -> None:
    """End a transaction that only read, before the scope changes; refuse inside a command."""
    if not has_app_context() or not db.session.registry.has():
        return
    session = db.session()
    if session.info.get(_IN_COMMAND):
        raise RuntimeError("The organization cannot change inside a command.")
    # What was read stays readable: detached before the roll-back that would expire it.
    session.expunge_all()
    session.rollback()


event.listen(Session, "do_orm_execute", _add_tenant_condition)
tenancy.on_switch(_end_reading)
