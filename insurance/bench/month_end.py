"""`make bench-month-end POLICIES=N`: a month-end over ten insurers, beside the bare SQL of its rows.

The book is planned and applied by two workers. Then the same rows are written into a copy of the
database as it was before: chunk by chunk, by the application's role, with the same indexes,
constraints and row-level security, and nothing around it.
"""

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from flask import Flask

from insurance.app import create_app
from insurance.bench import month_end_floor as floor
from insurance.cli.migrate import upgrade
from insurance.core import clock
from insurance.core.bootstrap import bootstrap_server
from insurance.core.context import Actor, acting_as
from insurance.core.db import db
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.core.settings import Settings, load_settings
from insurance.core.tenancy import platform_scope, tenant_scope
from insurance.embedded import Services
from insurance.month_end import queries, services
from insurance.month_end.models import RunStatus, StepCode
from insurance.organizations.queries import find_entry
from insurance.organizations.services import NewOrganization, create_organization
from insurance.policies.services.schedule_steps import keep_schedules
from insurance.products.models import ProjectionType
from insurance.products.queries import list_products
from insurance.seeding.book import seed_book
from insurance.seeding.products import seed_life_products

WORKERS = 2
TENANTS = 10
LARGEST = Decimal("0.4")
TODAY = date(2026, 11, 20)
DAY = date(2026, 12, 20)
"""The book stands on one day, and month-end goes up to a month later."""
APPLY_TARGET, PLAN_TARGET, MEMORY_TARGET = 1.1, 0.8, 512
STEPS = frozenset(StepCode)
DAYS_OLD = (335, 700)
"""A year's worth of beginnings, so that a twelfth of the book has its anniversary in a month."""
_PAID = """
    UPDATE ins.premium_lines l SET paid_amount = amount, status = 'PAID', paid_date = due_date,
           payment_reference = 'bench'
    FROM ins.policies p
    WHERE p.org_id = l.org_id AND p.id = l.policy_id AND l.due_date <= %(until)s
      AND l.status <> 'PAID' AND (right(p.policy_number, 2)::int >= %(late)s)
"""
"""Six holders in a hundred are late, one of them since the month before."""
_CREDITED = """
    INSERT INTO ins.receipts (org_id, id, reference, reference_key, payer_key, occurrence, kind,
                              status, policy_id, amount, received_on, recorded_at, recorded_by)
    SELECT org_id, id, policy_number, policy_number, policy_number, 1, 'PAYMENT', 'POSTED', id, 25.00, %(on)s,
           now(), 'bench'
    FROM ins.policies WHERE right(policy_number, 2) IN ('03', '53')
"""
"""Two holders in a hundred have paid something ahead, one of them who is late."""
_WARNED = """
    INSERT INTO ins.premium_notices (org_id, id, policy_id, premium_line_id, kind, days_before,
                                     recipient, sent_on, registered_number)
    SELECT org_id, id, policy_id, id, 'NON_PAYMENT', 0, 'letter', due_date + 1, 'bench'
    FROM ins.premium_lines WHERE status = 'OVERDUE'
"""
"""Whoever is late was told so: who is still late a month after lapses."""
_CLOSED = """
    INSERT INTO ins.month_end_watermarks (org_id, policy_id, closed_through)
    SELECT org_id, id, %(through)s FROM ins.policies
"""


@dataclass(frozen=True, slots=True)
class BenchStage:
    """What a stage took: seconds, bytes of WAL, and the peak memory of each worker in MB."""

    seconds: float
    wal: int
    peaks: tuple[int, ...]


