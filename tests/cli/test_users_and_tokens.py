"""`insurance user add` and `insurance token create`."""

import re
from collections.abc import Callable

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core.permissions import Role
from insurance.identity import queries
from tests.factories.identity import PASSWORD, TestClient, make_person
from tests.factories.organizations import OrganizationFacts
from tests.identity.browser import Browser

Run = Callable[..., Result]


def _add(
    run: Run, org: OrganizationFacts, email: str, *more: str, password: str = PASSWORD
) -> Result:
    return run(
        "user",
        "add",
        "--org",
        org.slug,
        "--email",
        email,
        "--name",
        "Zanele Botha",
        "--role",
        "manager",
        "--password",
        password,
        *more,
    )


def test_a_person_added_by_command_signs_in(
    run: Run, app: Flask, org: OrganizationFacts, session: Session
) -> None:
    email = f"zanele@{org.slug}.example"
    result = _add(run, org, email.upper())

    assert result.exit_code == 0, result.output
    assert Browser(app).sign_in(email, PASSWORD).status_code == 303
    row = session.scalars(select(AuditEvent).where(AuditEvent.action == "people.add")).one()
    assert (row.channel, row.user_label) == ("CLI", "system")


def test_adding_somebody_again_adds_roles_and_keeps_the_password(
    run: Run, app: Flask, org: OrganizationFacts, session: Session
) -> None:
    email = f"again@{org.slug}.example"
    _add(run, org, email)
    second = _add(run, org, email, "--role", "finance", password="another river entirely")
    user = queries.find_user_by_email(session, email)
    assert user

    assert second.exit_code == 0
    assert queries.list_roles(session, user.id) == {Role.MANAGER, Role.FINANCE}
    assert Browser(app).sign_in(email, PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("email", "password", "why"),
    [
        ("not an address", PASSWORD, "Enter an e-mail address"),
        ("z@x.example", "short", "at least 12"),
        ("z@x.example", "Password2026!!", "first that anybody"),
    ],
)
def test_what_cannot_be_used_is_explained_in_a_line(
    run: Run, org: OrganizationFacts, email: str, password: str, why: str
) -> None:
    result = _add(run, org, email, password=password)

    assert result.exit_code == 1
    assert why in result.output
    assert "Traceback" not in result.output


def test_an_insurer_gets_no_platform_administrator(run: Run, org: OrganizationFacts) -> None:
    result = _add(run, org, "boss@x.example", "--role", "platform_administrator")

    assert result.exit_code == 1
    assert "roles on the list" in result.output


def test_an_unknown_organization_is_named(run: Run) -> None:
    result = run(
        "user",
        "add",
        "--org",
        "nowhere",
        "--email",
        "a@x.example",
        "--name",
        "A",
        "--role",
        "agent",
        "--password",
        PASSWORD,
    )

    assert (result.exit_code, "There is no organization nowhere" in result.output) == (1, True)


def test_a_key_made_by_command_opens_the_api(
    run: Run, client: TestClient, org: OrganizationFacts, session: Session
) -> None:
    person = make_person(org.id, Role.AGENT)
    result = run(
        "token", "create", "--org", org.slug, "--email", person.email, "--scope", "customers.view"
    )
    found = re.search(r"ins_live_\S+", result.output)
    assert found, result.output
    headers = {"Authorization": f"Bearer {found[0]}"}

    assert client.get("/api/v1/customers", headers=headers).status_code == 200
    assert client.get("/api/v1/policies", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--scope", "everything"), "There is no permission everything"),
        (("--days", "366"), "between 1 and 365"),
        (("--scope", "audit.view"), "cannot do more than its holder"),
    ],
)
def test_a_refused_key_says_why(
    run: Run, org: OrganizationFacts, session: Session, arguments: tuple[str, ...], why: str
) -> None:
    person = make_person(org.id, Role.AGENT)
    result = run("token", "create", "--org", org.slug, "--email", person.email, *arguments)

    assert result.exit_code == 1
    assert why in result.output
    assert "ins_live_" not in result.output


def test_a_key_for_somebody_of_another_insurer_is_refused(
    run: Run, org: OrganizationFacts, other_org: OrganizationFacts, session: Session
) -> None:
    foreign = make_person(other_org.id, Role.AGENT)
    result = run("token", "create", "--org", org.slug, "--email", foreign.email)

    assert (result.exit_code, "does not belong" in result.output) == (1, True)


@pytest.mark.parametrize("command", [["user", "add"], ["token", "create"], ["user"], ["token"]])
def test_help_is_for_newcomers(run: Run, command: list[str]) -> None:
    result = run(*command, "--help")

    assert result.exit_code == 0
    assert len(result.output) > 80
