"""Sending mail."""

from uuid import UUID

from flask import current_app

from insurance.notifications import services


def send_mail(mail_id: str) -> None:
    """Send one mail; a second run finds it sent and does nothing."""
    services.send_mail(UUID(mail_id), current_app.config["SETTINGS"])