def main() -> None:
    """Load a book, plan and apply its month-end, write the floor, and print the ratios."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        folder = str(arguments.instance or made)
        environ = os.environ | {"INSURANCE_MODE": "demo", "INSURANCE_INSTANCE": folder}
        with Services(Path(folder)) as servers:
            bootstrap_server(servers.admin_url, "insurance")
            settings = load_settings(environ)
            upgrade(settings)
            _run(settings, servers, arguments.policies)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policies", type=int, default=1_000_000, help="size of the whole book")
    parser.add_argument("--instance", type=Path, help="keep the databases here")
    return parser.parse_args()


def _run(settings: Settings, servers: Services, policies: int) -> None:
    app = create_app(settings)
    admin = psycopg.connect(servers.url("postgres", "insurance"), autocommit=True)
    orgs = _load(app, admin, policies)
    _detach(app)
    planned = _stage(admin, lambda: _in_workers(app, _plan, orgs))
    print(_line("plan", policies, planned), flush=True)
    admin.close()
    with psycopg.connect(servers.admin_url, autocommit=True) as elsewhere:
        floor.copy_database(elsewhere)
    admin = psycopg.connect(servers.url("postgres", "insurance"), autocommit=True)
    marks = floor.marks(admin)
    applied = _stage(admin, lambda: _in_workers(app, _apply, orgs))
    print(_line("apply", policies, applied), flush=True)
    with psycopg.connect(servers.url("postgres", floor.COPY), autocommit=True) as copy:
        rows = floor.stage_rows(admin, copy, marks)
        url = servers.url("ins_app", floor.COPY)
        bare = _stage(copy, lambda: floor.write(url, orgs, WORKERS))
    print(_line("floor", policies, bare))
    _verdict(rows, planned, applied, bare)
    admin.close()


def _line(name: str, policies: int, stage: BenchStage) -> str:
    return (
        f"{name:6}{stage.seconds:9.1f} s {policies / stage.seconds:10,.0f} policies/s"
        f" {stage.wal / 1e6:10,.0f} MB WAL   peak MB {', '.join(map(str, stage.peaks)) or '-'}"
    )


def _verdict(
    rows: dict[str, int], planned: BenchStage, applied: BenchStage, bare: BenchStage
) -> None:
    written = sum(rows.values())
    print(f"{written:,} rows: " + ", ".join(f"{name} {count:,}" for name, count in rows.items()))
    print(
        f"apply / floor x{applied.seconds / bare.seconds:.2f} (target {APPLY_TARGET}),"
        f" plan / floor x{planned.seconds / bare.seconds:.2f} (target {PLAN_TARGET});"
        f" apply {written / applied.seconds:,.0f} rows/s, floor {written / bare.seconds:,.0f} rows/s;"
        f" WAL x{applied.wal / bare.wal:.2f};"
        f" peak {max(planned.peaks + applied.peaks)} MB a worker (target {MEMORY_TARGET})"
    )


def _load(app: Flask, admin: psycopg.Connection[Any], policies: int) -> list[UUID]:
    """Return insurers that have a book of so many policies between them, up to date today."""
    began = time.monotonic()
    others = policies * (1 - LARGEST) / (TENANTS - 1)
    sizes = [round(policies * LARGEST), *[round(others)] * (TENANTS - 1)]
    with app.app_context():
        orgs = [_insurer(number, size) for number, size in enumerate(sizes)]
    admin.execute(_PAID, {"until": TODAY, "late": 0})
    admin.execute("VACUUM ANALYZE")
    for org_id in orgs:
        with _as_system(app, org_id), clock.frozen(_moment(TODAY)):
            keep_schedules(on=TODAY, now=_moment(TODAY))
    admin.execute(_PAID, {"until": TODAY - timedelta(days=20), "late": 0})
    admin.execute(_PAID, {"until": TODAY, "late": 1})
    admin.execute(_CREDITED, {"on": TODAY})
    admin.execute(_WARNED)
    admin.execute(_PAID, {"until": DAY, "late": 6})
    admin.execute(_CLOSED, {"through": TODAY})
    admin.execute("VACUUM ANALYZE")
    print(f"{policies:,} policies of {TENANTS} insurers in {time.monotonic() - began:.0f} s")
    return orgs


def _insurer(number: int, policies: int) -> UUID:
    slug, opened = f"bench-{number}", _moment(date(2024, 1, 1))
    with platform_scope():
        known = find_entry(db.session(), slug)
    if known is not None:
        return known.org_id
    with clock.frozen(opened), acting_as(Actor(is_system=True)):
        org_id = create_organization(
            NewOrganization(name=f"Bench {number}", slug=slug, licence_type="LIFE"), now=opened
        )
    with tenant_scope(org_id), acting_as(Actor(is_system=True, org_id=org_id)):
        with clock.frozen(opened):
            seed_life_products(opened)
            for line in list_products(db.session(), limit=20).items:
                _index(line.product.id, opened)
        with clock.frozen(_moment(TODAY)):
            seed_book(policies, processes=WORKERS, days_old=DAYS_OLD)
    return org_id


def _index(product_id: UUID, now: datetime) -> None:
    rule = {
        "type": ProjectionType.INDEXED,
        "valid_from": now.date(),
        "fixed_rate": Decimal("5.50"),
        "cover_rate": Decimal("4.00"),
        "product_id": product_id,
    }
    services.record_escalation_rule(rule, now=now)


def _moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 8, tzinfo=UTC)


def _detach(app: Flask) -> None:
    """Give the forked workers connections of their own."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


