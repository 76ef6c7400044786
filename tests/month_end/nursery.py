"""A process that holds the application ready and forks workers, so that killing one costs nothing.

It reads a command a line and answers with a line. `python -m tests.month_end.nursery`.
"""

import json
import os
import signal
import sys
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Flask
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from insurance.app import create_app
from insurance.core import clock
from insurance.core.context import Actor, Channel, acting_as
from insurance.core.db import db
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.core.tenancy import platform_scope, tenant_scope
from insurance.jobs import core, queue_of
from insurance.month_end import queries, services
from insurance.month_end.models import StepCode
from insurance.month_end.services import lists
from insurance.organizations.queries import find_entry
from insurance.organizations.services import NewOrganization, create_organization
from insurance.products.models import ProjectionType
from insurance.products.queries import list_products
from insurance.seeding.book import seed_book
from insurance.seeding.products import seed_life_products

DAY = date(2026, 11, 30)
NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
SLUG = "faulty-life"
CHUNK = 500
lists.LIST_CHUNK = 50


def load(app: Flask, policies: str) -> str:
    """Make an insurer with a book whose premiums rise by 5.5 per cent."""
    opened = datetime(2024, 1, 1, 8, tzinfo=UTC)
    with app.app_context(), acting_as(Actor(is_system=True)), clock.frozen(opened):
        wanted = NewOrganization(name="Faulty Life", slug=SLUG, licence_type="LIFE")
        org_id = create_organization(wanted, now=opened)
        with tenant_scope(org_id):
            seed_life_products(opened)
            for line in list_products(db.session(), limit=20).items:
                rule = {
                    "type": ProjectionType.INDEXED,
                    "valid_from": opened.date(),
                    "fixed_rate": Decimal("5.50"),
                    "product_id": line.product.id,
                }
                services.record_escalation_rule(rule, now=opened)
        with tenant_scope(org_id), clock.frozen(NOW):
            made = seed_book(int(policies), processes=2)
    return f"{org_id} {made}"


def request(app: Flask) -> str:
    """Ask for a month-end in chunks of some hundreds."""
    wanted = services.WantedRun(process_date=DAY, steps=frozenset(StepCode), chunk=CHUNK)
    with _inside(app):
        return str(services.request_run(wanted, on=DAY, now=NOW).id)


def apply(app: Flask, run_id: str) -> str:
    """Approve a plan and ask for its application."""
    checker = Actor(
        user_id=new_id(), email="checker@insurer.example", roles=frozenset({Role.MANAGER})
    )
    with _inside(app):
        with acting_as(checker):
            services.approve_run(UUID(run_id), comment=None, now=NOW)
        return str(services.apply_run(UUID(run_id), on=DAY, now=NOW).status)


def finish(app: Flask, run_id: str) -> str:
    """Do what is left of a run, undisturbed."""
    with _inside(app):
        services.work_on(UUID(run_id), now=lambda: NOW)
        return str(queries.get_run(db.session(), UUID(run_id)).status)


def spawn(app: Flask) -> str:
    """Fork a worker that takes jobs from the queue until it is killed."""
    pid = os.fork()
    if pid:
        return str(pid)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sys.stdin.close()
    try:
        _work_for_ever(app)
    finally:
        os._exit(1)


def _work_for_ever(app: Flask) -> None:
    with app.app_context():
        connection = app.extensions["redis"].from_url(app.config["SETTINGS"].redis_url)
        while True:
            with _inside(app):
                core.wake_waiting_jobs()
            with platform_scope():
                runner = SimpleWorker(
                    [queue_of(connection)], connection=connection, serializer=JSONSerializer
                )
                runner.work(burst=True, logging_level="ERROR", with_scheduler=False)
            time.sleep(0.05)


def _inside(app: Flask) -> ExitStack:
    """Work in the insurer as its jobs do."""
    stack = ExitStack()
    stack.enter_context(app.app_context())
    with platform_scope():
        entry = find_entry(db.session(), SLUG)
    assert entry is not None
    stack.enter_context(tenant_scope(entry.org_id))
    actor = Actor(is_system=True, org_id=entry.org_id, channel=Channel.JOB)
    stack.enter_context(acting_as(actor))
    return stack


def main() -> None:
    """Answer commands until there are no more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    app = create_app()
    known: dict[str, Any] = {"request": request, "apply": apply, "finish": finish, "spawn": spawn}
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        if name == "load":
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            said = load(app, *arguments)
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        else:
            with clock.frozen(NOW):
                said = known[name](app, *arguments)
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
