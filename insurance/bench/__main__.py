"""`make bench`: speed as ratios in one run, on a book of its own."""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path

import psutil
import psycopg
from flask import Flask

from insurance.app import create_app
from insurance.bench import claims, pricing, reconciliation, servicing
from insurance.bench.load import Measured, measure
from insurance.cli.demo import say
from insurance.cli.migrate import upgrade
from insurance.core import clock
from insurance.core.bootstrap import bootstrap_server
from insurance.core.db import db
from insurance.core.settings import load_settings
from insurance.core.tenancy import platform_scope, tenant_scope
from insurance.embedded import Services
from insurance.identity.models import WebSession
from insurance.identity.queries import find_user_by_email
from insurance.jobs import claims as claims_jobs
from insurance.jobs import lapses as lapses_jobs
from insurance.jobs import ledger as ledger_jobs
from insurance.organizations.queries import find_entry
from insurance.policies.queries import get_portfolio
from insurance.seeding.book import seed_book
from insurance.seeding.demo import is_seeded, seed_demo
from insurance.web.sessions import hash_of

SLUG = "ubuntu-life"
PART = {"HX-Request": "true", "HX-Request-Type": "partial"}


def main() -> None:
    """Seed a book, measure the routes side by side, then pricing below HTTP."""
    arguments = _arguments()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with _folder(arguments.instance) as folder:
        environ = os.environ | {
            "INSURANCE_MODE": "demo",
            "INSURANCE_INSTANCE": folder,
            "PORT": str(arguments.port),
        }
        say("Starting PostgreSQL and Valkey …")
        with Services(Path(folder)) as services:
            app = _prepare(services, environ, arguments.policies)
            say("Starting the web server …")
            web = _serve(environ, arguments.port)
            try:
                with app.app_context():
                    cookie = _sign_in()
                say(f"Asking for each list and page for {arguments.seconds:.0f} seconds …")
                measured = _measure(
                    arguments, cookie, web, psutil.Process(services.pid("postgresql"))
                )
                _print(measured)
                say("Money: payments, then claims …")
                servicing.payments(arguments.port, SLUG, services.url("ins_owner", "insurance"))
                claims.flow(arguments.port, SLUG, services.url("ins_owner", "insurance"))
            finally:
                web.terminate()
                web.wait(15)
            with _inside(app):
                say("Bank files, then the replay of the book …")
                reconciliation.run(min(reconciliation.ROWS, arguments.policies))
                servicing.replay()
    say("Pricing below HTTP, 5 benefits, one core …")
    pricing.run()


def _folder(kept: Path | None) -> AbstractContextManager[str]:
    return nullcontext(str(kept)) if kept else tempfile.TemporaryDirectory(prefix="bench-")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policies", type=int, default=400_000, help="size of the tenant's book")
    parser.add_argument("--instance", type=Path, help="keep the book here for the next run")
    parser.add_argument("--seconds", type=float, default=6, help="how long each route is asked")
    parser.add_argument("--port", type=int, default=8091)
    return parser.parse_args()


def _prepare(services: Services, environ: dict[str, str], policies: int) -> Flask:
    """Fill the tenant with so many policies and its claims, and keep its figures once."""
    say("Bringing the database to the newest schema …")
    bootstrap_server(services.admin_url, "insurance")
    settings = load_settings(environ)
    upgrade(settings)
    app = create_app(settings)
    if not is_seeded(app):
        say("Making the demonstration first, in about a minute …")
        seed_demo(app, say)
    _fill_book(app, policies)
    say(f"Filling up to {claims.CLAIMS:,} claims …")
    claims.fill(services.url("ins_owner", "insurance"), SLUG)
    say("Letting PostgreSQL look at the tables …")
    with psycopg.connect(services.url("postgres", "insurance"), autocommit=True) as admin:
        admin.execute("VACUUM ANALYZE")
    say("Keeping the lists and counts that a worker would keep …")
    _keep_figures(app)
    return app