class _as_system:  # noqa: N801 - reads as a statement
    """Act in an insurer as its jobs do."""

    def __init__(self, app: Flask, org_id: UUID) -> None:
        self.contexts = (
            app.app_context(),
            tenant_scope(org_id),
            acting_as(Actor(is_system=True, org_id=org_id)),
        )

    def __enter__(self) -> None:
        for context in self.contexts:
            context.__enter__()

    def __exit__(self, *error: Any) -> None:
        for context in reversed(self.contexts):
            context.__exit__(*error)


def _stage(admin: psycopg.Connection[Any], do: Callable[[], Sequence[int]]) -> BenchStage:
    before = admin.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0]
    began = time.monotonic()
    peaks = do()
    seconds = time.monotonic() - began
    wal = admin.execute(
        "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)", [before]
    ).fetchone()[0]
    return BenchStage(seconds, int(wal), tuple(peaks))


def _in_workers(app: Flask, work: Callable[[Flask, UUID], None], orgs: Sequence[UUID]) -> list[int]:
    """Let forked workers do something in every insurer; return the peak memory of each in MB."""
    context = multiprocessing.get_context("fork")
    with app.app_context():
        for org_id in orgs:
            with _as_system(app, org_id):
                _begin(work, org_id)
    _detach(app)
    peaks = context.Queue()

    def one() -> None:
        for org_id in orgs:
            work(app, org_id)
        peaks.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)

    processes = [context.Process(target=one) for _ in range(WORKERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise RuntimeError(f"A worker ended with {process.exitcode}.")
    return [peaks.get() for _ in processes]


def _begin(work: Callable[[Flask, UUID], None], org_id: UUID) -> None:
    """Ask for the plan, or for its application."""
    at = _moment(DAY)
    with clock.frozen(at):
        if work is _plan:
            wanted = services.WantedRun(process_date=DAY, steps=STEPS)
            services.request_run(wanted, on=DAY, now=at)
            return
        (run,) = queries.list_runs(db.session(), limit=1).items
        run_id = run.id
        db.session.rollback()
        checker = Actor(
            user_id=new_id(),
            email="checker@bench.example",
            org_id=org_id,
            roles=frozenset({Role.MANAGER}),
        )
        with acting_as(checker):
            services.approve_run(run_id, comment=None, now=at)
        services.apply_run(run_id, on=DAY, now=at)


def _plan(app: Flask, org_id: UUID) -> None:
    _work(app, org_id, RunStatus.PLANNING)


def _apply(app: Flask, org_id: UUID) -> None:
    _work(app, org_id, RunStatus.APPLYING)


def _work(app: Flask, org_id: UUID, status: RunStatus) -> None:
    """Do chunks until the stage is over; near its end another worker may hold the last ones."""
    with _as_system(app, org_id), clock.frozen(_moment(DAY) + timedelta(hours=1)):
        (run,) = queries.list_runs(db.session(), limit=1).items
        run_id = run.id
        db.session.rollback()
        services.work_on(run_id, now=clock.now)


if __name__ == "__main__":
    main()
