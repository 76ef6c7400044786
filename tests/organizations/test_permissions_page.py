"""Changing on screen what a role may do."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.db import db
from insurance.core.permissions import Role, granted_to
from insurance.customers.permissions import CustomersMay
from insurance.identity import queries, services
from insurance.ledger.permissions import LedgerMay
from tests.factories.identity import SignedInClient

CHANGE = "/people/permissions/agent"
BY_DEFAULT = sorted(granted_to(frozenset({Role.AGENT})))


@pytest.fixture
def admin(sign_in: Callable[..., SignedInClient], session: Session) -> SignedInClient:
    """Return the administrator's browser."""
    return sign_in(Role.TENANT_ADMINISTRATOR)


def _save(admin: SignedInClient, wanted: list[str], seen: list[str], role: str = "agent"):
    return admin.post(
        admin.url(f"/people/permissions/{role}"),
        data={"permissions": wanted, "seen": " ".join(seen)},
    )


def test_a_role_is_given_a_permission_and_its_people_reach_the_screen_at_once(
    admin: SignedInClient, sign_in: Callable[..., SignedInClient], session: Session
) -> None:
    agent = sign_in(Role.AGENT)
    before = agent.get(agent.url("/ledger")).status_code
    answer = _save(admin, [*BY_DEFAULT, "ledger.view"], BY_DEFAULT)
    page = agent.get(agent.url("/ledger"))

    assert answer.location == admin.url("/people/permissions")
    assert (before, page.status_code) == (403, 200)
    assert "Given" in admin.get(admin.url("/people/permissions")).text


def test_a_role_loses_a_permission_and_the_link_to_it(
    admin: SignedInClient, sign_in: Callable[..., SignedInClient], session: Session
) -> None:
    agent = sign_in(Role.AGENT)
    new = agent.url("/customers/new")
    before = agent.get(agent.url("/customers")).text
    _save(admin, [one for one in BY_DEFAULT if one != CustomersMay.EDIT], BY_DEFAULT)
    after = agent.get(agent.url("/customers"))

    assert new in before
    assert after.status_code == 200
    assert new not in after.text
    assert agent.get(new).status_code == 403
    assert new not in agent.get(agent.url("/search")).text
    assert "Taken" in admin.get(admin.url("/people/permissions")).text


def test_two_administrators_at_once_keep_each_others_changes(
    admin: SignedInClient, session: Session
) -> None:
    _save(admin, [*BY_DEFAULT, "ledger.view"], BY_DEFAULT)
    _save(admin, [*BY_DEFAULT, "audit.view"], BY_DEFAULT)

    changes = queries.find_grant_changes(session)
    assert {one.permission.value for one in changes} == {"ledger.view", "audit.view"}


def test_a_refusal_stands_on_the_form_with_what_was_chosen(
    admin: SignedInClient, session: Session
) -> None:
    auditor = sorted(granted_to(frozenset({Role.AUDITOR})))
    answer = _save(admin, [*auditor, "ledger.close"], auditor, role="auditor")

    assert answer.status_code == 422
    assert "A role that only looks cannot be given “Ledger: close”." in answer.text
    assert 'value="ledger.close" checked' in answer.text
    assert queries.find_grant_changes(session) == frozenset()


def test_a_permission_that_is_not_on_the_list_is_refused(
    admin: SignedInClient, session: Session
) -> None:
    for word in ("organizations.manage", "ledger.burn"):
        assert _save(admin, [*BY_DEFAULT, word], BY_DEFAULT).status_code == 422
    assert queries.find_grant_changes(session) == frozenset()


@pytest.mark.parametrize("role", ["platform_administrator", "king"])
def test_a_role_that_nobody_here_can_have_has_no_page(
    admin: SignedInClient, session: Session, role: str
) -> None:
    assert admin.get(admin.url(f"/people/permissions/{role}")).status_code == 404
    assert _save(admin, ["ledger.view"], [], role=role).status_code == 404


def test_the_platforms_own_role_cannot_be_changed(platform: SignedInClient) -> None:
    page = platform.get("/platform/people/permissions")

    assert page.status_code == 200
    assert "Change<" not in page.text
    assert platform.get("/platform/people/permissions/agent").status_code == 404


def test_who_does_not_manage_people_sees_the_table_and_no_way_to_change_it(
    sign_in: Callable[..., SignedInClient], session: Session
) -> None:
    manager = sign_in(Role.MANAGER)

    page = manager.get(manager.url("/people/permissions"))

    assert page.status_code == 200
    assert "Change<" not in page.text
    assert manager.get(manager.url(CHANGE)).status_code == 403
    assert _save(manager, BY_DEFAULT, []).status_code == 403


def test_changed_permissions_cost_a_page_no_statement(
    app: Flask, sign_in: Callable[..., SignedInClient], session: Session
) -> None:
    agent = sign_in(Role.AGENT)

    def statements() -> int:
        sent: list[object] = []
        with app.app_context():
            listener = lambda *arguments: sent.append(arguments[2])  # noqa: E731
            event.listen(db.engine, "before_cursor_execute", listener)
            agent.get(agent.url("/products"))
            event.remove(db.engine, "before_cursor_execute", listener)
        return len(sent)

    statements()
    before = statements()
    services.change_role_grants(
        Role.AGENT,
        granted=frozenset({LedgerMay.VIEW}),
        taken=frozenset({CustomersMay.EDIT}),
        now=clock.now(),
    )

    assert statements() == before > 0
