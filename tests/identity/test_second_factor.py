"""The second factor: codes of an app, recovery codes, and who must have one."""

import re
from datetime import timedelta

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core import clock
from insurance.core.errors import DomainError
from insurance.core.permissions import Role
from insurance.core.tenancy import platform_scope
from insurance.identity import services
from insurance.identity.models import RecoveryCode, User
from tests.factories.identity import (
    PASSWORD,
    PersonFacts,
    make_person,
    session_for,
    with_password,
    with_second_factor,
)
from tests.factories.organizations import OrganizationFacts, make_organization
from tests.identity.browser import Browser
from tests.identity.conftest import NOW

STEP = timedelta(seconds=30)


@pytest.fixture
def phone(agent: PersonFacts) -> pyotp.TOTP:
    """Return the agent's authenticator app."""
    return with_second_factor(agent, at=NOW - timedelta(days=1))


def _enter(browser: Browser, agent: PersonFacts, code: str) -> int:
    browser.sign_in(agent.email, PASSWORD)
    return browser.post("/sign-in/code", code=code).status_code


def test_the_password_alone_opens_nothing(
    browser: Browser, agent: PersonFacts, phone: pyotp.TOTP, org: OrganizationFacts
) -> None:
    answer = browser.sign_in(agent.email, PASSWORD)

    assert answer.location.startswith("/sign-in/code")
    assert browser.get(f"/{org.slug}/").status_code == 303


def test_password_and_code_together_sign_in_under_a_new_identifier(
    browser: Browser, agent: PersonFacts, phone: pyotp.TOTP, org: OrganizationFacts
) -> None:
    with clock.frozen(NOW):
        browser.sign_in(agent.email, PASSWORD, wanted=f"/{org.slug}/quotes")
        half_way = browser.cookie
        answer = browser.post(f"/sign-in/code?next=/{org.slug}/quotes", code=phone.at(NOW))

        assert answer.location == f"/{org.slug}/quotes"
        assert browser.cookie != half_way
        assert browser.get(f"/{org.slug}/quotes").status_code == 200


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_clock_half_a_minute_off_is_forgiven(
    browser: Browser, agent: PersonFacts, phone: pyotp.TOTP, steps: int
) -> None:
    with clock.frozen(NOW):
        assert _enter(browser, agent, phone.at(NOW + steps * STEP)) == 303


@pytest.mark.parametrize("steps", [-2, 2, 100])
def test_a_code_of_another_time_is_refused(
    browser: Browser, agent: PersonFacts, phone: pyotp.TOTP, steps: int
) -> None:
    with clock.frozen(NOW):
        assert _enter(browser, agent, phone.at(NOW + steps * STEP)) == 422


def test_each_code_works_once_even_while_it_is_valid(
    browser: Browser, other_browser: Browser, agent: PersonFacts, phone: pyotp.TOTP
) -> None:
    with clock.frozen(NOW):
        assert _enter(browser, agent, phone.at(NOW)) == 303
        assert _enter(other_browser, agent, phone.at(NOW)) == 422
        assert _enter(other_browser, agent, phone.at(NOW - STEP)) == 422
        assert _enter(other_browser, agent, phone.at(NOW + STEP)) == 303


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "١٢٣٤٥٦", "0" * 300, "'; --"])
def test_what_is_no_code_is_refused(
    browser: Browser, agent: PersonFacts, phone: pyotp.TOTP, code: str
) -> None:
    with clock.frozen(NOW):
        assert _enter(browser, agent, code) == 422


def test_who_knows_the_password_cannot_try_out_codes_without_end(
    browser: Browser, agent: PersonFacts, phone: pyotp.TOTP
) -> None:
    with clock.frozen(NOW):
        for _ in range(5):
            _enter(browser, agent, "000000")
        answer = browser.sign_in(agent.email, PASSWORD)

    assert "Too many failures" in answer.text


def test_the_code_page_is_closed_to_who_gave_no_password(browser: Browser) -> None:
    assert browser.get("/sign-in/code").location == "/sign-in"


def _set_up(browser: Browser) -> list[str]:
    page = browser.get("/security/second-factor").text
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert secret, page
    answer = browser.post(
        "/security/second-factor",
        code=pyotp.TOTP(secret[1]).at(clock.now()),
        password=PASSWORD,
    )
    return re.findall(r"<code>([a-z2-7-]{19})</code>", answer.text)


def test_setting_up_an_app_shows_ten_recovery_codes_once(
    browser: Browser, agent: PersonFacts, session: Session
) -> None:
    with clock.frozen(NOW):
        browser.sign_in(agent.email, PASSWORD)
        before = browser.cookie
        codes = _set_up(browser)

        assert len(set(codes)) == 10
        assert browser.cookie != before
        assert codes[0] not in browser.get("/security").text
    actions = session.scalars(select(AuditEvent.action)).all()
    assert "identity.enable_mfa" in actions


def test_a_borrowed_browser_sets_up_no_first_app_without_the_password(
    browser: Browser, agent: PersonFacts, session: Session
) -> None:
    browser.sign_in(agent.email, PASSWORD)
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", browser.get("/security/second-factor").text)
    assert secret
    code = pyotp.TOTP(secret[1]).at(clock.now())

    for words in ({}, {"password": "a guess at it"}):
        assert browser.post("/security/second-factor", code=code, **words).status_code == 422
    assert not session.scalars(select(RecoveryCode).where(RecoveryCode.user_id == agent.id)).all()


def test_the_codes_that_set_the_app_up_cannot_sign_in_again(
    browser: Browser, other_browser: Browser, agent: PersonFacts, session: Session
) -> None:
    with clock.frozen(NOW):
        browser.sign_in(agent.email, PASSWORD)
        page = browser.get("/security/second-factor").text
        secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)
        code = pyotp.TOTP(secret[1] if secret else "").at(NOW)
        browser.post("/security/second-factor", code=code, password=PASSWORD)

        assert _enter(other_browser, agent, code) == 422


