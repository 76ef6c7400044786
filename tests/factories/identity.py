"""People, signed-in browsers and API keys for tests."""

import hashlib
import re
import secrets
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pyotp
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import update
from werkzeug.test import TestResponse

from insurance.core import clock, crypto
from insurance.core.db import db
from insurance.core.ids import new_id
from insurance.core.permissions import Role, granted_to
from insurance.core.tenancy import PLATFORM_ORG_ID, platform_scope
from insurance.identity.models import ApiKey, Membership, User, WebSession
from insurance.identity.passwords import hash_password
from insurance.web.sessions import hash_of
from tests.factories.contract import check_answer
from tests.factories.organizations import OrganizationFacts


@dataclass(frozen=True)
class PersonFacts:
    """What a test needs to know of a person."""

    id: UUID
    email: str
    role: Role


PASSWORD = "the river bends north"
"""What people in tests sign in with, where they have a password."""


# In a field of several lines a browser shows each line as it was typed.
_WHITE = re.compile(r"(?P<typed><textarea\b.*?</textarea>)|[ \t\r\n]+", re.DOTALL)


class TestClient(FlaskClient):
    """A client whose requests see nothing of the test's own context: no scope, no session, no g."""

    __test__ = False

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request from an empty context, with the clock as the test holds it."""
        moment = clock._frozen.get()
        return Context().run(self._open_at, moment, args, kwargs)

    def _open_at(self, moment: Any, args: Any, kwargs: Any) -> TestResponse:
        if moment is None:
            return self._checked(super().open(*args, **kwargs))
        with clock.frozen(moment):
            return self._checked(super().open(*args, **kwargs))

    def _checked(self, answer: TestResponse) -> TestResponse:
        asked = answer.request
        check_answer(self.application, asked.method, asked.path, answer)
        return answer


class SignedInClient(TestClient):
    """A signed-in browser. It sends the CSRF token with every request, as the pages do.

    Of a page it gives the white space that a browser shows: a space for any run of it.
    """

    person: PersonFacts
    org: OrganizationFacts

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request."""
        answer = super().open(*args, **kwargs)
        if answer.mimetype == "text/html" and not answer.content_encoding:
            text = answer.get_data(as_text=True)
            answer.set_data(_WHITE.sub(lambda run: run["typed"] or " ", text))
        return answer

    def url(self, path: str) -> str:
        """Return a path inside the organization."""
        return f"/{self.org.slug}{path}"

    def htmx(self, path: str, method: str = "GET", **kwargs: Any) -> TestResponse:
        """Send a request as htmx does for a part of a page."""
        headers = {"HX-Request": "true", "HX-Request-Type": "partial"} | kwargs.pop("headers", {})
        return self.open(path, method=method, headers=headers, **kwargs)


def make_person(org_id: UUID, *roles: Role, email: str | None = None) -> PersonFacts:
    """Return a new person with roles in an organization (no password)."""
    user_id, now = new_id(), clock.now()
    email = email or f"{roles[0].value}-{user_id.hex[-12:]}@insurer.example"
    with platform_scope():
        session = db.session()
        session.add(User(id=user_id, email=email, name="Thandi Mokoena", created_at=now))
        for role in roles:
            session.add(
                Membership(
                    user_id=user_id, org_id=org_id, role=role, created_at=now, accepted_at=now
                )
            )
        session.commit()
    return PersonFacts(user_id, email, roles[0])


def with_password(person: PersonFacts, password: str = PASSWORD) -> PersonFacts:
    """Give a person a password, so that somebody can sign in by hand."""
    with platform_scope():
        session = db.session()
        session.execute(
            update(User)
            .where(User.id == person.id)
            .values(password_hash=hash_password(password), password_changed_at=clock.now())
        )
        session.commit()
    return person


def with_second_factor(person: PersonFacts, *, at: datetime | None = None) -> pyotp.TOTP:
    """Give a person an authenticator app and return it."""
    secret, moment = pyotp.random_base32(), at or clock.now() - timedelta(hours=1)
    sealed = crypto.encrypt(PLATFORM_ORG_ID, "users", "totp_secret", person.id, secret)
    with platform_scope():
        session = db.session()
        session.execute(
            update(User)
            .where(User.id == person.id)
            .values(totp_secret=sealed, totp_enabled_at=moment)
        )
        session.commit()
    return pyotp.TOTP(secret)


def session_for(app: Flask, person: PersonFacts, org: OrganizationFacts) -> SignedInClient:
    """Return a browser in which a person is signed in."""
    raw_token = secrets.token_hex(20)
    identifier = session_identifier(person, raw_token)
    client = SignedInClient(app, app.response_class, use_cookies=True)
    client.set_cookie(app.config["SESSION_COOKIE_NAME"], identifier)
    signer = URLSafeTimedSerializer(app.config["SECRET_KEY"], salt="wtf-csrf-token")
    client.environ_base["HTTP_X_CSRFTOKEN"] = signer.dumps(raw_token)
    client.person, client.org = person, org
    return client


def session_identifier(person: PersonFacts, raw_token: str | None = None) -> str:
    """Return the identifier of a new session in which a person is signed in."""
    identifier, now = secrets.token_urlsafe(32), clock.now()
    raw_token = raw_token or secrets.token_hex(20)
    with platform_scope():
        session = db.session()
        session.add(
            WebSession(
                id_hash=hash_of(identifier),
                user_id=person.id,
                data={"_user_id": str(person.id), "_fresh": True, "csrf_token": raw_token},
                created_at=now,
                last_seen_at=now,
                expires_at=now + timedelta(hours=12),
            )
        )
        session.commit()
    return identifier


def api_key_for(person: PersonFacts, org_id: UUID) -> str:
    """Return a new API key with everything the person's role may do."""
    key, now = f"ins_live_{secrets.token_urlsafe(32)}", clock.now()
    with platform_scope():
        session = db.session()
        session.add(
            ApiKey(
                org_id=org_id,
                user_id=person.id,
                name="test",
                key_hash=hashlib.sha256(key.encode()).digest(),
                hint=key[-4:],
                scopes=[permission.value for permission in granted_to(frozenset({person.role}))],
                created_at=now,
                expires_at=now + timedelta(days=30),
            )
        )
        session.commit()
    return key
