"""Signing in and out on the pages."""

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core.permissions import Role
from tests.factories.identity import PASSWORD, PersonFacts, make_person, with_password
from tests.factories.organizations import OrganizationFacts
from tests.identity.browser import Browser


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app)


@pytest.fixture
def agent(session: Session, org: OrganizationFacts) -> PersonFacts:
    return with_password(make_person(org.id, Role.AGENT))


def test_a_person_signs_in_and_lands_in_the_organization(
    browser: Browser, agent: PersonFacts, org: OrganizationFacts, session: Session
) -> None:
    answer = browser.sign_in(agent.email, PASSWORD)

    assert (answer.status_code, answer.location) == (303, "/")
    assert browser.get("/").location == f"/{org.slug}/"
    row = session.scalars(select(AuditEvent).where(AuditEvent.action == "identity.sign_in")).one()
    assert (row.user_id, row.role, row.channel) == (agent.id, "agent", "BROWSER")
