"""Month-end from a timer or a shell."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, text

from insurance.core import clock
from insurance.core.context import acting_as
from insurance.core.db import db
from insurance.core.tenancy import tenant_scope
from insurance.month_end import queries
from insurance.month_end.services import approve_run
from tests.factories.lifecycle import CHECKER, sell
from tests.factories.organizations import OrganizationFacts


@pytest.fixture
def book(app: Flask, org: OrganizationFacts) -> None:
    """Sell a policy that has been in force since today a year ago."""
    with app.app_context(), tenant_scope(org.id):
        today = clock.today("Africa/Johannesburg")
        sell(today.replace(year=today.year - 1))


def test_a_plan_is_printed_approved_elsewhere_and_applied(
    app: Flask, org: OrganizationFacts, book: None, run: Callable[..., Result]
) -> None:
    planned = run("month-end", "plan", "--org", org.slug)
    assert planned.exit_code == 0, planned.output
    assert re.search(r"PLANNED\n1 of 1 policies", planned.output)
    assert re.search(r"POST_PREMIUMS +1 ", planned.output)
    run_id = planned.output.split()[0]

    refused = run("month-end", "apply", "--org", org.slug, run_id)
    assert (refused.exit_code, "only an approved plan" in refused.output) == (1, True)
    with app.app_context(), tenant_scope(org.id), acting_as(CHECKER):
        approve_run(UUID(run_id), comment=None, now=clock.now())
    applied = run("month-end", "apply", "--org", org.slug, run_id)
    assert (applied.exit_code, "COMPLETED" in applied.output) == (0, True), applied.output

    listed = run("month-end", "status", "--org", org.slug)
    assert re.search(rf"{run_id}  \S+  COMPLETED", listed.output)


def test_the_effects_of_a_run_prove_to_be_those_of_its_plan_until_somebody_touches_them(
    org: OrganizationFacts,
    book: None,
    run: Callable[..., Result],
    admin_connection: Connection,
) -> None:
    run_id = run("month-end", "plan", "--org", org.slug).output.split()[0]

    proved = run("month-end", "verify", "--org", org.slug, run_id)
    assert (proved.exit_code, proved.output) == (0, "The plan is as audited.\n")

    admin_connection.execute(text("SET session_replication_role = replica"))
    admin_connection.execute(
        text("UPDATE ins.month_end_effects SET amount = amount + 0.01 WHERE run_id = :run"),
        {"run": run_id},
    )
    admin_connection.commit()
    touched = run("month-end", "verify", "--org", org.slug, run_id)
    assert touched.exit_code == 1
    assert "The effects of part 1 are not those that were planned." in touched.output


def test_a_plan_too_far_ahead_ends_with_a_line(
    org: OrganizationFacts, book: None, run: Callable[..., Result]
) -> None:
    refused = run("month-end", "plan", "--org", org.slug, "--date", "2199-01-31")

    assert (refused.exit_code, "31 days ahead" in refused.output) == (1, True)


def test_a_limit_and_lapses_are_asked_for(
    app: Flask, org: OrganizationFacts, book: None, run: Callable[..., Result]
) -> None:
    with app.app_context(), tenant_scope(org.id):
        sell(clock.today("Africa/Johannesburg"))

    limited = run("month-end", "plan", "--org", org.slug, "--auto-lapse", "--limit", "1")

    assert re.search(r"PLANNED\n1 of 2 policies", limited.output), limited.output
    with app.app_context(), tenant_scope(org.id):
        (made,) = queries.list_runs(db.session(), limit=1).items
        assert "LAPSES" in made.steps


def test_a_run_nobody_knows_is_not_found(
    org: OrganizationFacts, book: None, run: Callable[..., Result]
) -> None:
    for command in ("apply", "status"):
        unknown = run("month-end", command, "--org", org.slug, str(UUID(int=7)))
        assert (unknown.exit_code, "no such month-end run" in unknown.output) == (1, True)
