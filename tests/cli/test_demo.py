"""A demonstration that was killed while it was made is made anew at the next start."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from insurance.cli.demo import prepare
from insurance.core import clock
from insurance.core.bootstrap import bootstrap_server
from insurance.core.settings import Settings, with_driver
from insurance.embedded import ServiceError
from insurance.organizations.services import NewOrganization, create_organization
from insurance.seeding import demo as seeding

Organizations = Callable[[], dict[str, UUID]]


class Killed(BaseException):
    """What stands for the end of the process."""


@pytest.fixture
def database(worker_id: str) -> str:
    """Return the name of a database that the demonstration has to itself."""
    return f"insurance_demo_{worker_id}"


@pytest.fixture
def demonstration(
    servers: tuple[str, str], settings: Settings, database: str, tmp_path: Path
) -> Settings:
    """Return the settings of an instance that is empty."""
    bootstrap_server(servers[0], database, recreate=True)

    def on(url: str) -> str:
        return make_url(url).set(database=database).render_as_string(hide_password=False)

    return replace(
        settings,
        instance=tmp_path,
        database_url=on(settings.database_url),
        database_owner_url=on(settings.database_owner_url),
    )


@pytest.fixture
def organizations(servers: tuple[str, str], database: str) -> Iterator[Organizations]:
    """Return a function that looks up the insurers there are."""
    engine = create_engine(
        make_url(with_driver(servers[0])).set(database=database), poolclass=NullPool
    )

    def listed() -> dict[str, UUID]:
        with engine.connect() as connection:
            rows = connection.execute(
                text("SELECT slug, org_id FROM cp.org_directory WHERE kind = 'INSURER'")
            )
            return {row.slug: row.org_id for row in rows}

    yield listed
    engine.dispose()


@pytest.fixture
def services(servers: tuple[str, str], settings: Settings) -> Any:
    """Return the servers as those that the demonstration itself started."""
    return SimpleNamespace(admin_url=servers[0], redis_url=settings.redis_url)


def _opened(insurer: Any, _today: object) -> None:
    new = NewOrganization(name=insurer.name, slug=insurer.slug, licence_type=insurer.licence)
    create_organization(new, now=clock.now())


def _killed_after_the_first(insurer: Any, today: object) -> None:
    if insurer.slug == "karoo-general":
        raise Killed
    _opened(insurer, today)


def test_a_demonstration_killed_while_it_was_made_is_made_anew(
    demonstration: Settings,
    services: Any,
    database: str,
    organizations: Organizations,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(seeding, "_PARTS", (("the insurer", _killed_after_the_first),))
    with pytest.raises(Killed):
        prepare(demonstration, services, database)
    half = organizations()
    with pytest.raises(ServiceError, match="was not finished"):
        prepare(demonstration, None, database)

    monkeypatch.setattr(seeding, "_PARTS", (("the insurer", _opened),))
    prepare(demonstration, services, database)
    whole = organizations()
    prepare(demonstration, services, database)

    assert set(half) == {"ubuntu-life"}
    assert set(whole) == {"ubuntu-life", "karoo-general"}
    assert whole["ubuntu-life"] != half["ubuntu-life"]
    assert organizations() == whole
    said = capsys.readouterr().out
    assert re.search(r"\[ *\d+ s\] 2 of 2: Karoo General, the insurer", said)
    assert "It is made anew" in said
    assert "is there from the last time" in said
