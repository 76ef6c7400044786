"""People and browsers of the identity tests."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core.jobs import OutboxJob
from insurance.core.permissions import Role
from insurance.core.settings import Settings
from insurance.core.tenancy import PLATFORM_ORG_ID, tenant_scope
from insurance.jobs import outbox
from tests.factories.identity import PersonFacts, make_person, with_password
from tests.factories.organizations import OrganizationFacts
from tests.identity.browser import Browser

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@pytest.fixture
def browser(app: Flask) -> Browser:
    """Return a browser that nobody has signed in with."""
    return Browser(app)


@pytest.fixture
def other_browser(app: Flask) -> Browser:
    """Return a second browser."""
    return Browser(app)


@pytest.fixture
def agent(session: Session, org: OrganizationFacts) -> PersonFacts:
    """Return an agent of the organization who can sign in."""
    return with_password(make_person(org.id, Role.AGENT))


@pytest.fixture
def run_jobs(session: Session, org: OrganizationFacts) -> Callable[[], None]:
    """Return a function that does what the worker would do now, for this test and the platform."""

    def run() -> None:
        for org_id in (PLATFORM_ORG_ID, org.id):
            with tenant_scope(org_id):
                open_jobs = session.scalars(
                    select(OutboxJob.id).where(
                        OutboxJob.org_id == org_id, OutboxJob.done_at.is_(None)
                    )
                ).all()
                session.rollback()
            for job_id in open_jobs:
                outbox.run(str(org_id), str(job_id))

    return run


@pytest.fixture
def mails(settings: Settings) -> Callable[[str], list[str]]:
    """Return a function that gives the words of the mails somebody has received, oldest first."""

    def received(address: str) -> list[str]:
        folder = settings.instance / "mail"
        found = sorted(folder.glob("*.eml")) if folder.exists() else []
        texts = [path.read_text() for path in found]
        return [text for text in texts if f"To: {address}\n" in text]

    return received
