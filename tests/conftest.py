"""The world tests run in: real servers, one database a worker, a fresh organization a test."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck
from hypothesis import settings as examples
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from insurance.app import create_app
from insurance.cli.migrate import upgrade
from insurance.core.bootstrap import bootstrap_server
from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.core.settings import Settings, load_settings, with_driver
from insurance.core.tenancy import tenant_scope
from tests.factories.identity import (
    SignedInClient,
    TestClient,
    api_key_for,
    make_person,
    session_for,
)
from tests.factories.organizations import OrganizationFacts, make_organization
from tests.invariants.watching import MARKER, Books
from tests.servers import environment_of, only_one, shared_services

# Files that a worker takes minutes for: whoever began one last would end alone.
_LONGEST = ("oracle", "browser", "journeys", "api", "lapses", "migrations", "month_end")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders of the longest files; mark what is told where the database is."""
    items.sort(key=lambda item: item.path.parent.name not in _LONGEST)
    for item in items:
        if "servers" in getattr(item, "fixturenames", ()):
            item.add_marker("sql")


@pytest.fixture(scope="session")
def books() -> Iterator[Books]:
    """Return the books that tests work on, of which each promise is asked after every test."""
    with Books() as books:
        yield books


@pytest.fixture(autouse=True)
def promises_are_kept(request: pytest.FixtureRequest, books: Books) -> Iterator[None]:
    """Hold every test that worked for an organization to the promises of tests/invariants."""
    books.forget()
    yield
    if request.node.get_closest_marker(MARKER) is not None:
        books.give_up()
        return
    broken = books.broken()
    assert not broken, "\n".join(broken)


# A busy machine is no fault of the code: an example may take as long as it takes.
examples.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
examples.load_profile("suite")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return the folder that all workers of this run see."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "main" else own.parent


@pytest.fixture(scope="session")
def servers(shared_folder: Path, books: Books) -> Iterator[tuple[str, str]]:
    """Return the administrator's database URL and the queue's URL: given ones, or embedded."""
    with ExitStack() as stack:
        database_url, redis_url = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
        if not (database_url and redis_url):
            services = stack.enter_context(shared_services(shared_folder))
            database_url, redis_url = (
                database_url or services.admin_url,
                redis_url or services.redis_url,
            )
        books.admin_url = database_url
        yield database_url, redis_url


@pytest.fixture(scope="session")
def template(
    servers: tuple[str, str], shared_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Return the name of the database that the first worker migrates and every other copies."""
    name = "insurance_test_template"
    with only_one(shared_folder / "template.lock"):
        migrated = shared_folder / "template.migrated"
        if not migrated.exists():
            bootstrap_server(servers[0], name, recreate=True)
            instance = tmp_path_factory.mktemp("template")
            upgrade(load_settings(environment_of(servers, name, instance)))
            migrated.touch()
    return name


@pytest.fixture(scope="session")
def settings(
    servers: tuple[str, str],
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
) -> Settings:
    """Return the settings of a migrated database of this worker's own."""
    database = f"insurance_test_{worker_id}"
    bootstrap_server(servers[0], database, recreate=True, template=template)
    own_servers = servers[0], _database_of(servers[1], worker_id)
    return load_settings(environment_of(own_servers, database, tmp_path_factory.mktemp("instance")))


def _database_of(redis_url: str, worker_id: str) -> str:
    """Return the URL of a numbered database for each parallel worker: they share no queue."""
    return f"{redis_url}{'&' if '?' in redis_url else '?'}db={worker_id.removeprefix('gw') if worker_id.startswith('gw') else 0}"


@pytest.fixture(scope="session")
def app(settings: Settings) -> Flask:
    """Return the application."""
    app = create_app(settings)
    app.test_client_class = TestClient
    return app


@pytest.fixture
def admin_connection(servers: tuple[str, str], settings: Settings) -> Iterator:
    """Return a connection of the database's superuser, for looking behind the scenes."""
    url = make_url(with_driver(servers[0])).set(database=make_url(settings.database_url).database)
    engine = create_engine(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def org(app: Flask) -> OrganizationFacts:
    """Return a life insurer of this test's own."""
    with app.app_context():
        return make_organization(licence_type="LIFE")


@pytest.fixture
def other_org(app: Flask) -> OrganizationFacts:
    """Return another life insurer, whose data nobody here may see."""
    with app.app_context():
        return make_organization(licence_type="LIFE")


@pytest.fixture
def non_life_org(app: Flask) -> OrganizationFacts:
    """Return a non-life insurer of this test's own."""
    with app.app_context():
        return make_organization(licence_type="NON_LIFE")


@pytest.fixture
def session(app: Flask, org: OrganizationFacts) -> Iterator[Session]:
    """Return a session in the organization's scope; services called in the test work there too."""
    with app.app_context(), tenant_scope(org.id):
        yield db.session()


@pytest.fixture
def client(app: Flask) -> TestClient:
    """Return a browser that nobody signed in with."""
    return app.test_client()  # type: ignore[return-value]


@pytest.fixture
def sign_in(app: Flask, org: OrganizationFacts) -> Callable[..., SignedInClient]:
    """Return a function that signs a new person in, by default as tenant administrator."""

    def signed_in(
        role: Role = Role.TENANT_ADMINISTRATOR, organization: OrganizationFacts | None = None
    ) -> SignedInClient:
        with app.app_context():
            person = make_person((organization or org).id, role)
            return session_for(app, person, organization or org)

    return signed_in


@pytest.fixture
def api(app: Flask, org: OrganizationFacts) -> Callable[..., TestClient]:
    """Return a function that gives an API client with a new person's key."""

    def with_key(
        role: Role = Role.TENANT_ADMINISTRATOR, organization: OrganizationFacts | None = None
    ) -> TestClient:
        client = app.test_client()
        with app.app_context():
            person = make_person((organization or org).id, role)
            key = api_key_for(person, (organization or org).id)
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        return client  # type: ignore[return-value]

    return with_key


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """Return this worker's name, also where tests do not run in parallel."""
    return getattr(request.config, "workerinput", {}).get("workerid", "main")
