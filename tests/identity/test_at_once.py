"""Two requests at the same moment: one of them wins, and nothing is spent twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.errors import DomainError
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.identity import queries, services
from insurance.identity.models import LinkKind
from insurance.identity.services.accounts import mail_link
from tests.factories.identity import PersonFacts, make_person, with_second_factor
from tests.factories.organizations import OrganizationFacts, make_organization
from tests.identity.conftest import NOW


def _at_once(app: Flask, org: OrganizationFacts, *acts: Callable[[], Any]) -> list[bool]:
    """Do several things in the same instant; tell which were not refused."""
    start = Barrier(len(acts))

    def do(act: Callable[[], Any]) -> bool:
        with app.app_context(), tenant_scope(org.id), clock.frozen(NOW):
            start.wait()
            try:
                act()
            except DomainError:
                return False
            return True

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(do, acts))


def test_two_administrators_who_remove_each_other_leave_one(app: Flask, session: Session) -> None:
    for _ in range(5):
        insurer = make_organization()
        people = [make_person(insurer.id, Role.TENANT_ADMINISTRATOR) for _ in range(2)]
        leave = [partial(services.change_roles, one.id, frozenset(), now=NOW) for one in people]

        assert sorted(_at_once(app, insurer, *leave)) == [False, True]


def test_one_code_of_the_app_signs_in_one_of_two(
    app: Flask, org: OrganizationFacts, agent: PersonFacts
) -> None:
    phone = with_second_factor(agent, at=NOW - timedelta(days=1))
    code = phone.at(NOW)
    tries = [lambda: services.check_code(agent.id, code, now=NOW)] * 4

    assert sorted(_at_once(app, org, *tries)) == [False, False, False, True]


def test_a_mailed_link_is_used_by_one_of_two(
    app: Flask, org: OrganizationFacts, agent: PersonFacts, session: Session
) -> None:
    user = queries.get_user(session, agent.id)
    token = mail_link(session, user, LinkKind.PASSWORD_RESET, timedelta(hours=1), NOW)
    session.commit()

    def use(password: str) -> Callable[[], Any]:
        return lambda: services.use_link(token, LinkKind.PASSWORD_RESET, password=password, now=NOW)

    done = _at_once(app, org, use("kgalagadi wind at four"), use("karoo stars at midnight"))
    assert sorted(done) == [False, True]


def test_a_refresh_token_sent_twice_at_once_gives_one_pair_and_ends_the_sign_in(
    app: Flask, org: OrganizationFacts, agent: PersonFacts
) -> None:
    pair = services.open_grant(agent.id, org.id, now=NOW)
    tries = [lambda: services.refresh_grant(pair.refresh_token, now=NOW)] * 3

    assert sorted(_at_once(app, org, *tries)) == [False, False, True]
    assert services.authenticate_bearer(pair.access_token, now=NOW) is None


def test_guesses_sent_at_once_are_counted_one_by_one(
    app: Flask, org: OrganizationFacts, agent: PersonFacts
) -> None:
    tries = [lambda: services.check_sign_in(agent.email, "a guess at it", now=NOW)] * 12
    assert not any(_at_once(app, org, *tries))

    refused = ""
    try:
        services.check_sign_in(agent.email, "a guess at it", now=NOW)
    except DomainError as error:
        refused = error.message
    assert refused == "Too many failures. Try again in 3 seconds."
