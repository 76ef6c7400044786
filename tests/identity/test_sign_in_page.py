"""Signing in and out on the pages."""

import re
import statistics
import time
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent, Outcome
from insurance.core import clock
from insurance.core.permissions import Role
from insurance.core.tenancy import PLATFORM_ORG_ID, platform_scope, tenant_scope
from insurance.identity.models import Membership, User, WebSession
from insurance.web.html import safe_path
from insurance.web.sessions import hash_of
from tests.factories.identity import PASSWORD, PersonFacts, make_person, session_for, with_password
from tests.factories.organizations import OrganizationFacts, make_organization
from tests.identity.browser import Browser
from tests.identity.conftest import NOW

NOBODY = "nobody@nowhere.example"


def test_a_person_signs_in_and_lands_in_the_organization(
    browser: Browser, agent: PersonFacts, org: OrganizationFacts, session: Session
) -> None:
    answer = browser.sign_in(agent.email.upper(), PASSWORD)

    assert (answer.status_code, answer.location) == (303, "/")
    assert browser.get("/").location == f"/{org.slug}/"
    row = session.scalars(select(AuditEvent).where(AuditEvent.action == "identity.sign_in")).one()
    assert (row.user_id, row.role, row.channel) == (agent.id, "agent", "BROWSER")


def test_a_person_who_was_on_the_way_to_a_page_is_taken_there(
    browser: Browser, agent: PersonFacts, org: OrganizationFacts
) -> None:
    asked = browser.get(f"/{org.slug}/customers?q=dlamini")
    answer = browser.post(asked.location, email=agent.email, password=PASSWORD)

    assert asked.status_code == 303
    assert answer.location == f"/{org.slug}/customers?q=dlamini"


def test_who_is_signed_in_already_is_not_asked_again(browser: Browser, agent: PersonFacts) -> None:
    browser.sign_in(agent.email, PASSWORD)

    assert browser.get("/sign-in").status_code == 303


def _plain(page: str) -> str:
    """Return a page without what differs each time."""
    page = re.sub(r'(content|value)="[^"]{30,}"', "", page)
    page = re.sub(r'name="_key" value="[^"]+"', "", page)
    return re.sub(r'value="[^"]*@[^"]*"', "", page)


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    browser: Browser, agent: PersonFacts
) -> None:
    wrong = browser.sign_in(agent.email, "not the password")
    unknown = browser.sign_in(NOBODY, "not the password")

    assert (wrong.status_code, unknown.status_code) == (422, 422)
    assert _plain(wrong.text) == _plain(unknown.text)
    assert "is not right" in wrong.text


def test_an_unknown_address_takes_as_long_as_a_known_one(
    app: Flask, session: Session, org: OrganizationFacts
) -> None:
    known = [with_password(make_person(org.id, Role.AGENT)).email for _ in range(4)]
    unknown = [f"{index}{NOBODY}" for index in range(4)]

    def seconds(addresses: list[str]) -> float:
        taken = []
        for address in addresses * 3:
            browser = Browser(app)
            start = time.perf_counter()
            browser.sign_in(address, "not the password")
            taken.append(time.perf_counter() - start)
        return statistics.median(taken)

    seconds(known[:1])
    assert 0.5 < seconds(known) / seconds(unknown) < 2


@pytest.mark.parametrize("is_known", [True, False])
def test_after_five_failures_in_a_row_the_address_has_to_wait(
    browser: Browser, agent: PersonFacts, is_known: bool
) -> None:
    address = agent.email if is_known else f"{agent.id.hex}@nowhere.example"
    with clock.frozen(NOW):
        answers = [browser.sign_in(address, "not the password") for _ in range(6)]

    assert all("is not right" in answer.text for answer in answers[:5])
    assert "Too many failures. Try again in 3 seconds." in answers[5].text


def test_the_right_password_waits_too_and_works_after_the_wait(
    browser: Browser, agent: PersonFacts
) -> None:
    with clock.frozen(NOW):
        for _ in range(5):
            browser.sign_in(agent.email, "not the password")
        early = browser.sign_in(agent.email, PASSWORD)
    with clock.frozen(NOW + timedelta(seconds=3)):
        later = browser.sign_in(agent.email, PASSWORD)

    assert early.status_code == 422
    assert later.status_code == 303


def test_a_success_forgets_the_failures_before_it(browser: Browser, agent: PersonFacts) -> None:
    with clock.frozen(NOW):
        for _ in range(4):
            browser.sign_in(agent.email, "not the password")
        browser.sign_in(agent.email, PASSWORD)
        browser.post("/sign-out", page="/security")
        answers = [browser.sign_in(agent.email, "not the password") for _ in range(4)]

    assert all("is not right" in answer.text for answer in answers)


