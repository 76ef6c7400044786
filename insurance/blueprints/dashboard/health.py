"""Whether each part of the platform works, by asking it, and what is released."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version

import structlog
from flask import Response, current_app
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.audit_logs.queries import get_seal_status
from insurance.blueprints.dashboard.show import bp
from insurance.core import clock, files
from insurance.core.db import db
from insurance.core.jobs import find_oldest_due
from insurance.core.settings import Settings
from insurance.jobs import last_heartbeat, queue_of
from insurance.notifications.queries import count_failed, find_oldest_waiting
from insurance.organizations.permissions import HealthMay
from insurance.web.access import requires
from insurance.web.filters import age, moment, number
from insurance.web.html import page

RELEASED = (
    "Full policy life cycle: quote, issue, billing, lapse, reinstatement",
    "23 classes of the Insurance Act, life and non-life, product by product",
    "Claims: submit, assess, approve or reject, pay",
    "Month-end: premiums, indexation, overdue marking, lapses, approved by a second person",
    "Escalation: level, indexed (CPI), stepped, reviewable",
    "Debit orders and bank files, reconciled to the cent",
    "Audit log of every change, sealed and provable",
)
_STALE = timedelta(minutes=10)
"""A worker says every seven minutes that it lives."""
_LATE = timedelta(minutes=5)
_MAIL_LATE = timedelta(hours=1)
_SEAL_LATE = timedelta(minutes=2)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Capability:
    """A part of the platform: its name, its state in a word, and what was seen."""

    name: str
    state: str
    seen: str
    needs_attention: bool = False


Check = Callable[[Session, Settings, datetime], Capability]


@bp.get("/health")
@requires(HealthMay.VIEW)
def health() -> Response:
    """Ask every part of the platform how it is."""
    capabilities = list_capabilities()
    return page(
        "dashboard/health.html",
        part="health",
        capabilities=capabilities,
        troubled=sum(capability.needs_attention for capability in capabilities),
        version=version("insurance"),
        released=RELEASED,
        asked_at=clock.now(),
    )


def list_capabilities() -> list[Capability]:
    """Return how each part is; one that cannot be asked is down."""
    session, settings, now = db.session(), current_app.config["SETTINGS"], clock.now()
    found = []
    for name, check in _CHECKS.items():
        try:
            found.append(check(session, settings, now))
        except (RedisError, OSError) as error:
            _log.warning("part of the platform is down", part=name, exc_info=error)
            found.append(Capability(name, "Down", "does not answer", needs_attention=True))
    return found


def _database(session: Session, _settings: Settings, _now: datetime) -> Capability:
    began = time.perf_counter()
    session.execute(text("SELECT 1"))
    took = (time.perf_counter() - began) * 1000
    return Capability(
        "Policies, billing and claims: database", "Connected", f"answers in {took:.0f} ms"
    )


def _queue(_session: Session, _settings: Settings, _now: datetime) -> Capability:
    waiting = queue_of(current_app.extensions["redis"]).count
    return Capability("Queue", "Operational", f"{number(waiting)} waiting for a worker")


def _worker(session: Session, _settings: Settings, now: datetime) -> Capability:
    name = "Month-end, notices and files: worker"
    seen = last_heartbeat(current_app.extensions["redis"])
    if seen is None or now - seen > _STALE:
        return Capability(name, "Down", "no worker has been seen", needs_attention=True)
    due = find_oldest_due(session, now - _LATE)
    if due is not None:
        return Capability(name, "Delayed", f"work waits since {moment(due)}", needs_attention=True)
    return Capability(name, "Operational", f"seen {age(seen)} ago, nothing is late")


def _mail(session: Session, settings: Settings, now: datetime) -> Capability:
    failed, oldest = count_failed(session), find_oldest_waiting(session)
    way = "by SMTP" if settings.smtp_url else "into a folder of this machine"
    if failed or (oldest and now - oldest > _MAIL_LATE):
        late = f", one waits since {moment(oldest)}" if oldest else ""
        return Capability("Mail", "Delayed", f"{number(failed)} failed{late}", needs_attention=True)
    return Capability("Mail", "Operational", f"leaves {way}, none failed")


def _files(_session: Session, settings: Settings, _now: datetime) -> Capability:
    files.check_store()
    where = "in a bucket" if settings.files_url else "in a folder of this machine"
    return Capability("Documents", "Operational", f"kept {where}")


def _sealing(session: Session, _settings: Settings, now: datetime) -> Capability:
    status = get_seal_status(session)
    name, sealed_at = "Compliance: sealing of the audit log", status.sealed_at
    if status.unsealed and (sealed_at is None or now - sealed_at > _SEAL_LATE):
        words = f"{number(status.unsealed)} entries wait for their seal"
        return Capability(name, "Delayed", words, needs_attention=True)
    return Capability(name, "Active", f"{number(status.seals)} seals, newest {moment(sealed_at)}")


def _backup(_session: Session, _settings: Settings, _now: datetime) -> Capability:
    return Capability("Backup", "Outside", "made by who runs the database; not seen from here")


_CHECKS: dict[str, Check] = {
    "Database": _database,
    "Queue": _queue,
    "Worker": _worker,
    "Mail": _mail,
    "Documents": _files,
    "Sealing": _sealing,
    "Backup": _backup,
}
