"""`insurance replay verify`: does the history give the present?"""

import sys

import click

from insurance.cli.context import inside, org_option
from insurance.policies.replay import find_differences


@click.group()
def replay() -> None:
    """Rebuilding the present from the history."""


@replay.command()
@org_option
@click.option("--most", default=100, show_default=True, help="Differences to print of each kind.")
def verify(slug: str, most: int) -> None:
    """Compare every policy, premium and balance with its events and entries.

    Names each difference and ends with 1 if there is any.
    """
    with inside(slug):
        checked, differences = find_differences(most=most)
    click.echo(f"{checked} policies checked.")
    for difference in differences:
        click.echo(f"DIFFERENCE: {difference}")
    click.echo(f"{len(differences)} differences." if differences else "Everything agrees.")
    sys.exit(1 if differences else 0)
