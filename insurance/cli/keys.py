"""`insurance keys rotate`: encrypt with the newest master key."""

import click

from insurance.cli.context import inside, org_option
from insurance.customers.services import reencrypt_numbers


@click.group()
def keys() -> None:
    """Encryption keys."""


@keys.command()
@org_option
def rotate(slug: str) -> None:
    """Encrypt ID, passport and account numbers with the newest key.

    Put the new key first in INSURANCE_MASTER_KEY, the old ones behind it, separated by commas;
    restart the servers; run this for each organization; then take the old keys away.
    """
    with inside(slug):
        changed = reencrypt_numbers()
    click.echo(f"{changed} values now use the newest key.")
