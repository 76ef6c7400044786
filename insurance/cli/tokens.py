"""`insurance token create`: an API key for a program."""

import click

from insurance.cli.context import inside, org_option
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.permissions import permissions_named
from insurance.identity.queries import find_user_by_email, list_members
from insurance.identity.services import create_api_key


@click.group()
def token() -> None:
    """API keys."""


@token.command()
@org_option
@click.option("--email", required=True, help="Whose key it is; it can do no more than they.")
@click.option("--name", default="command line", show_default=True, help="What it is for.")
@click.option("--days", default=90, show_default=True, help="How long it is valid, at most 365.")
@click.option(
    "--scope", "scopes", multiple=True, help="A permission, such as policies.view; default: all."
)
def create(slug: str, email: str, name: str, days: int, scopes: tuple[str, ...]) -> None:
    """Make an API key and print it once."""
    with inside(slug):
        holder = find_user_by_email(db.session(), email)
        members = list_members(db.session(), user_id=holder.id) if holder else []
        if holder is None or not members:
            raise click.ClickException(f"{email} does not belong to {slug}.")
        chosen = permissions_named(scopes)
        unknown = sorted(set(scopes) - chosen)
        if unknown:
            raise click.ClickException(f"There is no permission {unknown[0]}.")
        try:
            _key, secret = create_api_key(
                user_id=holder.id,
                name=name,
                scopes=chosen or members[0].permissions,
                days=days,
                now=clock.now(),
            )
        except DomainError as error:
            raise click.ClickException(error.message) from error
    click.echo(secret)
