"""Who mail is from, on screen: senders by role, whose mail is whose, and their proof."""

from flask import current_app

from insurance.core.settings import Settings
from insurance.senders.permissions import SendersMay
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("senders", __name__, "/email-senders")
RAIL = (
    RailEntry(
        "Email senders",
        "senders.index",
        SendersMay.VIEW,
        "send",
        group="Control",
        place=65,
        key="e",
    ),
)


def settings() -> Settings:
    """Return what the deployment decides of mail."""
    return current_app.config["SETTINGS"]  # type: ignore[no-any-return]
