"""`insurance migrate`: bring the database to the newest schema, as the owner role."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import click
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from insurance.core import locks
from insurance.core.bootstrap import bootstrap_server, password_of
from insurance.core.schema import MigrationUnderWayError
from insurance.core.settings import Settings, load_settings

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
LOCK_TIMEOUT = "5s"
"""How long a migration waits for a table: behind one that waits, everybody else waits too."""


@click.command()
@click.option(
    "--admin-url",
    metavar="URL",
    help="A superuser's database URL: first create the roles, the database and its extensions.",
)
def migrate(admin_url: str | None) -> None:
    """Bring the database to the newest schema.

    Connects as the owner role (DATABASE_OWNER_URL). Safe to run again; takes only short locks.
    With --admin-url the owner and the application role get the passwords that their URLs carry.
    """
    settings = load_settings(os.environ)
    if admin_url:
        bootstrap_server(
            admin_url,
            urlsplit(settings.database_owner_url).path.strip("/"),
            passwords=password_of(settings.database_owner_url) | password_of(settings.database_url),
        )
    upgrade(settings)
    click.echo("The database is at the newest schema.")


def upgrade(settings: Settings, revision: str = "head") -> None:
    """Run every migration that has not run yet, up to a revision.

    Ends the command with what is wrong: another migration runs, a table stays locked, or the
    database cannot.
    """
    try:
        command.upgrade(alembic_config(settings), revision)
    except MigrationUnderWayError as error:
        raise click.ClickException(
            "Another migration of this database is under way. Run this again when it has ended."
        ) from error
    except OperationalError as error:
        if not locks.is_conflict(error):
            raise click.ClickException(f"The migration failed: {error.orig}") from error
        raise click.ClickException(
            f"A table stayed locked by somebody else for {LOCK_TIMEOUT}, so one migration was taken"
            " back; those before it are done. Run this again once the other has ended, such as"
            f" a backup or an old worker. It waited to do: {error.statement}"
        ) from error


def alembic_config(settings: Settings) -> Config:
    """Return Alembic's configuration for these settings."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option(
        "file_template",
        "%%(year)d%%(month).2d%%(day).2d_%%(hour).2d%%(minute).2d_%%(rev)s_%%(slug)s",
    )
    config.attributes["url"] = settings.sqlalchemy_owner_url
    config.attributes["lock_timeout"] = LOCK_TIMEOUT
    return config


def is_at_head(connection: Connection, settings: Settings) -> bool:
    """Tell whether the database has the newest schema."""
    current = MigrationContext.configure(
        connection, opts={"version_table_schema": "public"}
    ).get_current_heads()
    return set(current) == set(ScriptDirectory.from_config(alembic_config(settings)).get_heads())
