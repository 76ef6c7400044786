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

from insurance.core.bootstrap import bootstrap_server, password_of
from insurance.core.settings import Settings, load_settings

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


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


def upgrade(settings: Settings) -> None:
    """Run every migration that has not run yet."""
    command.upgrade(alembic_config(settings), "head")


def alembic_config(settings: Settings) -> Config:
    """Return Alembic's configuration for these settings."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option(
        "file_template",
        "%%(year)d%%(month).2d%%(day).2d_%%(hour).2d%%(minute).2d_%%(rev)s_%%(slug)s",
    )
    config.attributes["url"] = settings.sqlalchemy_owner_url
    return config


def is_at_head(connection: Connection, settings: Settings) -> bool:
    """Tell whether the database has the newest schema."""
    current = MigrationContext.configure(
        connection, opts={"version_table_schema": "public"}
    ).get_current_heads()
    return set(current) == set(ScriptDirectory.from_config(alembic_config(settings)).get_heads())
