"""The daily digest of what people were told, warnings in time, and forgetting what is old."""

from flask import current_app

from insurance.alerts import services
from insurance.core import clock
from insurance.jobs.periodic import Periodic


def send_digests() -> None:
    """Send what is unread, once a day and person; a second run sends nothing."""
    services.send_digests(address=current_app.config["SETTINGS"].base_url, now=clock.now())


def warn_of_keys() -> None:
    """Tell holders of API keys that are about to expire, once a key; a second run tells nobody."""
    services.warn_of_keys(now=clock.now())


def forget_old() -> None:
    """Delete what was read long ago; a second run finds nothing."""
    services.forget_old(now=clock.now())


PERIODIC = (
    Periodic(1800, send_digests),
    Periodic(3600, warn_of_keys),
    Periodic(86_400, forget_old),
)
