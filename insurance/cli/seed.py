"""`insurance seed`: demonstration data, or a large book for measuring."""

import os
import time

import click

from insurance.cli.context import application, inside


@click.command()
@click.option("--policies", type=click.IntRange(1, 5_000_000), help="Make a book of this size.")
@click.option("--tenant", "slug", metavar="SLUG", help="The organization whose book grows.")
def seed(policies: int | None, slug: str | None) -> None:
    """Make the demonstration tenants; or, with --policies and --tenant, a large book.

    The large book is written in bulk: customers, policies with members, benefits, premiums, ledger,
    events and versions; about a thousand policies a second on two cores.
    """
    if (policies is None) != (slug is None):
        raise click.UsageError("Give --policies and --tenant together.")
    if policies is None or slug is None:
        from insurance.seeding.demo import seed_demo

        made = seed_demo(application())
        click.echo("Made the demonstration tenants." if made else "They are there already.")
        return
    from insurance.seeding.book import seed_book

    began = time.monotonic()
    with inside(slug):
        made_policies = seed_book(
            policies,
            processes=os.cpu_count() or 1,
            on_progress=lambda done: click.echo(f"{done} policies"),
        )
    click.echo(f"Made {made_policies} policies in {time.monotonic() - began:.0f} s.")
