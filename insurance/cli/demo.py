"""`insurance demo`: everything on this machine, with demonstration data, under one supervisor."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import click
from redis import Redis

from insurance.cli.migrate import upgrade
from insurance.core.bootstrap import bootstrap_server
from insurance.core.settings import Settings, SettingsError, load_settings
from insurance.embedded import InstanceInUseError, ServiceError, Services, die_with_parent

_STOP_SECONDS = 15
_BEGAN = time.monotonic()
_ROOT = Path(__file__).resolve().parents[2]


@click.command()
def demo() -> None:
    """Start database, queue, web server and worker, with two insurers to try.

    Listens on 127.0.0.1 only; PORT (8080) and INSURANCE_INSTANCE (./instance) can be set. Ctrl-C
    stops everything; what was saved is there at the next start.
    """
    environ = os.environ | {"INSURANCE_MODE": "demo"}
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    _refuse_wide_address(environ)
    supervisor = _Supervisor(settings, environ)
    signal.signal(signal.SIGTERM, supervisor.ask_to_stop)
    signal.signal(signal.SIGINT, supervisor.ask_to_stop)
    try:
        supervisor.run()
    except (InstanceInUseError, ServiceError) as error:
        raise click.ClickException(str(error)) from error


def say(words: str) -> None:
    """Say what is done now, with the seconds since the command began."""
    click.echo(f"[{time.monotonic() - _BEGAN:4.0f} s] {words}")


def prepare(settings: Settings, services: Services | None, database: str = "insurance") -> None:
    """Bring the schema up to date and fill an empty platform with the demonstration.

    A mark in the instance is there from its first row to its last: where it was killed in between
    it is made anew, in a database of our own, and refused in another.
    """
    from insurance.app import create_app
    from insurance.seeding.demo import is_seeded, seed_demo

    say("Bringing the database to the newest schema …")
    unfinished = settings.instance / "demonstration-unfinished"
    if services is not None:
        if unfinished.exists():
            say("The demonstration data was not finished. It is made anew …")
            Redis.from_url(services.redis_url).flushdb()
        bootstrap_server(services.admin_url, database, recreate=unfinished.exists())
    elif unfinished.exists():
        raise ServiceError(
            "The demonstration data in this database was not finished. Empty the database and"
            f" delete {unfinished}."
        )
    upgrade(settings)
    app = create_app(settings)
    if is_seeded(app):
        say("The demonstration data is there from the last time.")
        return
    say("Making two insurers with two years of business, once, in about a minute …")
    unfinished.touch()
    seed_demo(app, say)
    unfinished.unlink()


class _Supervisor:
    """Starts the parts in order, starts again what dies, stops them in the reverse order."""

    def __init__(self, settings: Settings, environ: dict[str, str]) -> None:
        self.settings = settings
        self.environ = environ
        self.services: Services | None = None
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.started: dict[str, float] = {}
        self.stopping = False

    def ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        """Stop at the next turn of the loop."""
        self.stopping = True

    def run(self) -> None:
        """Run until asked to stop."""
        began = time.monotonic()
        if "DATABASE_URL" not in self.environ:
            say("Starting PostgreSQL and Valkey …")
            self.services = Services(self.settings.instance)
            self.services.start()
        try:
            _refuse_taken_port(self.settings.port)
            prepare(self.settings, self.services)
            say("Starting the web server and a worker …")
            for name, arguments in self._commands().items():
                self._start(name, arguments)
            self._wait_for_web()
            _greet(self.settings, time.monotonic() - began)
            while not self.stopping:
                self._restart_dead()
                time.sleep(0.3)
        finally:
            self._stop()

    def _commands(self) -> dict[str, list[str]]:
        command = [sys.executable, "-m", "insurance"]
        return {"web": [*command, "serve"], "worker": [*command, "worker"]}

    def _start(self, name: str, arguments: list[str]) -> None:
        log_path = self.settings.instance / f"{name}.log"
        with log_path.open("ab") as log:
            self.children[name] = subprocess.Popen(
                arguments,
                cwd=_ROOT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        self.started[name] = time.monotonic()

    def _restart_dead(self) -> None:
        if self.services is not None:
            for name in self.services.restart_dead():
                click.echo(f"{name} had stopped and was started again.")
        for name, arguments in self._commands().items():
            child = self.children[name]
            if child.poll() is not None and time.monotonic() - self.started[name] > 1:
                click.echo(f"{name} had stopped (status {child.returncode}) and was started again.")
                self._start(name, arguments)

    def _wait_for_web(self) -> None:
        _wait_until(lambda: _is_open(self.settings.port), 30, "The web server did not start.")

    def _stop(self) -> None:
        click.echo("Stopping …")
        for name in reversed(list(self.children)):
            child = self.children[name]
            if child.poll() is None:
                child.terminate()
        for child in self.children.values():
            try:
                child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if self.services is not None:
            self.services.stop()


_TASKS = (
    ("Quote and sell", "agent", "quotes/new"),
    ("Assess claims", "assessor", "claims?tab=open"),
    ("Debit, reconcile, end the month", "finance", "debit-orders"),
    ("Decide what colleagues ask", "manager", "approvals"),
    ("Design a product", "underwriter", "products"),
    ("People, keys and settings", "admin", "people"),
    ("Follow who did what", "auditor", "audit-logs"),
)
"""What to try, with the login that does it and the page where it begins."""


def _greet(settings: Settings, seconds: float) -> None:
    from insurance.seeding.demo import PASSWORD

    click.echo(f"\nReady in {seconds:.0f} s:  {settings.base_url}\n")
    click.echo(f"Password of every demonstration login:  {PASSWORD}\n")
    for task, login, path in _TASKS:
        address = f"{settings.base_url}/ubuntu-life/{path}"
        click.echo(f"  {task:32} {login + '@ubuntu-life.example':32} {address}")
    address = f"{settings.base_url}/platform/organizations"
    click.echo(f"  {'Open another insurer':32} {'platform@insurance.example':32} {address}")
    click.echo("\nThe same logins @karoo-general.example work at a non-life insurer.")
    click.echo("Ctrl-C stops everything.")


def _refuse_wide_address(environ: dict[str, str]) -> None:
    host = environ.get("HOST", "127.0.0.1")
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise click.ClickException(
            "The demo has known passwords, so it listens on 127.0.0.1 only. Unset HOST."
        )


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ServiceError(
                f"Port {port} is in use. Choose another with PORT, such as PORT=8081 make demo."
            ) from error


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_until(condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ServiceError(otherwise)
        time.sleep(0.1)
