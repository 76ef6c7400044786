"""`insurance replay verify`: does the history give the present?"""

import sys
from decimal import Decimal

import click

from insurance.cli.context import inside, org_option
from insurance.core.db import db
from insurance.core.money import format_money
from insurance.policies.replay import find_differences
from insurance.reconciliation.queries import get_bank_money


@click.group()
def replay() -> None:
    """Rebuilding the present from the history."""


@replay.command()
@org_option
@click.option("--most", default=100, show_default=True, help="Differences to print of each kind.")
def verify(slug: str, most: int) -> None:
    """Compare every policy, premium and balance with its events and entries.

    Also every receipt, and every row of a bank's file, with the bank account, and the sums that
    are kept of the ledger and of claims with their rows. Names each difference and ends with 1 if
    there is any.
    """
    with inside(slug):
        checked, differences = find_differences(most=most)
        bank = get_bank_money(db.session())
    click.echo(f"{checked} policies checked.")
    click.echo(
        f"Money received {_plain(bank.received)} = posted {_plain(bank.posted)}"
        f" + suspense {_plain(bank.suspense)} + gone back {_plain(bank.gone_back)};"
        f" not posted: {_plain(bank.not_posted)}."
    )
    for difference in differences:
        click.echo(f"DIFFERENCE: {difference}")
    click.echo(f"{len(differences)} differences." if differences else "Everything agrees.")
    sys.exit(1 if differences else 0)


def _plain(amount: Decimal) -> str:
    return format_money(amount).replace("\u00a0", " ")
