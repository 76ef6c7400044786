"""What a PostgreSQL server's administrator prepares once: roles, the database, extensions."""

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from insurance.core.settings import without_driver

ROLES = {
    "ins_owner": "LOGIN BYPASSRLS",
    "ins_app": "LOGIN NOBYPASSRLS",
    "ins_search": "LOGIN BYPASSRLS",
    "ins_report": "LOGIN BYPASSRLS",
    "ins_backup": "LOGIN BYPASSRLS",
}
"""owner: migrations; app: web and workers; search: owns the sd_search_ functions; the others read."""

EXTENSIONS = ("pg_trgm", "btree_gist")
_MINIMUM_VERSION = 150000


def bootstrap_server(
    admin_url: str,
    database: str,
    *,
    recreate: bool = False,
    template: str = "template0",
    passwords: Mapping[str, str] | None = None,
) -> None:
    """Create the roles, the database and its extensions where they are missing.

    `admin_url` is a superuser's; `passwords` are given to the roles named, which may be again. A new
    database begins as a copy of `template`, to which nobody may be connected then.
    Raises RuntimeError for a server older than PostgreSQL 15.
    """
    with psycopg.connect(without_driver(admin_url), autocommit=True) as connection:
        if connection.info.server_version < _MINIMUM_VERSION:
            raise RuntimeError("PostgreSQL 15 or newer is needed.")
        _create_roles(connection)
        for role, password in (passwords or {}).items():
            _set_password(connection, role, password)
        _create_database(connection, database, recreate, template)
    with psycopg.connect(_on_database(admin_url, database), autocommit=True) as connection:
        for extension in EXTENSIONS:
            connection.execute(
                sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA public").format(
                    sql.Identifier(extension)
                )
            )
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        _take_from_everybody(connection, database)
        connection.execute("GRANT USAGE, CREATE ON SCHEMA public TO ins_owner")


def _create_roles(connection: psycopg.Connection) -> None:
    # Several test runs may bootstrap one server at once, and roles belong to the whole server.
    connection.execute("SELECT pg_advisory_lock(7710001)")
    known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
    for role, attributes in ROLES.items():
        name = sql.Identifier(role)
        if role not in known:
            connection.execute(sql.SQL("CREATE ROLE {} ").format(name) + sql.SQL(attributes))
        connection.execute(sql.SQL("ALTER ROLE {} SET search_path = ins, cp, public").format(name))
    for role, setting, value in (
        ("ins_app", "statement_timeout", "15s"),
        ("ins_app", "lock_timeout", "5s"),
        ("ins_app", "idle_in_transaction_session_timeout", "30s"),
        # Where a name is found by its likeness. On the role: a setting of the search function
        # does not reach the other servers of a cluster.
        ("ins_app", "pg_trgm.word_similarity_threshold", "0.5"),
    ):
        connection.execute(
            sql.SQL("ALTER ROLE {} SET {} = {}").format(
                sql.Identifier(role), sql.Identifier(setting), sql.Literal(value)
            )
        )
    connection.execute("GRANT ins_search TO ins_owner")
    connection.execute("SELECT pg_advisory_unlock(7710001)")


def password_of(url: str) -> dict[str, str]:
    """Return the password that a role's URL carries, by the role; nothing where it has none."""
    parts = urlsplit(without_driver(url))
    if not parts.username or not parts.password:
        return {}
    return {unquote(parts.username): unquote(parts.password)}


def _set_password(connection: psycopg.Connection, role: str, password: str) -> None:
    # Hashed here: a password in a statement could end in the server's log.
    hashed = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(hashed))
    )


def _create_database(
    connection: psycopg.Connection, database: str, recreate: bool, template: str
) -> None:
    name = sql.Identifier(database)
    if recreate:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
    if found.fetchone() is None:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER ins_owner TEMPLATE {} ENCODING 'UTF8'").format(
                name, sql.Identifier(template)
            )
        )


def _take_from_everybody(connection: psycopg.Connection, database: str) -> None:
    """Revoke what PostgreSQL gives to every role and no part of the product needs.

    Temporary tables and large objects stand outside row-level security, and fill a disk.
    """
    connection.execute(
        sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database))
    )
    functions = connection.execute(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace"
        " AND (proname LIKE 'lo\\_%' OR proname IN ('loread', 'lowrite'))"
    ).fetchall()
    for (function,) in functions:
        # The server wrote the name and its argument types itself.
        named = sql.SQL(function)  # type: ignore[arg-type]
        connection.execute(
            sql.SQL("REVOKE EXECUTE ON FUNCTION pg_catalog.{} FROM PUBLIC").format(named)
        )


def _on_database(admin_url: str, database: str) -> str:
    parts = urlsplit(without_driver(admin_url))
    return parts._replace(path=f"/{database}").geturl()