def _fill_book(app: Flask, policies: int) -> None:
    with _inside(app):
        missing = policies - get_portfolio(db.session()).policies
        if missing > 0:
            say(f"Making {missing:,} policies, some four minutes for 400,000 on two cores …")
            began = time.monotonic()
            seed_book(
                missing,
                processes=os.cpu_count() or 1,
                on_progress=lambda done: say(f"{done:,} of {missing:,} policies"),
            )
            rate = missing / (time.monotonic() - began)
            say(f"{missing:,} policies made at {rate:.0f} a second")


def _keep_figures(app: Flask) -> None:
    """Do what the worker does every few seconds and minutes: no worker runs here."""
    with _inside(app):
        lapses_jobs.keep_arrears_list()
        ledger_jobs.count_transfers()
        claims_jobs.count_claims()


@contextmanager
def _inside(app: Flask) -> Iterator[None]:
    """Work in the measured tenant."""
    with app.app_context():
        with platform_scope():
            entry = find_entry(db.session(), SLUG)
        assert entry is not None
        with tenant_scope(entry.org_id):
            yield


def _sign_in() -> str:
    """Return the session cookie of the tenant's auditor, who may read every list."""
    identifier, now = secrets.token_urlsafe(32), clock.now()
    with platform_scope():
        session = db.session()
        user = find_user_by_email(session, f"auditor@{SLUG}.example")
        assert user is not None
        session.add(
            WebSession(
                id_hash=hash_of(identifier),
                user_id=user.id,
                data={"_user_id": str(user.id), "_fresh": True, "csrf_token": "0" * 40},
                created_at=now,
                last_seen_at=now,
                expires_at=now + timedelta(hours=1),
            )
        )
        session.commit()
    return f"session={identifier}"


def _serve(environ: dict[str, str], port: int) -> subprocess.Popen[bytes]:
    web = subprocess.Popen(
        [sys.executable, "-m", "insurance", "serve"], env=environ, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if web.poll() is not None:
            raise RuntimeError(f"The web server did not start; is port {port} taken?")
        try:
            measure_ready(port)
        except OSError:
            time.sleep(0.2)
        else:
            return web
    web.terminate()
    raise RuntimeError("The web server did not start.")


def measure_ready(port: int) -> None:
    """Ask once whether the server answers. Raises OSError while it does not."""
    import urllib.request

    urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).close()


def _measure(
    arguments: argparse.Namespace,
    cookie: str,
    web: subprocess.Popen[bytes],
    database: psutil.Process,
) -> list[Measured]:
    master = psutil.Process(web.pid)
    routes = (
        ("plain ok", "/healthz", {}),
        ("policy list, 25 rows", f"/{SLUG}/policies", PART | {"Cookie": cookie}),
        ("policy list, search", f"/{SLUG}/policies?q=khumalo", PART | {"Cookie": cookie}),
        ("claims list, 25 rows", f"/{SLUG}/claims", PART | {"Cookie": cookie}),
        ("claims in breach", f"/{SLUG}/claims?tab=sla_breaches", PART | {"Cookie": cookie}),
        ("arrears, in grace", f"/{SLUG}/lapses?state=IN_GRACE", PART | {"Cookie": cookie}),
        ("loss ratio", f"/{SLUG}/claims/loss-ratio", {"Cookie": cookie}),
        ("dashboard", f"/{SLUG}/", {"Cookie": cookie}),
    )
    return [
        measure(
            name,
            arguments.port,
            path,
            dict(headers),
            web=master.children(),
            database=database,
            seconds=arguments.seconds,
        )
        for name, path, headers in routes
    ]


def _print(measured: list[Measured]) -> None:
    plain = measured[0]
    base = plain.web_cpu + plain.database_cpu
    print(
        f"\n{'route':24}{'req/s':>8}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms web':>12}{'db':>7}{'x ok':>8}"
    )
    for one in measured:
        cpu = one.web_cpu + one.database_cpu
        print(
            f"{one.name:24}{one.rate:8.0f}{one.p50:9.1f}{one.p99:9.1f}{one.web_cpu:12.2f}"
            f"{one.database_cpu:7.2f}{cpu / base:8.1f}"
        )


if __name__ == "__main__":
    main()
