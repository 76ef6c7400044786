"""Sealing the audit log, and anchoring its seals."""

from flask import current_app

from insurance.audit_logs import anchors
from insurance.audit_logs.sealing import seal_events
from insurance.core import clock
from insurance.core.tenancy import current_org
from insurance.jobs.periodic import Periodic


def seal() -> None:
    """Seal what is unsealed in the organization in scope."""
    seal_events(current_app.config["SETTINGS"].seal_key, now=clock.now())


def anchor() -> None:
    """Keep the newest seal of the organization in scope in the configured place, if there is one."""
    folder = current_app.config["SETTINGS"].anchors
    if folder is not None:
        anchors.add_anchor(anchors.file_of(folder, current_org()), current_org(), clock.now())


PERIODIC = (
    Periodic(1, seal),
    Periodic(3600, anchor),
)
