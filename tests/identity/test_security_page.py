"""One's own security: password, browsers, preferences."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core import clock
from insurance.core.permissions import Role
from insurance.core.tenancy import platform_scope
from insurance.identity import services
from insurance.identity.models import User
from insurance.web.sessions import hash_of
from tests.factories.identity import PASSWORD, PersonFacts, make_person, session_for
from tests.factories.organizations import OrganizationFacts
from tests.identity.browser import Browser

NEW = "kgalagadi wind at four"


@pytest.fixture
def signed_in(browser: Browser, agent: PersonFacts) -> Browser:
    """Return a browser the agent is signed in with."""
    browser.sign_in(agent.email, PASSWORD)
    return browser


def _change(browser: Browser, old: str, new: str) -> int:
    return browser.post("/security", old=old, password=new).status_code


def test_changing_the_password_keeps_this_browser_and_ends_the_others(
    signed_in: Browser, other_browser: Browser, agent: PersonFacts, org: OrganizationFacts
) -> None:
    other_browser.sign_in(agent.email, PASSWORD)
    pair = services.open_grant(agent.id, org.id, now=clock.now())
    before = signed_in.cookie

    assert _change(signed_in, PASSWORD, NEW) == 303
    assert signed_in.get(f"/{org.slug}/").status_code == 200
    assert signed_in.cookie != before
    assert other_browser.get(f"/{org.slug}/").status_code == 303
    assert services.authenticate_bearer(pair.access_token, now=clock.now()) is None
    assert other_browser.sign_in(agent.email, PASSWORD).status_code == 422
    assert other_browser.sign_in(agent.email, NEW).status_code == 303


def test_the_owner_of_the_account_is_told_by_mail(
    signed_in: Browser,
    agent: PersonFacts,
    run_jobs: Callable[[], None],
    mails: Callable[[str], list[str]],
) -> None:
    _change(signed_in, PASSWORD, NEW)
    run_jobs()

    assert "Subject: Your password was changed" in mails(agent.email)[0]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("a guess at it", NEW, "That is not your password."),
        (PASSWORD, "short", "at least 12"),
        (PASSWORD, "Password2026!!", "first that anybody"),
        (PASSWORD, "thandi mokoena 1", "Leave out your name"),
        ("", NEW, "Enter your password now."),
    ],
)
def test_a_refused_password_says_why_and_changes_nothing(
    signed_in: Browser, other_browser: Browser, agent: PersonFacts, old: str, new: str, why: str
) -> None:
    answer = signed_in.post("/security", old=old, password=new)

    assert answer.status_code == 422
    assert why in answer.text
    assert "<title>Error:" in answer.text
    assert other_browser.sign_in(agent.email, PASSWORD).status_code == 303


def test_guessing_the_old_password_makes_the_address_wait(
    signed_in: Browser, agent: PersonFacts
) -> None:
    for _ in range(5):
        _change(signed_in, "a guess at it", NEW)

    answer = signed_in.post("/security", old=PASSWORD, password=NEW)
    assert "Too many failures" in answer.text


def test_a_person_sees_the_browsers_and_ends_one(
    signed_in: Browser, other_browser: Browser, agent: PersonFacts, org: OrganizationFacts
) -> None:
    other_browser.client.environ_base["HTTP_USER_AGENT"] = "Mozilla (Windows) Firefox/153.0"
    other_browser.sign_in(agent.email, PASSWORD)
    handle = hash_of(other_browser.cookie or "").hex()
    shown = signed_in.get("/security").text
    signed_in.post(f"/security/browsers/{handle}/end", page="/security")

    assert "Firefox on Windows" in shown
    assert "This browser" in shown
    assert other_browser.get(f"/{org.slug}/").status_code == 303
    assert signed_in.get(f"/{org.slug}/").status_code == 200


@pytest.mark.parametrize("handle", ["00" * 32, "zz", "0", "00" * 5000])
def test_a_browser_that_is_not_there_cannot_be_ended(signed_in: Browser, handle: str) -> None:
    answer = signed_in.post(f"/security/browsers/{handle}/end", page="/security")

    assert answer.status_code == 404


def test_nobody_ends_somebody_elses_browser(
    app: Flask, signed_in: Browser, org: OrganizationFacts
) -> None:
    colleague = session_for(app, make_person(org.id, Role.AGENT), org)
    cookie = colleague.get_cookie(app.config["SESSION_COOKIE_NAME"])
    assert cookie
    answer = signed_in.post(
        f"/security/browsers/{hash_of(cookie.value).hex()}/end", page="/security"
    )

    assert answer.status_code == 404
    assert colleague.get(colleague.url("/")).status_code == 200


def test_signing_out_everywhere_keeps_this_browser_alone(
    signed_in: Browser, other_browser: Browser, agent: PersonFacts, org: OrganizationFacts
) -> None:
    other_browser.sign_in(agent.email, PASSWORD)
    pair = services.open_grant(agent.id, org.id, now=clock.now())
    signed_in.post("/security/sign-out-everywhere", page="/security")

    assert signed_in.get(f"/{org.slug}/").status_code == 200
    assert other_browser.get(f"/{org.slug}/").status_code == 303
    assert services.authenticate_bearer(pair.access_token, now=clock.now()) is None


def test_a_session_ended_while_it_answers_does_not_come_back_to_life(
    app: Flask, agent: PersonFacts, org: OrganizationFacts, session: Session
) -> None:
    client = session_for(app, agent, org)
    handle = session.scalar(
        text("SELECT id_hash FROM cp.sessions WHERE user_id = :id"), {"id": agent.id}
    )
    session.rollback()

    def end_meanwhile(_response: object) -> object:
        with platform_scope():
            services.end_session(agent.id, handle)
        return _response

    app.after_request_funcs.setdefault(None, []).append(end_meanwhile)
    try:
        # The theme is stored in the session's message, so the session is written at the end.
        client.post("/preferences", data={"theme": "dark", "density": "", "keys": ""})
    finally:
        app.after_request_funcs[None].remove(end_meanwhile)

    assert client.get(client.url("/")).status_code == 303


def test_preferences_show_on_the_next_page(signed_in: Browser, org: OrganizationFacts) -> None:
    signed_in.post("/preferences", page="/security", theme="dark", density="roomy", keys="off")
    page = signed_in.get(f"/{org.slug}/").text

    assert 'data-theme="dark"' in page
    assert 'data-density="roomy"' in page
    assert 'data-keys="off"' in page


def test_a_preference_that_does_not_exist_is_not_stored(
    signed_in: Browser, agent: PersonFacts, session: Session
) -> None:
    signed_in.post("/preferences", page="/security", theme="<script>", density="x", keys="y")

    with platform_scope():
        assert session.scalar(select(User.preferences).where(User.id == agent.id)) == {}


def test_the_theme_switches_and_leads_back_to_the_page_or_home(
    signed_in: Browser, org: OrganizationFacts
) -> None:
    back = signed_in.post("/theme", page="/security", next=f"/{org.slug}/quotes")
    away = signed_in.post("/theme", page="/security", next="https://evil.example")

    assert back.location == f"/{org.slug}/quotes"
    assert away.location == "/"


def test_everything_a_person_does_to_the_account_is_recorded(
    signed_in: Browser, session: Session
) -> None:
    signed_in.post("/theme", page="/security")
    _change(signed_in, PASSWORD, NEW)
    signed_in.post("/security/sign-out-everywhere", page="/security")

    rows = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [row.action for row in rows] == [
        "identity.sign_in",
        "identity.set_preferences",
        "identity.change_password",
        "identity.sign_out_everywhere",
    ]
    assert all(row.request_id and row.ip for row in rows)
    assert not any("argon2" in str(row.after) + str(row.before) for row in rows)


@pytest.mark.parametrize(
    "path",
    [
        "/security",
        "/preferences",
        "/security/second-factor",
        "/security/recovery-codes",
        "/security/second-factor/off",
    ],
)
def test_these_pages_ask_to_sign_in_first(browser: Browser, path: str) -> None:
    answer = browser.get(path)

    assert answer.status_code == 303
    assert answer.location.startswith("/sign-in")


def test_a_page_from_before_a_sign_in_gets_the_token_that_counts_now(
    signed_in: Browser, browser: Browser, other_browser: Browser
) -> None:
    token = signed_in.get("/session-token").text

    assert signed_in.client.post("/theme", headers={"X-CSRFToken": token}).status_code == 303
    assert other_browser.get("/session-token").status_code == 303
