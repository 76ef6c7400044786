"""Sealing."""

from flask import current_app

from insurance.audit_logs.sealing import seal_events
from insurance.core import clock


def seal() -> None:
    """Seal what is unsealed in the organization in scope."""
    seal_events(current_app.config["SETTINGS"].seal_key, now=clock.now())
