"""The platform's administrator, and forms that carry what a page shows."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from insurance.core.db import db
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.core.tenancy import PLATFORM_ORG_ID, tenant_scope
from tests.factories.identity import SignedInClient, api_key_for, make_person, session_for
from tests.factories.organizations import OrganizationFacts

PLATFORM = OrganizationFacts(PLATFORM_ORG_ID, "platform", "Platform")


@pytest.fixture
def platform(app: Flask) -> SignedInClient:
    """Return a browser in which a platform administrator is signed in."""
    with app.app_context():
        person = make_person(PLATFORM_ORG_ID, Role.PLATFORM_ADMINISTRATOR)
        return session_for(app, person, PLATFORM)


@pytest.fixture
def platform_key(app: Flask) -> str:
    """Return a platform administrator's API key."""
    with app.app_context():
        person = make_person(PLATFORM_ORG_ID, Role.PLATFORM_ADMINISTRATOR)
        return api_key_for(person, PLATFORM_ORG_ID)


@pytest.fixture
def slug() -> str:
    """Return a slug that nobody has."""
    return f"insurer-{new_id().hex[-12:]}"


@pytest.fixture
def session_of(app: Flask) -> Iterator[Callable[[OrganizationFacts], Session]]:
    """Return a function that gives a session in an organization's scope."""
    from contextlib import ExitStack

    with app.app_context(), ExitStack() as scopes:

        def enter(org: OrganizationFacts) -> Session:
            scopes.enter_context(tenant_scope(org.id))
            return db.session()

        yield enter
