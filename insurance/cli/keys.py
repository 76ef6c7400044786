"""`insurance keys rotate`: encrypt with the newest master key."""

import click

from insurance.cli.context import each_organization
from insurance.core.crypto import UnreadableError
from insurance.organizations.key_rotation import rotate_keys


@click.group()
def keys() -> None:
    """Encryption keys."""


@keys.command()
@click.option("--org", "slug", metavar="SLUG", help="One organization only, or `platform`.")
def rotate(slug: str | None) -> None:
    """Encrypt everything that is kept encrypted with the newest key.

    That is ID, passport and account numbers, notes, mails with a personal link, and the secrets of
    second factors (in the organization `platform`). Notes of claims from before notes were
    encrypted are encrypted too; one run after that upgrade does it, with the key as it is. Put the new key first in
    INSURANCE_MASTER_KEY, the old ones behind it, separated by commas; restart the servers; run
    this; then take the old keys away.
    """
    total = 0
    for name in each_organization(only=slug):
        try:
            changed = rotate_keys()
        except UnreadableError as error:
            raise click.ClickException(
                f"{name}: {error} Put its key back and run again."
            ) from error
        for column, values in changed.items():
            click.echo(f"{name}: {values} of {column}")
        total += sum(changed.values())
    click.echo(f"{total} values now use the newest key.")
