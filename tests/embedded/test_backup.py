"""What the README says of a new server, a backup and a restore, done as it says."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from insurance.audit_logs import sealing
from insurance.cli import main
from insurance.core import clock
from insurance.core.settings import Settings, without_driver
from insurance.embedded import Services, _postgresql_binary
from tests.factories.book import make_book
from tests.factories.organizations import OrganizationFacts

OWNER_PASSWORD, APP_PASSWORD = "own er:%1", "app-2"


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[Services]:
    """Return another server, on which the product's roles must give a password."""
    with Services(tmp_path / "new") as services:
        rules = services.instance / "postgresql" / "pg_hba.conf"
        asking = "".join(f"local all {role} scram-sha-256\n" for role in ("ins_owner", "ins_app"))
        rules.write_text(asking + rules.read_text())
        with psycopg.connect(services.admin_url, autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")
        yield services


def _url(services: Services, role: str, password: str, database: str) -> str:
    url = make_url(services.url(role, database)).set(password=password)
    return url.render_as_string(hide_password=False)


def _settings_of(services: Services, database: str, instance: Path) -> dict[str, str]:
    return {
        "INSURANCE_MODE": "test",
        "INSURANCE_INSTANCE": str(instance),
        "DATABASE_URL": _url(services, "ins_app", APP_PASSWORD, database),
        "DATABASE_OWNER_URL": _url(services, "ins_owner", OWNER_PASSWORD, database),
        "REDIS_URL": services.redis_url,
    }


def _run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env=environment)


def _postgresql(name: str, *arguments: str) -> None:
    ended = subprocess.run(
        [str(_postgresql_binary(name)), *arguments], capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr.decode()


def test_a_new_server_is_prepared_by_one_command_and_both_roles_get_their_passwords(
    new_server: Services, settings: Settings
) -> None:
    environment = _settings_of(new_server, "insurance", settings.instance)

    first = _run(environment, "migrate", "--admin-url", new_server.admin_url)
    again = _run(environment, "migrate")

    assert (first.exit_code, again.exit_code) == (0, 0), first.output + str(first.exception)
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("ins_app",)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(_url(new_server, "ins_app", "wrong", "insurance"))


def test_a_backup_is_restored_on_another_server_and_proves_itself(
    new_server: Services,
    servers: tuple[str, str],
    settings: Settings,
    org: OrganizationFacts,
    session: Session,
    tmp_path: Path,
) -> None:
    book = make_book()
    sealing.seal_events(settings.seal_key, now=clock.now())
    session.rollback()
    source = make_url(without_driver(servers[0]))
    database = str(make_url(settings.database_url).database)
    backup = source.set(username="ins_backup", database=database)

    _postgresql(
        "pg_dump",
        "--format=custom",
        f"--file={tmp_path / 'insurance.dump'}",
        backup.render_as_string(hide_password=False),
    )
    environment = _settings_of(new_server, "restored", settings.instance)
    prepared = _run(environment, "migrate", "--admin-url", new_server.admin_url)
    assert prepared.exit_code == 0, prepared.output

    _postgresql(
        "pg_restore",
        "--clean",
        "--if-exists",
        "--exit-on-error",
        f"--dbname={make_url(new_server.admin_url).set(database='restored').render_as_string()}",
        str(tmp_path / "insurance.dump"),
    )

    for proof in (("audit", "verify"), ("replay", "verify")):
        proved = _run(environment, *proof, "--org", org.slug)
        assert proved.exit_code in (0, 3), proved.output  # 3: intact, and no anchors here
    with psycopg.connect(new_server.admin_url.replace("/postgres?", "/restored?")) as connection:
        found = connection.execute(
            "SELECT count(*) FROM ins.policies WHERE id = %s", [book.policy_id]
        ).fetchone()
    assert found == (1,)