def test_neither_secret_nor_recovery_codes_can_be_read_in_the_database(
    browser: Browser, agent: PersonFacts, session: Session
) -> None:
    with clock.frozen(NOW):
        browser.sign_in(agent.email, PASSWORD)
        page = browser.get("/security/second-factor").text
        secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)
        assert secret
        pending = session.scalar(
            text("SELECT data::text FROM cp.sessions WHERE user_id = :id"), {"id": agent.id}
        )
        session.rollback()
        codes = _set_up(browser)
    stored = session.scalar(
        text("SELECT totp_secret FROM cp.users WHERE id = :id"), {"id": agent.id}
    )
    hashes = session.scalars(
        select(RecoveryCode.code_hash).where(RecoveryCode.user_id == agent.id)
    ).all()

    assert secret[1] not in str(pending)
    assert secret[1] not in str(stored)
    assert len(hashes) == 10
    assert not any(codes[0].replace("-", "").encode() in row for row in hashes)


def test_a_recovery_code_signs_in_once_however_it_is_typed(
    browser: Browser, other_browser: Browser, agent: PersonFacts
) -> None:
    with clock.frozen(NOW):
        browser.sign_in(agent.email, PASSWORD)
        code = _set_up(browser)[3]

        assert _enter(other_browser, agent, f" {code.replace('-', ' ').upper()} ") == 303
        other_browser.post("/sign-out", page="/security")
        assert _enter(other_browser, agent, code) == 422


def test_one_persons_recovery_code_is_worth_nothing_to_another(
    app: Flask, browser: Browser, agent: PersonFacts, session: Session, org: OrganizationFacts
) -> None:
    colleague = with_password(make_person(org.id, Role.AGENT))
    with_second_factor(colleague)
    with clock.frozen(NOW):
        browser.sign_in(agent.email, PASSWORD)
        code = _set_up(browser)[0]

        assert _enter(Browser(app), colleague, code) == 422


def test_new_recovery_codes_end_the_earlier_ones(
    browser: Browser, other_browser: Browser, agent: PersonFacts
) -> None:
    with clock.frozen(NOW):
        browser.sign_in(agent.email, PASSWORD)
        early = _set_up(browser)
        answer = browser.post("/security/recovery-codes", password=PASSWORD)
        late = re.findall(r"<code>([a-z2-7-]{19})</code>", answer.text)

        assert len(late) == 10
        assert _enter(other_browser, agent, early[0]) == 422
        assert _enter(other_browser, agent, late[0]) == 303


@pytest.mark.parametrize(
    "path", ["/security/recovery-codes", "/security/second-factor/off", "/security/second-factor"]
)
def test_a_borrowed_browser_cannot_change_the_second_factor_without_the_password(
    browser: Browser, agent: PersonFacts, session: Session, path: str
) -> None:
    with clock.frozen(NOW):
        browser.sign_in(agent.email, PASSWORD)
        _set_up(browser)
        answer = browser.post(path, password="a guess at it", code="123456")

    assert answer.status_code == 422
    assert "That is not your password" in answer.text
    with platform_scope():
        assert session.scalar(select(User.totp_enabled_at).where(User.id == agent.id)) == NOW


def test_switching_the_second_factor_off_takes_the_recovery_codes_with_it(
    browser: Browser, agent: PersonFacts, session: Session
) -> None:
    with clock.frozen(NOW):
        browser.sign_in(agent.email, PASSWORD)
        _set_up(browser)
        browser.post("/security/second-factor/off", password=PASSWORD)

    with platform_scope():
        assert session.scalar(select(User.totp_secret).where(User.id == agent.id)) is None
        left = session.scalars(select(RecoveryCode).where(RecoveryCode.user_id == agent.id)).all()
        assert left == []


def test_where_it_is_demanded_a_person_sets_it_up_before_anything_else(
    app: Flask, session: Session
) -> None:
    strict = make_organization(requires_mfa=True)
    client = session_for(app, make_person(strict.id, Role.AGENT), strict)
    guarded = session_for(app, make_person(strict.id, Role.AGENT), strict)
    with_second_factor(guarded.person)

    for path in ("/", "/customers", "/policies", "/quotes"):
        answer = client.get(client.url(path))
        assert (answer.status_code, answer.location) == (302, "/security/second-factor")
    assert strict.name in client.get("/security/second-factor").text
    assert guarded.get(guarded.url("/")).status_code == 200


def test_an_encrypted_secret_moved_to_another_person_is_unreadable(
    browser: Browser,
    agent: PersonFacts,
    phone: pyotp.TOTP,
    session: Session,
    org: OrganizationFacts,
) -> None:
    thief = with_password(make_person(org.id, Role.AGENT))
    with platform_scope():
        sealed = session.scalar(select(User.totp_secret).where(User.id == agent.id))
        session.execute(
            update(User).where(User.id == thief.id).values(totp_secret=sealed, totp_enabled_at=NOW)
        )
        session.commit()
    with pytest.raises(ValueError, match="cannot be read"):
        services.check_code(thief.id, phone.at(NOW), now=NOW)
    # People are kept beside the tenants: what nobody can read must not stay for the next test.
    with platform_scope():
        session.execute(
            update(User).where(User.id == thief.id).values(totp_secret=None, totp_enabled_at=None)
        )
        session.commit()


def test_the_second_factor_cannot_be_switched_on_with_a_wrong_code(agent: PersonFacts) -> None:
    with pytest.raises(DomainError, match="not right"):
        services.enable_mfa(agent.id, services.new_totp_secret(), "000000", now=NOW)
