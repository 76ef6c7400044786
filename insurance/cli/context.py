"""What commands that work in one organization share."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import click
from flask import Flask
from sqlalchemy.exc import OperationalError

from insurance.app import create_app
from insurance.core.db import db
from insurance.core.settings import SettingsError
from insurance.core.tenancy import platform_scope, tenant_scope
from insurance.organizations.queries import find_entry, list_entries

org_option = click.option("--org", "slug", required=True, metavar="SLUG", help="The organization.")


def application() -> Flask:
    """Return the application for the environment, or end with what is wrong in a line."""
    _prefer_running_demo()
    try:
        return create_app()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def inside(slug: str) -> Iterator[UUID]:
    """Work in an organization, named by its slug. Ends with a message for an unknown one."""
    with application().app_context():
        try:
            with platform_scope():
                entry = find_entry(db.session(), slug)
        except OperationalError as error:
            said = str(error.orig).splitlines()[0]
            raise click.ClickException(f"The database does not answer: {said}") from error
        if entry is None:
            raise click.ClickException(f"There is no organization {slug}.")
        with tenant_scope(entry.org_id):
            yield entry.org_id


def each_organization(*, only: str | None = None) -> Iterator[str]:
    """Work in every organization in turn, the platform's own first, or in one; yield its slug."""
    if only is not None:
        with inside(only):
            yield only
        return
    with application().app_context():
        with platform_scope():
            entries = [(entry.org_id, entry.slug) for entry in list_entries(db.session())]
        for org_id, slug in entries:
            with tenant_scope(org_id):
                yield slug


def _prefer_running_demo() -> None:
    """Without any setting, mean the demo instance of this folder."""
    if "DATABASE_URL" not in os.environ:
        os.environ.setdefault("INSURANCE_MODE", "demo")
