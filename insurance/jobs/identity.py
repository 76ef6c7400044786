"""Links that people ask for, and tidying up after them."""

from flask import current_app

from insurance.core import clock
from insurance.identity import services
from insurance.jobs.periodic import Periodic


def send_reset_link(email: str) -> None:
    """Mail a link for a new password if somebody has the address; a second run soon sends none."""
    services.send_reset_link(
        email, base_url=current_app.config["SETTINGS"].base_url, now=clock.now()
    )


def delete_expired() -> None:
    """Delete sessions, links and API sign-ins that have expired. Due once an hour."""
    services.delete_expired(now=clock.now())


PERIODIC = (Periodic(3600, delete_expired, per_organization=False),)
