"""Whatever a test does to policies, the history gives the present and the money agrees."""

from collections.abc import Iterator

import pytest
from flask import Flask

from insurance.core.tenancy import tenant_scope
from insurance.policies.replay import find_differences
from tests.factories.organizations import OrganizationFacts


@pytest.fixture(autouse=True)
def everything_agrees(request: pytest.FixtureRequest) -> Iterator[None]:
    """Replay the test's organization at its end."""
    wants_world = "org" in request.fixturenames
    app: Flask | None = request.getfixturevalue("app") if wants_world else None
    org: OrganizationFacts | None = request.getfixturevalue("org") if wants_world else None
    yield
    if app is not None and org is not None:
        with app.app_context(), tenant_scope(org.id):
            assert find_differences()[1] == []