def test_one_persons_failures_do_not_make_another_wait(
    browser: Browser, agent: PersonFacts, org: OrganizationFacts
) -> None:
    colleague = with_password(make_person(org.id, Role.AGENT))
    with clock.frozen(NOW):
        for _ in range(8):
            browser.sign_in(agent.email, "not the password")

        assert browser.sign_in(colleague.email, PASSWORD).status_code == 303


def test_failures_are_recorded_but_what_was_typed_is_not(
    browser: Browser, agent: PersonFacts, session: Session
) -> None:
    browser.sign_in(agent.email, "hunter2 hunter2")
    browser.sign_in("my secret by mistake@x", "hunter2 hunter2")

    row = session.scalars(select(AuditEvent).where(AuditEvent.action == "identity.password")).one()
    assert (row.outcome, row.user_label) == (Outcome.REFUSED, agent.email)
    with tenant_scope(PLATFORM_ORG_ID):
        found = session.scalars(
            select(AuditEvent)
            .where(AuditEvent.action == "identity.password")
            .order_by(AuditEvent.id.desc())
            .limit(1)
        ).one()
        assert found.user_label == "anonymous"
        kept = session.scalar(
            text("SELECT count(*) FROM ins.audit_events e WHERE e::text ~ 'secret by|hunter2'")
        )
        assert kept == 0


def test_a_session_from_before_the_sign_in_is_worth_nothing_after_it(
    app: Flask, browser: Browser, agent: PersonFacts, org: OrganizationFacts
) -> None:
    browser.get("/sign-in")
    planted = browser.cookie
    browser.sign_in(agent.email, PASSWORD)
    attacker = Browser(app)
    attacker.cookie = planted or ""

    assert browser.cookie != planted
    assert attacker.get(f"/{org.slug}/").status_code == 303
    assert browser.get(f"/{org.slug}/").status_code == 200


def test_a_session_identifier_made_up_by_somebody_is_not_taken_over(
    browser: Browser, agent: PersonFacts
) -> None:
    browser.cookie = "chosen-by-the-attacker"
    browser.sign_in(agent.email, PASSWORD)

    assert browser.cookie != "chosen-by-the-attacker"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    browser: Browser, agent: PersonFacts
) -> None:
    answer = browser.sign_in(agent.email, PASSWORD)

    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie


def test_the_database_holds_no_identifier_that_opens_a_session(
    browser: Browser, agent: PersonFacts, session: Session
) -> None:
    browser.sign_in(agent.email, PASSWORD)

    rows = session.scalars(select(WebSession).where(WebSession.user_id == agent.id)).all()
    assert [row.id_hash for row in rows] == [hash_of(browser.cookie or "")]


def test_signing_out_ends_the_session_for_whoever_copied_the_cookie(
    app: Flask, browser: Browser, agent: PersonFacts, org: OrganizationFacts
) -> None:
    browser.sign_in(agent.email, PASSWORD)
    thief = Browser(app)
    thief.cookie = browser.cookie or ""
    browser.post("/sign-out", page="/security")

    assert thief.get(f"/{org.slug}/").status_code == 303
    assert browser.get(f"/{org.slug}/").status_code == 303


def test_a_browser_left_alone_is_signed_out_after_the_organizations_minutes(
    app: Flask, session: Session
) -> None:
    org = make_organization(session_idle_minutes=10)
    person = make_person(org.id, Role.AGENT)
    with clock.frozen(NOW):
        client = session_for(app, person, org)
    with clock.frozen(NOW + timedelta(minutes=9)):
        assert client.get(client.url("/")).status_code == 200
    with clock.frozen(NOW + timedelta(minutes=18)):
        assert client.get(client.url("/")).status_code == 200
    with clock.frozen(NOW + timedelta(minutes=29)):
        assert client.get(client.url("/")).status_code == 303


def test_twelve_hours_after_the_sign_in_even_a_busy_browser_is_signed_out(
    app: Flask, session: Session, org: OrganizationFacts
) -> None:
    person = make_person(org.id, Role.AGENT)
    with clock.frozen(NOW):
        client = session_for(app, person, org)
    for quarters in range(1, 48):
        with clock.frozen(NOW + timedelta(minutes=15 * quarters)):
            assert client.get(client.url("/")).status_code == 200
    with clock.frozen(NOW + timedelta(hours=12)):
        assert client.get(client.url("/")).status_code == 303


def test_an_expired_session_asks_to_sign_in_over_the_page_and_swaps_nothing(
    browser: Browser, org: OrganizationFacts
) -> None:
    answer = browser.client.get(
        f"/{org.slug}/customers", headers={"HX-Request": "true", "HX-Request-Type": "partial"}
    )

    assert answer.status_code == 401
    assert answer.headers["HX-Retarget"] == "#dialogs"


