"""`insurance month-end`: plan, apply and look at month-ends, for a person or a timer."""

import sys
from datetime import datetime
from uuid import UUID

import click

from insurance.cli.context import inside, org_option
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.month_end import queries, services
from insurance.month_end.models import MonthEndRun, StepCode
from insurance.web.business import business_day

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group("month-end")
def month_end() -> None:
    """Month-end: a plan, approved by a second person on screen, applied exactly."""


@month_end.command()
@org_option
@click.option("--date", "day", type=_DAY, help="The day to go up to; today without one.")
@click.option("--auto-lapse", is_flag=True, help="Lapse what is due, not only name it.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many policies.")
def plan(slug: str, day: datetime | None, auto_lapse: bool, limit: int | None) -> None:
    """Plan a month-end here and now, and print its totals. Nothing is changed by it."""
    with inside(slug):
        steps = frozenset(StepCode) if auto_lapse else frozenset(StepCode) - {StepCode.LAPSES}
        today = business_day()
        wanted = services.WantedRun(
            process_date=day.date() if day else today, steps=steps, limit_policies=limit
        )
        try:
            run = services.request_run(wanted, on=today, now=clock.now())
        except DomainError as error:
            raise click.ClickException(error.message) from error
        services.work_on(run.id, now=clock.now)
        _print(run.id)


@month_end.command()
@org_option
@click.argument("run_id", type=click.UUID)
def apply(slug: str, run_id: UUID) -> None:
    """Apply an approved plan here and now. Killed, it goes on where it was when run again."""
    with inside(slug):
        try:
            run = queries.get_run(db.session(), run_id)
            if run.status not in queries.BUSY:
                services.apply_run(run_id, on=business_day(), now=clock.now())
        except DomainError as error:
            raise click.ClickException(error.message) from error
        services.work_on(run_id, now=clock.now)
        _print(run_id)


@month_end.command()
@org_option
@click.argument("run_id", type=click.UUID, required=False)
def status(slug: str, run_id: UUID | None) -> None:
    """Show a run, or the newest ones."""
    with inside(slug):
        if run_id is not None:
            try:
                _print(run_id)
            except DomainError as error:
                raise click.ClickException(error.message) from error
            return
        for run in queries.list_runs(db.session(), limit=10).items:
            click.echo(f"{run.id}  {run.process_date}  {run.status.value}")


@month_end.command()
@org_option
@click.argument("run_id", type=click.UUID)
def verify(slug: str, run_id: UUID) -> None:
    """Prove that a run's effects are those that were planned, approved and audited.

    Names each difference and ends with 1 if there is any.
    """
    with inside(slug):
        try:
            differences = services.verify_plan(db.session(), run_id)
        except DomainError as error:
            raise click.ClickException(error.message) from error
    for difference in differences:
        click.echo(f"DIFFERENCE: {difference}")
    click.echo(f"{len(differences)} differences." if differences else "The plan is as audited.")
    sys.exit(1 if differences else 0)


def _print(run_id: UUID) -> None:
    session = db.session()
    session.rollback()
    run: MonthEndRun = queries.get_run(session, run_id)
    progress = queries.get_progress(session, run, now=clock.now())
    click.echo(f"{run.id}  {run.process_date}  {run.status.value}")
    click.echo(f"{run.policies} of {run.book} policies; {progress.done} of {progress.of} done")
    for step in run.totals:
        amount = services.amount_of(run, StepCode(step))
        click.echo(f"  {step:20}{services.effects_of(run, StepCode(step)):>10}{amount:>18}")
    for kind, count in queries.count_exceptions(session, run.id).items():
        click.echo(f"  {kind.value:20}{count:>10}")
