"""`insurance user add`: a person with a password."""

import click

from insurance.cli.context import inside, org_option
from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.errors import DomainError
from insurance.core.permissions import Role
from insurance.identity.rules import check_email, check_password
from insurance.identity.services import add_user


@click.group()
def user() -> None:
    """People who can sign in."""


@user.command()
@org_option
@click.option("--email", required=True, help="The login.")
@click.option("--name", required=True, help="The person's name.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="May be given several times. The organization `platform` has platform_administrator.",
)
@click.password_option(help="Asked for where it is left out.")
def add(slug: str, email: str, name: str, roles: tuple[str, ...], password: str) -> None:
    """Add a person to an organization, for instance the first administrator."""
    with inside(slug):
        try:
            check_password(password, context=(name, email.split("@")[0]))
            with transaction() as session:
                add_user(
                    session,
                    email=check_email(email),
                    name=name,
                    password=password,
                    roles=frozenset(Role(role) for role in roles),
                    now=clock.now(),
                )
        except DomainError as error:
            raise click.ClickException(error.message) from error
    click.echo(f"{email} can sign in to {slug}.")