def test_a_disabled_person_is_out_at_once_and_cannot_come_back(
    browser: Browser, agent: PersonFacts, org: OrganizationFacts, session: Session
) -> None:
    browser.sign_in(agent.email, PASSWORD)
    session.execute(update(User).where(User.id == agent.id).values(disabled_at=clock.now()))
    session.commit()

    assert browser.get(f"/{org.slug}/").status_code == 303
    assert browser.sign_in(agent.email, PASSWORD).status_code == 422


def test_somebody_who_was_removed_finds_no_organization_any_more(
    browser: Browser, agent: PersonFacts, org: OrganizationFacts, session: Session
) -> None:
    browser.sign_in(agent.email, PASSWORD)
    with platform_scope():
        for row in session.scalars(select(Membership).where(Membership.user_id == agent.id)):
            session.delete(row)
        session.commit()

    assert browser.get(f"/{org.slug}/").status_code == 404
    assert browser.get("/").status_code == 404


def test_a_person_of_two_organizations_works_in_either_and_in_no_third(
    browser: Browser, agent: PersonFacts, org: OrganizationFacts, session: Session
) -> None:
    second, third = make_organization(), make_organization()
    with platform_scope():
        session.add(
            Membership(
                user_id=agent.id,
                org_id=second.id,
                role=Role.AUDITOR,
                created_at=clock.now(),
                accepted_at=clock.now(),
            )
        )
        session.commit()
    browser.sign_in(agent.email, PASSWORD)

    assert browser.get("/").location == f"/{org.slug}/"
    assert browser.get(f"/open/{second.slug}").location == f"/{second.slug}/"
    assert browser.get("/").location == f"/{second.slug}/"
    assert browser.get(f"/{second.slug}/").status_code == 200
    assert browser.get(f"/{third.slug}/").status_code == 404
    assert browser.get(f"/open/{third.slug}").status_code == 404


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "///evil.example",
        "/%09/evil.example",
        "javascript:alert(1)",
        "/\tevil",
        "/x\n//evil",
        "http:evil.example",
        "/..//evil.example",
        "/a/../../evil",
        "/x@evil.example:80",
        "data:text/html,x",
        "/ünïcode",
        "/" + "a" * 600,
        "evil.example",
        "%2f%2fevil.example",
    ],
)
def test_a_sign_in_never_leads_to_another_site(
    browser: Browser, agent: PersonFacts, wanted: str
) -> None:
    answer = browser.client.get("/sign-in", query_string={"next": wanted})

    assert safe_path(wanted) == "/"
    assert answer.status_code == 200
    assert "evil" not in answer.text


def test_a_form_without_its_token_is_refused(browser: Browser, agent: PersonFacts) -> None:
    browser.get("/sign-in")
    answer = browser.client.post("/sign-in", data={"email": agent.email, "password": PASSWORD})

    assert answer.status_code == 403


def test_a_token_of_another_session_is_refused(
    browser: Browser, other_browser: Browser, agent: PersonFacts
) -> None:
    token = re.search(r'name="csrf-token" content="([^"]+)"', other_browser.get("/sign-in").text)
    browser.get("/sign-in")
    answer = browser.client.post(
        "/sign-in",
        data={"csrf_token": token and token[1], "email": agent.email, "password": PASSWORD},
    )

    assert answer.status_code == 403


def test_a_change_that_another_site_asks_for_is_refused_even_with_the_token(
    app: Flask, agent: PersonFacts, org: OrganizationFacts
) -> None:
    client = session_for(app, agent, org)

    assert client.post("/theme", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.post("/theme", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("", ""),
        ("\x00", "x"),
        ("a\r\nb@x.example", "x" * 13),
        ("x" * 5000, "y"),
        ("a@x.example", "y" * 100_000),
        ("' OR 1=1 --", "' OR 1=1 --"),
        ("İSTANBUL@x.example", "ẞß" * 10),
    ],
)
def test_odd_input_is_refused_at_the_form(browser: Browser, email: str, password: str) -> None:
    assert browser.sign_in(email, password).status_code == 422


def test_passwords_match_in_whatever_way_the_keyboard_composes_letters(
    browser: Browser, session: Session, org: OrganizationFacts
) -> None:
    person = with_password(make_person(org.id, Role.AGENT), "die rivi\u00ebr buig noord")

    assert browser.sign_in(person.email, "die rivie\u0308r buig noord").status_code == 303


def test_only_as_many_sessions_are_stored_as_browsers_are_signed_in(
    browser: Browser, agent: PersonFacts, session: Session
) -> None:
    browser.sign_in(agent.email, PASSWORD)
    browser.get("/security")

    count = session.scalar(
        select(func.count()).select_from(WebSession).where(WebSession.user_id == agent.id)
    )
    assert count == 1
