"""Forgotten passwords and invitations: links that come by mail and work once."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from insurance.core import clock, crypto
from insurance.core.context import Actor, acting_as
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, NotFoundError
from insurance.core.permissions import Role
from insurance.core.tenancy import PLATFORM_ORG_ID, platform_scope, tenant_scope
from insurance.identity import queries, services
from insurance.identity.models import LinkKind, MailedLink, TokenGrant
from insurance.identity.services import people
from insurance.notifications.models import Mail
from tests.factories.identity import (
    PASSWORD,
    PersonFacts,
    SignedInClient,
    api_key_for,
    make_person,
    session_for,
)
from tests.factories.organizations import OrganizationFacts, make_organization
from tests.identity.browser import Browser
from tests.identity.conftest import NOW

NEW = "kgalagadi wind at four"
Mails = Callable[[str], list[str]]
Jobs = Callable[[], None]
_LINK = re.compile(r"http://[^/\s]+(/(?:welcome|new-password)/[\w-]+)")


@pytest.fixture
def reset_path(
    browser: Browser, agent: PersonFacts, run_jobs: Jobs, mails: Mails
) -> Callable[[], str]:
    """Return a function that asks for a reset and returns the path of the mailed link."""

    def ask() -> str:
        browser.post("/forgotten", email=agent.email)
        run_jobs()
        found = _LINK.search(mails(agent.email)[-1])
        assert found
        return found[1]

    return ask


def test_a_mailed_link_sets_a_new_password(
    browser: Browser, agent: PersonFacts, reset_path: Callable[[], str]
) -> None:
    answer = browser.post(reset_path(), password=NEW)

    assert answer.location == "/sign-in"
    assert browser.sign_in(agent.email, PASSWORD).status_code == 422
    assert browser.sign_in(agent.email, NEW).status_code == 303


def test_a_link_works_once(browser: Browser, reset_path: Callable[[], str]) -> None:
    path = reset_path()
    browser.post(path, password=NEW)

    answer = browser.get(path)
    assert answer.status_code == 404
    assert "This link no longer works" in answer.text
    assert "Ask for a new one" in answer.text


def test_a_link_works_for_an_hour(browser: Browser, reset_path: Callable[[], str]) -> None:
    with clock.frozen(NOW):
        path = reset_path()
    with clock.frozen(NOW + timedelta(minutes=59)):
        assert browser.get(path).status_code == 200
    with clock.frozen(NOW + timedelta(minutes=60)):
        assert browser.get(path).status_code == 404


def test_a_second_link_ends_the_first_and_comes_at_most_once_a_minute(
    browser: Browser, agent: PersonFacts, reset_path: Callable[[], str], mails: Mails
) -> None:
    with clock.frozen(NOW):
        first = reset_path()
    with clock.frozen(NOW + timedelta(seconds=30)):
        assert reset_path() == first
    with clock.frozen(NOW + timedelta(seconds=90)):
        reset_path()
        assert len(mails(agent.email)) == 2
        assert browser.get(first).status_code == 404


def test_a_refused_password_leaves_the_link_usable(
    browser: Browser, reset_path: Callable[[], str]
) -> None:
    path = reset_path()
    refused = browser.post(path, password="too short")

    assert refused.status_code == 422
    assert "at least 12" in refused.text
    assert browser.post(path, password=NEW).status_code == 303


def test_a_new_password_signs_out_every_browser_and_every_program(
    app: Flask,
    browser: Browser,
    agent: PersonFacts,
    org: OrganizationFacts,
    session: Session,
    reset_path: Callable[[], str],
) -> None:
    elsewhere = session_for(app, agent, org)
    pair = services.open_grant(agent.id, org.id, now=clock.now())
    browser.post(reset_path(), password=NEW)

    assert elsewhere.get(elsewhere.url("/")).status_code == 303
    assert services.authenticate_bearer(pair.access_token, now=clock.now()) is None
    with platform_scope():
        grants = session.scalars(select(TokenGrant).where(TokenGrant.user_id == agent.id)).all()
        assert all(grant.revoked_at for grant in grants)


def test_a_new_password_ends_the_wait_after_failures(
    browser: Browser, agent: PersonFacts, reset_path: Callable[[], str]
) -> None:
    with clock.frozen(NOW):
        for _ in range(9):
            browser.sign_in(agent.email, "not the password")
        browser.post(reset_path(), password=NEW)

        assert browser.sign_in(agent.email, NEW).status_code == 303


def test_the_same_is_said_and_done_for_an_address_that_nobody_has(
    browser: Browser, agent: PersonFacts, run_jobs: Jobs, mails: Mails, session: Session
) -> None:
    unknown = f"{agent.id.hex}@nowhere.example"
    answers = [browser.post("/forgotten", email=email) for email in (agent.email, unknown)]
    told = [browser.get("/sign-in").text for _ in answers]
    run_jobs()

    assert [answer.status_code for answer in answers] == [303, 303]
    assert "If the address is known here" in told[0]
    assert (len(mails(agent.email)), len(mails(unknown))) == (1, 0)


def test_no_link_can_be_read_in_the_database_before_or_after_it_left(
    browser: Browser,
    agent: PersonFacts,
    org: OrganizationFacts,
    session: Session,
    run_jobs: Jobs,
    mails: Mails,
) -> None:
    services.send_reset_link(agent.email, base_url="http://host", now=NOW)
    waiting = session.scalars(select(Mail.body).where(Mail.kind == "password_reset")).one()
    session.rollback()
    run_jobs()
    sent = session.scalars(select(Mail.body).where(Mail.kind == "password_reset")).one()

    path = _LINK.search(mails(agent.email)[-1])
    assert path
    token = path[1].rsplit("/", 1)[1]
    assert "http" not in waiting
    assert sent == ""
    assert (
        session.scalar(
            text("SELECT count(*) FROM cp.mailed_links m WHERE m::text LIKE '%' || :token || '%'"),
            {"token": token},
        )
        == 0
    )


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00", "..%2F..", "A" * 5000])
def test_a_link_that_nobody_sent_says_so(browser: Browser, token: str) -> None:
    for page in ("new-password", "welcome"):
        assert browser.get(f"/{page}/{token}").status_code == 404


def test_an_invitation_is_no_reset_and_the_other_way_round(
    browser: Browser, reset_path: Callable[[], str]
) -> None:
    path = reset_path()

    assert browser.get(path.replace("new-password", "welcome")).status_code == 404


@pytest.fixture
def administrator(session: Session, org: OrganizationFacts) -> Actor:
    """Return who invites."""
    person = make_person(org.id, Role.TENANT_ADMINISTRATOR)
    return Actor(
        user_id=person.id,
        email=person.email,
        name="Lindiwe Khumalo",
        org_id=org.id,
        roles=frozenset({Role.TENANT_ADMINISTRATOR}),
    )


def _invite(email: str, *roles: Role) -> None:
    services.invite(
        email=email,
        name="Sipho Ndlovu",
        roles=frozenset(roles or {Role.UNDERWRITER}),
        base_url="http://host",
        now=clock.now(),
    )


def test_an_invited_person_chooses_a_password_and_gets_to_work(
    browser: Browser, org: OrganizationFacts, administrator: Actor, run_jobs: Jobs, mails: Mails
) -> None:
    email = f"sipho-{org.id.hex}@insurer.example"
    with acting_as(administrator):
        _invite(email)
    run_jobs()
    mail = mails(email)[0]
    path = _LINK.search(mail)
    assert path
    welcome = browser.get(path[1])
    chosen = browser.post(path[1], password=NEW)

    assert chosen.status_code == 303
    assert chosen.location == "/"
    assert f"Lindiwe Khumalo has given you access to {org.name}" in " ".join(mail.split())
    assert "Sipho Ndlovu" in welcome.text
    assert browser.get(f"/{org.slug}/quotes").status_code == 200
    assert browser.get(f"/{org.slug}/people").status_code == 403


def test_nobody_signs_in_before_choosing_a_password(
    browser: Browser, org: OrganizationFacts, administrator: Actor
) -> None:
    email = f"early-{org.id.hex}@insurer.example"
    with acting_as(administrator):
        _invite(email)

    for guess in ("", " ", "None", "nobody has this password"):
        assert browser.sign_in(email, guess).status_code == 422


def test_an_invitation_works_for_seven_days_and_can_be_sent_again(
    browser: Browser,
    org: OrganizationFacts,
    session: Session,
    administrator: Actor,
    run_jobs: Jobs,
    mails: Mails,
) -> None:
    email = f"late-{org.id.hex}@insurer.example"
    with clock.frozen(NOW), acting_as(administrator):
        _invite(email)
        run_jobs()
    first = _LINK.search(mails(email)[-1])
    assert first
    with clock.frozen(NOW + timedelta(days=6, hours=23)):
        assert browser.get(first[1]).status_code == 200
    with clock.frozen(NOW + timedelta(days=7)):
        assert browser.get(first[1]).status_code == 404
        user = queries.find_user_by_email(session, email)
        assert user
        services.resend_invitation(user.id, base_url="http://host", now=clock.now())
        run_jobs()
        again = _LINK.findall("".join(mails(email)))
        assert [browser.get(path).status_code for path in set(again)].count(200) == 1


def test_somebody_of_another_insurer_is_a_stranger_until_the_invitation_is_accepted(
    browser: Browser,
    agent: PersonFacts,
    org: OrganizationFacts,
    session: Session,
    sign_in: Callable[..., SignedInClient],
) -> None:
    second = make_organization(session_idle_minutes=5)
    admin = sign_in(organization=second)
    with platform_scope():
        session.execute(
            text("UPDATE cp.users SET name = 'Nomsa Zulu' WHERE id = :id"), {"id": agent.id}
        )
        session.commit()
    with tenant_scope(second.id):
        services.invite(
            email=agent.email,
            name="Whatever they are called here",
            roles=frozenset({Role.AUDITOR}),
            base_url="http://host",
            now=clock.now(),
        )
        mail = session.scalars(select(Mail)).one()
        assert (mail.kind, mail.recipient) == ("access_offered", agent.email)
        assert "/welcome/" not in mail.body, "sealed until it leaves"
        words = crypto.decrypt(second.id, "mails", "body", mail.id, mail.body)
    link = _LINK.findall(words)[0]
    browser.sign_in(agent.email, PASSWORD)
    listed = admin.get(admin.url("/people")).text
    assert "Whatever they are called here" in listed
    assert "Nomsa Zulu" not in admin.get(admin.url(f"/people/{agent.id}")).text
    assert browser.get(f"/{second.slug}/").status_code == 404
    with clock.frozen(clock.now() + timedelta(minutes=6)):
        assert browser.get(f"/{org.slug}/").status_code == 200, "their idle time is not mine"

    assert "Auditor" in browser.get(link).text
    browser.post(link)
    assert browser.get(link).status_code == 404

    browser.sign_in(agent.email, PASSWORD)
    assert browser.get(f"/{second.slug}/").status_code == 200
    assert "Whatever they are called here" not in admin.get(admin.url("/people")).text


def test_an_idle_browser_signs_in_again_where_the_open_organization_asks_for_it(
    browser: Browser, agent: PersonFacts, org: OrganizationFacts, session: Session
) -> None:
    strict = make_organization(session_idle_minutes=5)
    with tenant_scope(strict.id), transaction() as writing:
        people._give_roles(
            writing, agent.id, frozenset({Role.AUDITOR}), clock.now(), accepted_at=clock.now()
        )
    browser.sign_in(agent.email, PASSWORD)
    with clock.frozen(clock.now() + timedelta(minutes=6)):
        asked = browser.get(f"/{strict.slug}/")

    assert asked.status_code in (302, 303)
    assert "/sign-in" in asked.location


def test_who_was_removed_comes_back_with_nothing_from_before(
    app: Flask, org: OrganizationFacts, session: Session
) -> None:
    with app.app_context():
        boss = make_person(org.id, Role.TENANT_ADMINISTRATOR)
        person = make_person(org.id, Role.AGENT)
        key = api_key_for(person, org.id)
        window = session_for(app, person, org)
        pair = services.open_grant(person.id, org.id, now=clock.now())
    key_user, token_user = app.test_client(), app.test_client()
    key_user.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    token_user.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {pair.access_token}"
    doors = (
        lambda: window.get(window.url("/")).status_code,
        lambda: key_user.get("/api/v1/customers").status_code,
        lambda: token_user.get("/api/v1/customers").status_code,
    )
    assert [door() for door in doors] == [200, 200, 200]

    with tenant_scope(org.id), acting_as(Actor(user_id=boss.id, org_id=org.id)):
        services.change_roles(person.id, frozenset(), now=clock.now())
        assert [door() for door in doors] == [404, 401, 401]
        with transaction() as writing:
            services.add_user(
                writing,
                email=person.email,
                name="Thandi",
                password=PASSWORD,
                roles=frozenset({Role.AGENT}),
                now=clock.now(),
            )

    assert [door() for door in doors] == [404, 401, 401]
    with pytest.raises(DomainError):
        services.refresh_grant(pair.refresh_token, now=clock.now())


def test_nobody_is_invited_twice(org: OrganizationFacts, administrator: Actor) -> None:
    email = f"twice-{org.id.hex}@insurer.example"
    with acting_as(administrator):
        _invite(email)
        with pytest.raises(ConflictError, match="already belongs"):
            _invite(email.upper())


def test_an_insurer_cannot_make_platform_administrators(
    org: OrganizationFacts, administrator: Actor, session: Session
) -> None:
    with acting_as(administrator), pytest.raises(DomainError, match="roles on the list"):
        _invite("boss@insurer.example", Role.PLATFORM_ADMINISTRATOR)
    with tenant_scope(PLATFORM_ORG_ID), pytest.raises(DomainError, match="roles on the list"):
        _invite("boss@insurer.example", Role.TENANT_ADMINISTRATOR)
    assert queries.find_user_by_email(session, "boss@insurer.example") is None


def test_what_is_not_an_address_gets_no_mail(
    org: OrganizationFacts, administrator: Actor, session: Session
) -> None:
    with acting_as(administrator), pytest.raises(DomainError) as refusal:
        _invite("a@x.example\r\nBcc: everybody@x.example")

    assert refusal.value.field == "email"
    assert session.scalar(select(func.count()).select_from(Mail)) == 0


def test_expired_links_sessions_and_counts_are_tidied_away(
    browser: Browser, agent: PersonFacts, session: Session
) -> None:
    with clock.frozen(NOW):
        services.send_reset_link(agent.email, base_url="http://host", now=NOW)
        browser.sign_in(agent.email, "not the password")
        services.delete_expired(now=NOW)
        assert _rows(session, agent) == 1
        services.delete_expired(now=NOW + timedelta(days=2))
        assert _rows(session, agent) == 0


def _rows(session: Session, person: PersonFacts) -> int:
    with platform_scope():
        return (
            session.scalar(
                select(func.count())
                .select_from(MailedLink)
                .where(MailedLink.user_id == person.id, MailedLink.kind == LinkKind.PASSWORD_RESET)
            )
            or 0
        )


def test_a_link_cannot_be_used_by_somebody_who_was_removed_meanwhile(
    org: OrganizationFacts, session: Session, administrator: Actor, run_jobs: Jobs, mails: Mails
) -> None:
    email = f"gone-{org.id.hex}@insurer.example"
    with acting_as(administrator):
        _invite(email)
    run_jobs()
    user = queries.find_user_by_email(session, email)
    assert user
    services.change_roles(user.id, frozenset(), now=clock.now())
    token = re.search(r"/welcome/([\w-]+)", mails(email)[-1])
    with pytest.raises(NotFoundError):
        services.use_link(
            token[1] if token else "", LinkKind.INVITATION, password=NEW, now=clock.now()
        )
