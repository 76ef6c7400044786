"""A client that a tool generates from the document works without a hand's help."""

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx
import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from insurance.core.permissions import Role
from tests.api import node
from tests.factories.book import make_book
from tests.factories.identity import TestClient, api_key_for, make_person
from tests.factories.organizations import OrganizationFacts

_PACKAGE = "generated_insurance_client"


@pytest.fixture
def generated(client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the Python client that openapi-python-client makes of the document."""
    document = tmp_path / "openapi.json"
    document.write_bytes(client.get("/api/v1/openapi.json").data)
    made = subprocess.run(
        [
            sys.executable,
            "-m",
            "openapi_python_client",
            "generate",
            "--path",
            str(document),
            "--meta",
            "none",
            "--output-path",
            str(tmp_path / _PACKAGE),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout
    # It has no name for a file of several types; every other operation is there whole.
    left_out = [line for line in made.stdout.splitlines() if line.startswith(("WARNING", "ERROR"))]
    assert all(
        line.endswith(("/letter within claims.", "/file within claims.")) for line in left_out
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return importlib.import_module(_PACKAGE)


def _module(generated: ModuleType, name: str) -> Any:
    return importlib.import_module(f"{generated.__name__}.{name}")


def test_a_generated_python_client_captures_a_customer_and_reads_a_policy(
    generated: ModuleType, app: Flask, org: OrganizationFacts, session: Session
) -> None:
    book = make_book()
    key = api_key_for(make_person(org.id, Role.TENANT_ADMINISTRATOR), org.id)
    session.rollback()
    caller = generated.AuthenticatedClient(
        base_url="http://insurer/api/v1",
        token=key,
        raise_on_unexpected_status=True,
        httpx_args={"transport": httpx.WSGITransport(app=app)},
    )
    body = _module(generated, "models").CustomerBody(first_name="Naledi", last_name="Khumalo")
    body.date_of_birth = _module(generated, "types").UNSET
    body.passport_number, body.passport_country = "A1234567", "BW"

    made = _module(generated, "api.customers.create_customer").sync(client=caller, body=body)
    found = _module(generated, "api.policies.get_policy_detail").sync(book.policy_id, client=caller)
    missing = _module(generated, "api.customers.get_customer").sync(UUID(int=7), client=caller)

    assert isinstance(made, _module(generated, "models").CustomerAnswer), made
    assert (made.last_name, made.passport_country) == ("Khumalo", "BW")
    assert str(found.to_dict()).count("PL-") >= 1
    assert (type(missing).__name__, missing.status) == ("Problem", 404)


@pytest.fixture
def typescript(client: TestClient, tmp_path: Path) -> Path:
    """Return a folder with the TypeScript client of the document, checked and built."""
    if not node.MODULES.exists():
        pytest.skip("npm could install nothing at the setup: make -B .venv/.dev")
    folder = tmp_path / "typescript"
    shutil.copytree(node.SOURCES, folder)
    (folder / "node_modules").symlink_to(node.MODULES)
    (folder / "openapi.json").write_bytes(client.get("/api/v1/openapi.json").data)
    made = node.run("node_modules/.bin/openapi-ts", "--silent", folder=folder)
    assert made.returncode == 0, made.stdout + made.stderr
    checked = node.run("node_modules/.bin/tsc", "--project", ".", folder=folder)
    assert checked.returncode == 0, checked.stdout
    return folder


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Return the address of the running application."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


def test_a_generated_typescript_client_captures_and_reads_and_is_told_what_is_wrong(
    typescript: Path, address: str, org: OrganizationFacts, session: Session
) -> None:
    book = make_book()
    key = api_key_for(make_person(org.id, Role.TENANT_ADMINISTRATOR), org.id)
    session.rollback()

    done = node.run(
        *("built/program.js", f"{address}/api/v1", key, str(book.policy_id)), folder=typescript
    )

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["made"] in said["listed"]
    assert (said["read"], said["policy"][:3]) == ("Khumalo", "PL-")
    assert said["missing"] == [404, 404]
    assert said["refused"] == [422, ["/passport_country"]]
